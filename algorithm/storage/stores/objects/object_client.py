"""The client of an S3-compatible store (OBS, S3), made from the environment.

This is the only file that knows boto3.
"""

from __future__ import annotations

import ipaddress
import os
import re
import threading
import warnings
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from urllib3.exceptions import InsecureRequestWarning

from algorithm.errors import StorageError

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10.0, 60.0
CONNECTIONS = 32
_STYLES = ("path", "virtual", "auto")
_OFF = ("0", "false", "no", "off")
# The first of these names that is set counts.
_NAMES = {
    "endpoint": ("S3_ENDPOINT", "OBS_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "region": ("S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
    "key": ("ACCESS_KEY_ID", "OBS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
    "secret": ("SECRET_ACCESS_KEY", "OBS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
    "token": ("SECURITY_TOKEN", "OBS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"),
    "style": ("S3_ADDRESSING_STYLE", "AWS_S3_ADDRESSING_STYLE"),
}
_clients: dict[tuple[Settings, float, float], Any] = {}
_making = threading.Lock()


@dataclass(frozen=True)
class Settings:
    """Where a store is and how to speak to it.

    Attributes:
        endpoint: Its address, or None for Amazon's.
        region: The region.
        style: The addressing style.
        verify: Whether to check its certificate; False takes any.
        key: The access key, or None.
        secret: The secret key, or None.
        token: The session token, or None.
    """

    endpoint: str | None
    region: str
    style: str
    verify: bool
    key: str | None
    secret: str | None = field(repr=False)
    token: str | None = field(repr=False)


def settings() -> Settings:
    """Return the settings that the environment gives now.

    Raises:
        StorageError: The addressing style is unknown.
    """
    endpoint = _endpoint()
    style = _first("style") or ("path" if needs_path_style(endpoint) else "auto")
    if style not in _STYLES:
        raise StorageError(
            f"S3_ADDRESSING_STYLE: expected one of {', '.join(_STYLES)}, found '{style}'"
        )
    return Settings(
        endpoint,
        _first("region") or region_of(endpoint),
        style,
        not _is_off("S3_VERIFY_SSL"),
        _first("key"),
        _first("secret"),
        _first("token"),
    )


def client() -> Any:
    """Return the boto3 client for the present environment.

    It is one for all threads, made when it is first needed.
    """
    wanted = (settings(), CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
    with _making:
        if wanted not in _clients:
            _clients[wanted] = _make(*wanted)
        return _clients[wanted]


def forget_clients() -> None:
    """Close the connections of all clients; the next call makes a new one."""
    with _making:
        for each in _clients.values():
            each.close()
        _clients.clear()


def _make(chosen: Settings, connect_timeout: float, read_timeout: float) -> Any:
    if not chosen.verify:
        warnings.filterwarnings(
            "ignore", category=InsecureRequestWarning
        )  # S3_VERIFY_SSL=0 asked for it
    return boto3.client(
        "s3",
        endpoint_url=chosen.endpoint,
        region_name=chosen.region,
        aws_access_key_id=chosen.key,
        aws_secret_access_key=chosen.secret,
        aws_session_token=chosen.token,
        verify=None
        if chosen.verify
        else False,  # None: the system's certificates, or those in AWS_CA_BUNDLE
        config=Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            max_pool_connections=CONNECTIONS,
            retries={
                "mode": "standard",
                "total_max_attempts": 1,
            },  # retrying.py decides; retries here would multiply its own
            # OBS refuses the checksum trailers that newer boto3 versions send by default over TLS.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": chosen.style},
        ),
    )


def _endpoint() -> str | None:
    endpoint = _first("endpoint")
    if endpoint is None or "://" in endpoint:
        return endpoint
    return ("http://" if _is_off("S3_USE_HTTPS") else "https://") + endpoint


def region_of(endpoint: str | None) -> str:
    """Return the region that an OBS endpoint names (obs.REGION.domain).

    Args:
        endpoint: The address, or None.

    Returns:
        The region, or "us-east-1", which S3-like stores take for granted.
    """
    match = re.search(r"//obs\.([a-z0-9-]+)\.", endpoint or "")
    return match[1] if match else "us-east-1"


def needs_path_style(endpoint: str | None) -> bool:
    """Return whether a bucket cannot be a subdomain: an address in numbers, or this machine."""
    host = urlsplit(endpoint or "").hostname or ""
    try:
        return host == "localhost" or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _is_off(name: str) -> bool:
    return os.environ.get(name, "1").strip().lower() in _OFF


def _first(kind: str) -> str | None:
    return next((os.environ[name] for name in _NAMES[kind] if os.environ.get(name)), None)
