"""The service against the bare signature: latency of one client, throughput of many, bad pictures,
and SIGTERM under load.

python -m benchmarks.serving --model_dir OUT/model --images FOLDER [--seconds 60] [--clients 32]
python -m benchmarks.serving --model_dir OUT/model --images FOLDER --soak 10    minutes with 1, 2, 4
... 64 clients in turn instead: every answer is compared with that of the picture alone.

Rounds of the bare signature and of the service alternate, so that a busy machine slows both; ratios
are what counts. Only 127.0.0.1 is asked.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.data.feeding.decoding import decode_image

HEAD = b'--b\r\nContent-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
LAME_DUCK = 3


class Server:
    """A server process of its own."""

    def __init__(self, model_dir: str, options: list[str]) -> None:
        """Start it, and wait until it is ready."""
        command = [
            sys.executable,
            "-m",
            "algorithm",
            "serve",
            "--model_dir",
            model_dir,
            "--port",
            "0",
            f"--lame_duck={LAME_DUCK}",
        ]
        self.process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.port = int(re.search(r":(\d+)/", self.process.stdout.readline()).group(1))

    def rss(self) -> float:
        """Resident MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024

    def connect(self) -> http.client.HTTPConnection:
        """A new connection, not opened yet."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)


def ask(connection: http.client.HTTPConnection, body: bytes) -> int:
    """Status of a posted picture."""
    connection.request("POST", "/", body, FORM)
    response = connection.getresponse()
    response.read()
    return response.status


def latency(
    signature, server: Server, pictures: list[np.ndarray], bodies: list[bytes], rounds: int
) -> dict[str, float]:
    """Median ms of each, turn about for every picture; the ratio of the medians, and the
    median of the ratios in pairs.
    """
    connection, bare, served = server.connect(), [], []
    for turn in range(rounds + 3):
        for pixels, body in zip(pictures, bodies, strict=True):
            begun = time.perf_counter()
            {
                name: value.numpy()
                for name, value in signature(images=tf.constant(pixels[None])).items()
            }
            middle = time.perf_counter()
            assert ask(connection, body) == 200
            if turn >= 3:
                bare.append(middle - begun)
                served.append(time.perf_counter() - middle)
    return {
        "signature_ms": 1e3 * statistics.median(bare),
        "http_ms": 1e3 * statistics.median(served),
        "ratio": statistics.median(served) / statistics.median(bare),
        "median_of_pairs": statistics.median(b / a for a, b in zip(bare, served, strict=True)),
    }


def signature_rate(signature, picture: np.ndarray, batch: int, seconds: float) -> float:
    """Pictures a second of batches of one picture repeated."""
    images = tf.constant(np.repeat(picture[None], batch, axis=0))
    signature(images=images)
    done, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        {name: value.numpy() for name, value in signature(images=images).items()}
        done += batch
    return done / (time.perf_counter() - begun)


def load(
    server: Server, bodies: list[bytes], clients: int, seconds: float, *, bad: bool = False
) -> dict[str, object]:
    """What many clients saw: rate of good answers, latencies in ms, statuses (of good and of
    bad pictures), memory of the server.
    """
    good, times, wrong = {}, [], {}
    end, lock, begun = time.perf_counter() + seconds, threading.Lock(), time.perf_counter()
    memory = [server.rss()]

    def client(number: int) -> None:
        connection, count = server.connect(), 0
        while time.perf_counter() < end:
            count += 1
            is_bad = bad and (number + count) % 10 == 0
            body = (
                HEAD + os.urandom(20_000) + b"\r\n--b--\r\n"
                if is_bad
                else bodies[(number + count) % len(bodies)]
            )
            start = time.perf_counter()
            status = ask(connection, body)
            with lock:
                seen = wrong if is_bad else good
                seen[status] = seen.get(status, 0) + 1
                if not is_bad:
                    times.append(time.perf_counter() - start)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(min(5, seconds / 6))
        memory.append(server.rss())
    p50, p99 = (1e3 * float(np.percentile(times, q)) for q in (50, 99))
    return {
        "rate": len(times) / (time.perf_counter() - begun),
        "p50_ms": p50,
        "p99_ms": p99,
        "p99/p50": p99 / p50,
        "statuses": good,
        "bad_statuses": wrong,
        "rss_mib": [round(value) for value in memory],
    }


def soak(server: Server, bodies: list[bytes], minutes: float) -> list[dict[str, object]]:
    """For each number of clients: requests, statuses, answers that differ from the picture's
    own, latency, memory of the server.
    """
    crowds, found = [2**power for power in range(7)], []
    alone = [reply(server.connect(), body)[1] for body in bodies]
    for clients in crowds:
        times, statuses, wrong, end = (
            [],
            Counter(),
            [],
            time.perf_counter() + 60 * minutes / len(crowds),
        )

        def client(
            number: int,
            end: float = end,
            times: list = times,
            statuses: Counter = statuses,
            wrong: list = wrong,
        ) -> None:
            connection, count = server.connect(), number
            while time.perf_counter() < end:
                count, begun = count + 1, time.perf_counter()
                try:
                    status, answer = reply(connection, bodies[count % len(bodies)])
                except (OSError, ValueError, http.client.HTTPException) as error:
                    connection, status, answer = server.connect(), type(error).__name__, {}
                times.append(time.perf_counter() - begun)
                statuses[status] += 1
                if status == 200 and not same(answer, alone[count % len(bodies)]):
                    wrong.append((answer, alone[count % len(bodies)]))

        threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found.append(
            {
                "clients": clients,
                "statuses": dict(statuses),
                "wrong": len(wrong),
                "an example": wrong[:1],
                "p50_ms": 1e3 * float(np.percentile(times, 50)),
                "p99_ms": 1e3 * float(np.percentile(times, 99)),
                "rss_mib": round(server.rss()),
            }
        )
        print(json.dumps(found[-1]), flush=True)
    return found


def reply(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, dict[str, list]]:
    """Status and answer to a posted picture."""
    connection.request("POST", "/", body, FORM)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def same(one: dict[str, list], other: dict[str, list]) -> bool:
    """Whether the same classes are found in the same places: a batch may sum in another order,
    nothing more.
    """
    return one["detection_classes"] == other["detection_classes"] and all(
        np.allclose(one[name], other[name], atol=tolerance)
        for name, tolerance in (("detection_boxes", 0.05), ("detection_scores", 1e-3))
    )


def stop_under_load(server: Server, bodies: list[bytes], clients: int) -> dict[str, object]:
    """SIGTERM while clients go on with a connection for each request: answered, refused (not
    connected), lost (connected, no answer).
    """
    counts, lock, stop = (
        {"answered": 0, "refused": 0, "lost": 0},
        threading.Lock(),
        threading.Event(),
    )

    def client(number: int) -> None:
        while not stop.is_set():
            connection = server.connect()
            try:
                connection.connect()
            except OSError:
                outcome = "refused"
                stop.set()
            else:
                try:
                    outcome = (
                        "answered"
                        if ask(connection, bodies[number % len(bodies)]) in (200, 503)
                        else "lost"
                    )
                except (OSError, http.client.HTTPException):
                    outcome = "lost"
            connection.close()
            with lock:
                counts[outcome] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    server.process.send_signal(signal.SIGTERM)
    sent = time.monotonic()
    code = server.process.wait(120)
    stop.set()
    for thread in threads:
        thread.join()
    return {
        **counts,
        "exit_code": code,
        "seconds_after_sigterm": round(time.monotonic() - sent, 1),
        "lame_duck": LAME_DUCK,
    }


def arguments_of() -> argparse.Namespace:
    """Return what was typed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--images", required=True, help="folder of JPEG pictures")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--soak", type=float, default=0, help="minutes")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--serve", default="", help="more flags for serve, separated by spaces")
    return parser.parse_args()


