"""A strict S3 server, Ceph's RADOS gateway over TLS: a monitor, one object store in a sparse file, and the gateway."""

from __future__ import annotations

import contextlib
import shutil
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from tests.lifetime import bound
from tests.storage.seaweed import free_ports

KEY, SECRET = "test-key", "test-secret-never-shown"
PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph")
ATTEMPTS = 10
CLASSES = sorted(Path("/usr/lib").glob("*/rados-classes"))


def missing() -> list[str]:
    """Programs of the server that are not installed here (Debian: radosgw, ceph-mon, ceph-osd)."""
    return [name for name in PROGRAMS if shutil.which(name) is None] + (
        [] if CLASSES else ["rados-classes"]
    )


class CephServer:
    """https: the gateway's endpoint. certificate: self-signed. The constructor returns when objects can be written."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._processes = folder, []
        monitor, gateway = free_ports(2)
        self.https, self.certificate = f"https://127.0.0.1:{gateway}", folder / "cert.pem"
        self._configure(monitor, gateway)
        try:
            self._start_monitor(monitor)
            self._start_store()
            self._run(
                "radosgw-admin",
                "user",
                "create",
                "--uid=test",
                "--display-name=test",
                f"--access-key={KEY}",
                f"--secret={SECRET}",
                timeout=120,
            )
            self._begin("radosgw", "-f", "-n", "client.rgw")
            self._wait_for_gateway()
        except BaseException:
            self.stop()
            raise

    def _configure(self, monitor: int, gateway: int) -> None:
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-keyout",
                self._folder / "key.pem",
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
        both = self._folder / "both.pem"
        both.write_text((self._folder / "key.pem").read_text() + self.certificate.read_text())
        self._id = str(uuid.uuid4())
        settings = {
            "fsid": self._id,
            "mon_host": f"v1:127.0.0.1:{monitor}",
            "mon_initial_members": "a",
            "ms_bind_msgr2": "false",
            "auth_cluster_required": "none",
            "auth_service_required": "none",
            "auth_client_required": "none",
            "osd_pool_default_size": 1,
            "osd_pool_default_min_size": 1,
            "osd_pool_default_pg_num": 1,
            "osd_pool_default_pgp_num": 1,
            "mon_allow_pool_size_one": "true",
            "osd_crush_chooseleaf_type": 0,
            "mon_warn_on_pool_no_redundancy": "false",
            "osd_pool_default_pg_autoscale_mode": "off",
            "osd_class_dir": CLASSES[0],
            "osd_objectstore": "bluestore",
            "bluestore_block_size": 10 * 2**30,
            "osd_data": self._folder / "osd",
            "mon_data": self._folder / "mon",
            "run_dir": self._folder,
            "admin_socket": self._folder / "$name.sock",
            "log_file": self._folder / "$name.log",
            "pid_file": "",
            "mon_data_avail_crit": 1,
            "mon_data_avail_warn": 2,
            "keyring": "/dev/null",
            "ms_bind_ipv6": "false",
            "public_addr": "127.0.0.1",
            "cluster_addr": "127.0.0.1",
            "osd_max_object_name_len": 256,
        }
        lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
        (self._folder / "ceph.conf").write_text(
            f"[global]\n{lines}\n[client.rgw]\nrgw_frontends = beast ssl_endpoint=127.0.0.1:{gateway} ssl_certificate={both}\n"
            f"rgw_dns_name = localhost\nrgw_data = {self._folder / 'rgw'}\n"
        )
        for name in ("mon", "osd", "rgw"):
            (self._folder / name).mkdir()

    def _start_monitor(self, port: int) -> None:
        members = self._folder / "monmap"
        subprocess.run(
            [
                "monmaptool",
                "--create",
                "--clobber",
                "--fsid",
                self._id,
                "--addv",
                "a",
                f"[v1:127.0.0.1:{port}]",
                members,
            ],
            check=True,
            capture_output=True,
        )
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", str(members))
        self._begin("ceph-mon", "-f", "-i", "a")

    def _start_store(self) -> None:
        store = str(uuid.uuid4())
        self._run("ceph", "osd", "new", store)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", store)
        store_process = self._begin("ceph-osd", "-f", "-i", "0")
        for _ in range(60):
            if (
                store_process.poll() is not None
            ):  # it gives up ("wrong fsid") when it asks before it has heard who the monitor is
                store_process = self._begin("ceph-osd", "-f", "-i", "0")
            if "1 up" in self._run("ceph", "osd", "stat"):
                return
            time.sleep(0.5)
        raise TimeoutError("the object store did not come up within a minute")

    def _run(self, *command: str, timeout: float = 60) -> str:
        for _ in range(ATTEMPTS):  # a monitor that has only just begun refuses some commands
            done = subprocess.run(
                bound(command[0], "-c", self._folder / "ceph.conf", *command[1:]),
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
            if done.returncode == 0 or command[0] != "ceph":
                break
            time.sleep(1)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
        return done.stdout

    def _begin(self, *command: str) -> subprocess.Popen:
        with (self._folder / f"{command[0]}.out").open("wb") as out:
            self._processes.append(
                subprocess.Popen(
                    bound(command[0], "-c", self._folder / "ceph.conf", *command[1:]),
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )
            )
        return self._processes[-1]

    def _wait_for_gateway(self) -> None:
        trusted = ssl.create_default_context(cafile=self.certificate)
        for _ in range(240):
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(self.https, context=trusted, timeout=5),
            ):
                return
            time.sleep(0.25)
        raise TimeoutError("the gateway did not answer within a minute")

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.send_signal(signal.SIGKILL)
            process.wait()
