"""Moving folders to and from an S3 server: this project, a plain boto3 loop, and a command-line
client, in one run.

    python benchmarks/transfer.py --client build/awscli/bin/aws

starts SeaweedFS (the extra `test`), makes many small files and few large ones, and moves each set
up and down with every way in turn, --repeats times, interleaved. Prints seconds, MB/s and files/s
of the median, then the most memory that this project's process held while it moved one object of
--object-mb. --client names the `aws` program; without it that row is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3

from algorithm import storage

Move = Callable[[str, str], None]


def seaweed() -> ModuleType:
    """The server that the tests use."""
    path = Path(__file__).resolve().parents[1] / "tests/storage/seaweed.py"
    spec = importlib.util.spec_from_file_location("seaweed", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["seaweed"] = module
    spec.loader.exec_module(module)
    return module


def write_files(folder: Path, count: int, size: int) -> None:
    """Files of random bytes, a hundred in each folder."""
    for index in range(count):
        path = folder / f"{index // 100:03d}" / f"{index:05d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, size, 1 << 20):
                file.write(os.urandom(min(1 << 20, size - start)))


def ours(source: str, target: str) -> None:
    """This project."""
    storage.sync(source, target)


def boto3_loop(source: str, target: str) -> None:
    """One file after the other, by boto3's own upload_file and download_file with their
    defaults.
    """
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    if source.startswith("s3://"):
        bucket, _, prefix = source.removeprefix("s3://").partition("/")
        for page in client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"{prefix}/"
        ):
            for entry in page.get("Contents", ()):
                path = Path(target) / entry["Key"].removeprefix(f"{prefix}/")
                path.parent.mkdir(parents=True, exist_ok=True)
                client.download_file(bucket, entry["Key"], str(path))
    else:
        bucket, _, prefix = target.removeprefix("s3://").partition("/")
        for path in sorted(each for each in Path(source).rglob("*") if each.is_file()):
            client.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(source)}")


def command_line(program: str) -> Move:
    """The `aws` program: aws s3 sync."""

    def move(source: str, target: str) -> None:
        subprocess.run([program, "s3", "sync", "--only-show-errors", source, target], check=True)

    return move


def run_set(
    server: Any, ways: dict[str, Move], name: str, count: int, size: int, repeats: int
) -> None:
    """Moves one set up and down with every way, interleaved, and prints a row for each."""
    seconds: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder) / "set", count, size)
        for _ in range(repeats):
            for way, move in ways.items():
                url, back = f"s3://{server.bucket()}/set", Path(folder) / "back"
                for direction, source, target in (
                    ("up", f"{folder}/set", url),
                    ("down", url, str(back)),
                ):
                    start = time.perf_counter()
                    move(source, target)
                    seconds.setdefault((direction, way), []).append(time.perf_counter() - start)
                if sum(path.stat().st_size for path in back.rglob("*.bin")) != count * size:
                    raise SystemExit(f"{way}: not all came back")
                shutil.rmtree(back)
                storage.remove_folder(url)
    for (direction, way), measured in sorted(seconds.items()):
        median = statistics.median(measured)
        print(
            f"{name:>22} {direction:>5} {way:>12} {median:>8.2f} "
            f"{count * size / 1e6 / median:>8.1f} {count / median:>8.0f}",
            flush=True,
        )


def peak_memory(
    answers: multiprocessing.Queue, work: Callable[..., object], *arguments: object
) -> None:
    """Puts (MiB before, most MiB, seconds) of one piece of work into `answers`; in a process
    of its own.
    """
    storage.info("s3://no-such-bucket-here/a")  # imports and connects
    before, start = high_water(), time.perf_counter()
    work(*arguments)
    answers.put((before, high_water(), time.perf_counter() - start))


def report(name: str, work: Callable[..., object], *arguments: object) -> None:
    """Does one piece of work in a process of its own and prints what it took."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=peak_memory, args=(answers, work, *arguments))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{name}: failed")
    before, most, took = answers.get()
    print(f"{name}: {took:.1f} s, {most:.0f} MiB at most ({before:.0f} before)", flush=True)