def main() -> None:
    """Print each part as JSON."""
    arguments = arguments_of()
    paths = sorted(Path(arguments.images).glob("*.jpg"))[:16]
    contents = [path.read_bytes() for path in paths]
    bodies = [HEAD + content + b"\r\n--b--\r\n" for content in contents]
    pictures = [
        decode_image(content, path.name) for content, path in zip(contents, paths, strict=True)
    ]
    server = Server(arguments.model_dir, arguments.serve.split())
    if arguments.soak:
        found = soak(server, bodies, arguments.soak)
        server.process.terminate()
        print(json.dumps({"exit_code": server.process.wait(60)}))
        if any(row["wrong"] or set(row["statuses"]) != {200} for row in found):
            raise SystemExit("some answers were wrong or missing")
        return
    model = tf.saved_model.load(arguments.model_dir)  # held: its signature only borrows the weights
    signature = model.signatures["serving_default"]
    print(
        json.dumps(
            {"latency": latency(signature, server, pictures, bodies, arguments.rounds)}, indent=1
        ),
        flush=True,
    )
    half = max(2.0, arguments.seconds / 20)
    for name, bad in (("load", False), ("load with 10% bad", True)):
        rates = {
            batch: [signature_rate(signature, pictures[0], batch, half)]
            for batch in (1, 2, 4, 8, 16)
        }
        found = load(server, bodies, arguments.clients, arguments.seconds, bad=bad)
        for batch in rates:
            rates[batch].append(signature_rate(signature, pictures[0], batch, half))
        means = {batch: statistics.mean(values) for batch, values in rates.items()}
        print(
            json.dumps(
                {
                    name: {
                        **found,
                        "signature_rates": means,
                        "ratio": found["rate"] / max(means.values()),
                    }
                },
                indent=1,
            ),
            flush=True,
        )
    print(
        json.dumps({"stop": stop_under_load(server, bodies, arguments.clients)}, indent=1),
        flush=True,
    )


if __name__ == "__main__":
    main()
