"""A local platform that runs until it is told to stop."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from waitress.server import create_server

from algorithm.errors import ArgumentError, PlatformError
from algorithm.local_platform.api.calls import Platform
from algorithm.local_platform.api.platform_app import BODY_LIMIT, Keys, app_of
from algorithm.local_platform.ledger import Ledger
from algorithm.local_platform.scheduler import Scheduler
from algorithm.local_platform.services import Services
from algorithm.local_platform.settings import Settings, lock
from algorithm.storage.location import OBS_ROOT

KEY_FILE = "keys.json"
_THREADS = 32  # calls at a time; a prediction holds one while it is answered


def serve(
    settings: Settings, host: str, port: int, obs_root: str = "", signed: bool = True
) -> None:
    """Serve until SIGTERM or SIGINT. Services end then; jobs go on, and the next start finds them.

    Args:
        settings: The settings.
        host: The address to listen at.
        port: The port; 0 takes a free one.
        obs_root: The folder whose folders are the buckets; "" for a real store.
        signed: Whether calls must be signed.

    Raises:
        PlatformError: Another platform has the root.
        ArgumentError: The address cannot be had, or a folder cannot be made.
    """
    obs_root = obs_root or os.environ.get(OBS_ROOT, "")
    try:
        for folder in filter(None, (settings.root, obs_root)):
            Path(folder).mkdir(parents=True, exist_ok=True)
        listener = socket.create_server((host, port), backlog=256)
    except (OSError, OverflowError) as error:
        raise ArgumentError(f"cannot use {settings.root} or {host}:{port}: {error}") from error
    held = lock(Path(settings.root) / "platform.lock")
    if held is None:
        listener.close()
        raise PlatformError(
            f"expected to be alone in {settings.root}, found another platform there"
        )
    if obs_root:
        os.environ[OBS_ROOT] = str(Path(obs_root).resolve())
    platform = platform_of(settings)
    keys = keys_of(Path(settings.root), os.environ) if signed else None
    sockets: dict[int, Any] = {}
    server = create_server(
        app_of(platform, keys, host),
        map=sockets,
        sockets=[listener],
        ident=None,
        threads=_THREADS,
        max_request_body_size=BODY_LIMIT + 1,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    threading.Thread(target=platform.services.resume, daemon=True).start()
    platform.scheduler.start()
    print(
        "\n".join(_greeting(f"http://{host}:{server.effective_port}", keys, obs_root)), flush=True
    )
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
        left = platform.scheduler.stop()
        platform.services.close()
        held.close()
    if left:
        print(f"{len(left)} job(s) go on; the next platform in {settings.root} finds them")


def platform_of(settings: Settings) -> Platform:
    """Return the parts of a platform, which do nothing yet."""
    settings = replace(settings, root=str(Path(settings.root).resolve()))
    ledger = Ledger(settings.ledger)
    return Platform(settings, ledger, Scheduler(settings, ledger), Services(settings, ledger))


def keys_of(root: Path, environment: Mapping[str, str]) -> Keys:
    """Return the keys of a platform.

    They are those of its root, which are made at its first start. ACCESS_KEY and SECRET_KEY of the
    environment win.
    """
    path = root / KEY_FILE
    if not path.exists():
        made = {name: secrets.token_hex(16) for name in ("access", "secret", "token")}
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(made, file)
    kept = json.loads(path.read_text())
    return Keys(
        environment.get("ACCESS_KEY") or kept["access"],
        environment.get("SECRET_KEY") or kept["secret"],
        kept["token"],
    )


def _stop(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _greeting(url: str, keys: Keys | None, obs_root: str) -> list[str]:
    store = f"obs://NAME/KEY is {obs_root}/NAME/KEY" if obs_root else "obs:// is the store of S3_*"
    lines = [f"local platform at {url}; {store}"]
    lines.append("No GPU, pool, billing or permission is imitated; no image is pulled.")
    if keys is None:
        note = "Calls need no signature: every user of this machine can run commands."
        return [*lines, f"page: {url}/", note]
    lines.append(f"page: {url}/#token={keys.token}")
    variables = {
        "ENDPOINT": url,
        "PROJECT_ID": "local",
        "ACCESS_KEY": keys.access,
        "SECRET_KEY": keys.secret,
        "TOKEN": keys.token,
    }
    return [*lines, f"export {' '.join(f'{name}={each}' for name, each in variables.items())}"]
