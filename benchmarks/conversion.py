"""Conversion speed and memory against the number of pictures.

    python benchmarks/conversion.py --counts 5000,20000

writes sets of small JPEGs with a manifest, converts each in a process of its own, and prints a row
for each: pictures a second, and the most memory that the main process and the largest worker held.
Memory should not follow the number.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from algorithm.data.conversion import convert

SIDE = 64
KINDS = 50  # different pictures; the file system and the conversion see every file as its own
BOXES = 3
XML = (
    "<annotation><size><width>64</width><height>64</height><depth>3</depth></size>{}</annotation>",
    "<object><name>{}</name><difficult>0</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>",
)


def write_set(folder: Path, count: int) -> Path:
    """A manifest with `count` pictures of 64x64 and three boxes each."""
    rng = np.random.default_rng(0)
    pictures = []
    for _ in range(KINDS):
        encoded = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8)).save(encoded, "JPEG")
        pictures.append(encoded.getvalue())
    (folder / "data").mkdir(parents=True)
    with (folder / "set.manifest").open("w", encoding="utf-8") as stream:
        for index in range(count):
            corners = rng.integers(0, SIDE // 2, (BOXES, 2))
            objects = "".join(
                XML[1].format(f"class {x % 5}", x, y, x + 20, y + 25) for x, y in corners
            )
            (folder / f"data/{index:06d}.jpg").write_bytes(pictures[index % KINDS])
            (folder / f"data/{index:06d}.xml").write_text(XML[0].format(objects), encoding="utf-8")
            annotation = {
                "type": "modelarts/object_detection",
                "annotation-loc": f"data/{index:06d}.xml",
            }
            usage = "EVAL" if index % 5 == 4 else "TRAIN"
            stream.write(
                json.dumps(
                    {"source": f"data/{index:06d}.jpg", "usage": usage, "annotation": [annotation]}
                )
                + "\n"
            )
    return folder / "set.manifest"


def measure(
    manifest: Path, output: Path, form: str, workers: int, answers: multiprocessing.Queue
) -> None:
    """Put (seconds, MiB of this process, MiB of its largest worker) into `answers`."""
    start = time.perf_counter()
    convert(manifest, output, form, workers=workers)
    seconds = time.perf_counter() - start
    own, children = (
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    answers.put((seconds, own, children))


def main() -> None:
    """Measure what the flags ask for and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--counts", default="2000", help="numbers of pictures (default: %(default)s)"
    )
    parser.add_argument(
        "--formats", default="tfrecord", help="forms to write (default: %(default)s)"
    )
    parser.add_argument("--workers", type=int, default=2, help="processes (default: %(default)s)")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    print(
        f"{'format':>10} {'pictures':>9} {'seconds':>8} {'pictures/s':>10} {'main MiB':>9} "
        f"{'worker MiB':>10}"
    )
    for count in map(int, arguments.counts.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            manifest = write_set(Path(folder) / "set", count)
            for form in arguments.formats.split(","):
                answers = context.Queue()
                process = context.Process(
                    target=measure,
                    args=(manifest, Path(folder) / form, form, arguments.workers, answers),
                )
                process.start()
                seconds, own, worker = answers.get()
                process.join()
                print(
                    f"{form:>10} {count:>9} {seconds:>8.1f} {count / seconds:>10.0f} {own:>9.0f} "
                    f"{worker:>10.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
