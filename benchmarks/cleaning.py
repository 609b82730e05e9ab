"""Cleaning against one bare decode of each picture, on the same cores, in one run.

    python benchmarks/cleaning.py [--count 400] [--rounds 5] [--data DATASET]

About half a minute; exits with 1 below the least ratio.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from algorithm.data.cleaning.cleaning import THREADS, clean_entries  # noqa: E402
from algorithm.data.readers.recognition import open_listing  # noqa: E402
from algorithm.data.synthetic.scenes import write_sample_dataset  # noqa: E402

LEAST = 0.5  # of the throughput of bare decoding


def main() -> int:
    """Prints pictures per second of both and their ratio; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--count", type=int, default=400, help="rendered pictures (default: %(default)s)"
    )
    parser.add_argument(
        "--size", type=int, default=560, help="their typical side in pixels (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="of both, in turn (default: %(default)s)"
    )
    parser.add_argument("--data", help="a dataset to measure on instead of rendered pictures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = (
            Path(arguments.data)
            if arguments.data
            else write_sample_dataset(
                Path(folder) / "set", count=arguments.count, size=arguments.size
            )
        )
        pictures = [entry.path for entry in open_listing(path, work_dir=Path(folder)).entries]
        bare, cleaning = [], []
        for _ in range(arguments.rounds):
            bare.append(_seconds(lambda: _decode_all(pictures)))
            cleaning.append(
                _seconds(
                    lambda: clean_entries(
                        open_listing(path, work_dir=Path(folder)), work_dir=Path(folder) / "report"
                    )
                )
            )
    ratio = statistics.median(one / other for one, other in zip(bare, cleaning, strict=False))
    print(
        f"bare decode: {len(pictures) / min(bare):.0f} pictures/s; cleaning: "
        f"{len(pictures) / min(cleaning):.0f} pictures/s; ratio {ratio:.2f} (median of "
        f"{arguments.rounds}), expected at least {LEAST}"
    )
    return 0 if ratio >= LEAST else 1


def _decode_all(pictures: list[Path]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(_decode, pictures))


def _decode(path: Path) -> None:
    Image.open(io.BytesIO(path.read_bytes())).load()


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
