"""A TCP proxy that breaks what passes through it: between a client and a real server, no side knows of it."""

from __future__ import annotations

import socket
import struct
import threading
import time
from dataclasses import dataclass, field

BUSY = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 65\r\nConnection: close\r\n\r\n"
    b"<Error><Code>SlowDown</Code><Message>be patient</Message></Error>"
)


@dataclass
class Fault:
    """What happens to a request whose text holds `match`. kind: reset, stall, flip, delay, busy.

    after: bytes of the request (direction up) or of its answer (down) that still pass. times: how many requests it hits.
    """

    kind: str
    match: bytes = b""
    after: int = 0
    direction: str = "down"
    times: int = 1
    seconds: float = 0.0


@dataclass
class _Connection:
    client: socket.socket
    server: socket.socket
    fault: Fault | None = None
    passed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class FaultProxy:
    """Listens on .port and forwards to target_port. refuse: new connections are reset. requests: those seen, first lines."""

    def __init__(self, target_port: int) -> None:
        self.target_port, self.refuse, self.faults, self.requests = target_port, False, [], []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[_Connection] = []
        self._over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def add(self, *faults: Fault) -> None:
        self.faults.extend(faults)

    def close(self) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            _reset(each)

    def cut_all(self) -> None:
        """Resets what is open now."""
        for each in list(self._open):
            _reset(each)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self.refuse:
                    raise ConnectionRefusedError
                server = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                _linger_none(client)
                client.close()
                continue
            pair = _Connection(client, server)
            self._open.append(pair)
            for way in ("up", "down"):
                threading.Thread(target=self._pump, args=(pair, way), daemon=True).start()

    def _arm(self, pair: _Connection, chunk: bytes) -> None:
        if chunk.split(b" ", 1)[0] not in (b"GET", b"PUT", b"POST", b"HEAD", b"DELETE"):
            return
        with pair.lock:
            self.requests.append(chunk.split(b"\r\n", 1)[0].decode(errors="replace"))
            pair.fault, pair.passed = None, 0
            for fault in self.faults:
                if fault.times > 0 and fault.match in chunk:
                    fault.times -= 1
                    pair.fault = fault
                    return

    def _pump(self, pair: _Connection, way: str) -> None:
        source, target = (pair.client, pair.server) if way == "up" else (pair.server, pair.client)
        try:
            while chunk := source.recv(65536):
                if way == "up":
                    self._arm(pair, chunk)
                if not self._pass(pair, way, bytearray(chunk), target):
                    return
        except OSError:
            pass
        finally:
            _reset(pair)

    def _pass(self, pair: _Connection, way: str, chunk: bytearray, target: socket.socket) -> bool:
        fault = pair.fault
        if fault and fault.kind == "busy":
            pair.client.sendall(BUSY)
            pair.client.shutdown(socket.SHUT_WR)
            time.sleep(0.05)
            return False
        if fault and fault.direction == way:
            if fault.kind == "delay":
                time.sleep(fault.seconds)
            elif pair.passed + len(chunk) > fault.after:
                at = max(0, fault.after - pair.passed)
                if fault.kind == "flip":
                    chunk[at] ^= 0x01
                    pair.fault = None
                else:
                    target.sendall(chunk[:at])
                    if fault.kind == "stall":
                        self._over.wait(fault.seconds or 3600)
                    return False
            pair.passed += len(chunk)
        target.sendall(chunk)
        return True


def _linger_none(end: socket.socket) -> None:
    end.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )  # close() then sends RST


def _reset(pair: _Connection) -> None:
    for end in (pair.client, pair.server):
        try:
            _linger_none(end)
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()