def high_water() -> float:
    """The most memory this process ever held, in MiB. getrusage would count what its parent
    held before it.
    """
    line = next(
        each
        for each in Path("/proc/self/status").read_text().splitlines()
        if each.startswith("VmHWM")
    )
    return int(line.split()[1]) / 1024


def run_object(server: Any, size: int) -> None:
    """Moves one large object up and down and prints the memory it took."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), 1, size)
        source, url = f"{folder}/000/00000.bin", f"s3://{server.bucket()}/large"
        report(f"one object of {size / 1e6:.0f} MB up", storage.copy, source, url)
        report(f"one object of {size / 1e6:.0f} MB down", storage.copy, url, f"{folder}/back")


def list_all(url: str, count: int) -> None:
    """Lists a folder, page by page."""
    if (found := sum(1 for _ in storage.list_files(url))) != count:
        raise SystemExit(f"{count} objects were sent, {found} are listed")


def bring(manifest: Path, scratch: Path) -> None:
    """Brings the pictures that a manifest names, as a job does."""
    sources = [json.loads(line)["source"] for line in manifest.read_text().splitlines()]
    places = storage.stage_files(sources, scratch)
    if not all(path.is_file() for path in places.values()):
        raise SystemExit("not all came")


def run_many(server: Any, count: int) -> None:
    """Sends, lists, brings and removes a folder of `count` pictures of 2 kB, and prints the
    time and the memory of each.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder) / "set", count, 2000)
        url, manifest, scratch = (
            f"s3://{server.bucket()}/set",
            Path(folder) / "V1.manifest",
            Path(folder) / "cache",
        )
        manifest.write_text(
            "".join(
                json.dumps({"source": f"{url}/{path.relative_to(Path(folder) / 'set')}"}) + "\n"
                for path in sorted((Path(folder) / "set").rglob("*.bin"))
            )
        )
        report(f"{count} pictures up", storage.sync, f"{folder}/set", url)
        report(f"{count} pictures up again, nothing new", storage.sync, f"{folder}/set", url)
        report(f"{count} objects listed", list_all, url, count)
        report(f"{count} pictures of a manifest brought", bring, manifest, scratch)
        report(f"{count} pictures of a manifest brought again", bring, manifest, scratch)
        report(f"{count} objects removed", storage.remove_folder, url)


def main() -> None:
    """Measures what the flags ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--client", help="path of the aws program (default: that row is left out)")
    parser.add_argument(
        "--small", default="1000x20000", help="many small files, COUNTxBYTES (default: %(default)s)"
    )
    parser.add_argument(
        "--large", default="4x100000000", help="few large files, COUNTxBYTES (default: %(default)s)"
    )
    parser.add_argument(
        "--object-mb", type=int, default=2000, help="size of the one object (default: %(default)s)"
    )
    parser.add_argument(
        "--many", type=int, default=0, help="pictures of a folder, as 100000 (default: left out)"
    )
    parser.add_argument("--only-many", action="store_true", help="leave out all but --many")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    module = seaweed()
    with tempfile.TemporaryDirectory() as folder:
        server = module.SeaweedServer(Path(folder), module.binary())
        os.environ |= {
            "AWS_ENDPOINT_URL": server.http,
            "AWS_ACCESS_KEY_ID": module.KEY,
            "AWS_SECRET_ACCESS_KEY": module.SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        ways = {"ours": ours, "boto3 loop": boto3_loop}
        if arguments.client:
            ways["aws s3 sync"] = command_line(arguments.client)
        if not arguments.only_many:
            print(f"{'set':>22} {'':>5} {'way':>12} {'seconds':>8} {'MB/s':>8} {'files/s':>8}")
        try:
            for text in () if arguments.only_many else (arguments.small, arguments.large):
                count, size = map(int, text.split("x"))
                run_set(
                    server, ways, f"{count} x {size / 1e6:g} MB", count, size, arguments.repeats
                )
            if not arguments.only_many:
                run_object(server, arguments.object_mb * 1_000_000)
            if arguments.many:
                run_many(server, arguments.many)
        finally:
            server.close()


if __name__ == "__main__":
    main()
