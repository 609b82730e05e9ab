"""A local platform in a process of its own, and what is asked of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from lifetime import bound

PROJECT = Path(__file__).resolve().parents[1]
ENDED = ("Completed", "Failed", "Terminated", "Abnormal")
_OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass
class LocalPlatform:
    """A platform in `root`; restart() after kill()."""

    root: Path
    flags: tuple[str, ...] = ()
    process: subprocess.Popen | None = None
    keys: dict[str, str] = field(default_factory=dict)
    token: str = ""
    store: str = ""  # obs://BUCKET of a real store, in place of folders

    def start(self) -> None:
        log = self.root / "platform.log"
        command = [sys.executable, "-m", "algorithm", "platform", "--port=0"]
        places = [f"--root={self.root / 'work'}", *self._obs_root()]
        fast = ["--upload_seconds=0.5", "--stop_seconds=3"]
        environment = {name: each for name, each in os.environ.items() if name not in KEYS}
        with log.open("w") as file:
            self.process = subprocess.Popen(
                bound(*command, *places, *fast, *self.flags),
                cwd=PROJECT,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        greeted = ("export ", "Calls need no signature")
        wait_for(
            lambda: (
                any(line.startswith(greeted) for line in log.read_text().splitlines())
                or self.process.poll() is not None
            )
        )
        assert self.process.poll() is None, log.read_text()
        self.keys = dict(re.findall(r"(\w+)=(\S+)", log.read_text().partition("export ")[2]))
        self.keys |= {"ENDPOINT": re.search(r"http://127\.0\.0\.1:\d+", log.read_text())[0]}
        self.token = self.keys.get("TOKEN", "")

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(30)

    def _obs_root(self) -> list[str]:
        return [] if self.store else [f"--obs_root={self.buckets}"]

    @property
    def buckets(self) -> Path:
        return self.root / "buckets"

    @property
    def bucket(self) -> Path:
        return self.buckets / "my-bucket"

    def call(self, method: str, path: str, body=None, headers=None, raw: bytes | None = None):
        """(status, JSON) of a call with the token; the project is `local`."""
        status, content = self.raw_call(method, path, body, headers, raw)
        return status, json.loads(content)

    def raw_call(self, method, path, body=None, headers=None, raw=None):
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        given = {"X-Auth-Token": self.token, "Content-Type": "application/json"} | (headers or {})
        request = urllib.request.Request(
            self.keys["ENDPOINT"] + path, content, given, method=method
        )
        try:
            with _OPEN(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def submit(self, request: dict) -> str:
        status, job = self.call("POST", "/v2/local/training-jobs", request)
        assert status == 201, job
        return job["metadata"]["id"]

    def job(self, identifier: str) -> dict:
        return self.call("GET", f"/v2/local/training-jobs/{identifier}")[1]

    def phase(self, identifier: str) -> str:
        return self.job(identifier)["status"]["phase"]

    def log(self, identifier: str, task: str = "worker-0") -> str:
        path = f"/v2/local/training-jobs/{identifier}/tasks/{task}/logs/preview"
        return self.call("GET", path)[1]["content"]

    def ended(self, identifier: str, seconds: float = 30) -> dict:
        """The job when it has ended."""
        wait_for(lambda: self.phase(identifier) in ENDED, seconds)
        return self.job(identifier)

    def printed(self, identifier: str, text: str) -> None:
        wait_for(lambda: text in self.log(identifier))

    def terminate(self, identifier: str) -> tuple[int, dict]:
        path = f"/v2/local/training-jobs/{identifier}/actions"
        return self.call("POST", path, {"action_type": "terminate"})

    def script(self, text: str, name: str = "job.py") -> str:
        """Puts a script into the bucket, and returns the command that runs it as `code_dir`."""
        folder = self.bucket / "code"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
        return f"/opt/venv/bin/python ${{MA_JOB_DIR}}/code/{name}"


KEYS = ("ACCESS_KEY", "SECRET_KEY", "OBS_ROOT")


def wait_for(happened, seconds: float = 30) -> None:
    """Waits until it has happened."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(0.05)


def job_request(command: str, **algorithm) -> dict:
    """A request for a job with an input, an output, a log and code."""
    places = {
        "inputs": [{"name": "data_url", "remote": {"obs": {"obs_url": "/my-bucket/dataset/"}}}],
        "outputs": [{"name": "train_url", "remote": {"obs": {"obs_url": "/my-bucket/output/"}}}],
    }
    return {
        "kind": "job",
        "metadata": {"name": "sample"},
        "algorithm": {
            "command": command,
            "code_dir": "/my-bucket/code/",
            "engine": {"image_url": "my-organization/image:1"},
            "parameters": [],
            **places,
            **algorithm,
        },
        "spec": {
            "resource": {"flavor_id": "my-flavor", "node_count": 1},
            "log_export_path": {"obs_url": "/my-bucket/log/"},
        },
    }


def new_platform(root: Path, *flags: str) -> LocalPlatform:
    platform = LocalPlatform(root, flags)
    (platform.bucket / "dataset").mkdir(parents=True)
    (platform.bucket / "dataset" / "a.txt").write_text("an input")
    (platform.bucket / "code").mkdir()
    (platform.bucket / "code" / "readme.txt").write_text("code")
    platform.start()
    return platform


def processes_of(identifier: str, word: str = "") -> list[int]:
    """The processes that were started for a job or service, those with a word in their command."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mine = f"LOCAL_PLATFORM_ID={identifier}".encode() in (folder / "environ").read_bytes()
            if mine and word.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
