"""How fast the input pipeline is, in units of bare tf.io.decode_jpeg of the same files.

    python -m benchmarks.pipeline [folder of JPEG pictures ...]

Without a folder, pictures of about 560 and of about 1600 pixels a side are made. The contenders
take turns in one process; a row is the median of the rounds with the least and the greatest, so
that a noisy machine shows in the spread and not in the ratio.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.data import Sample
from algorithm.data.feeding.decoding import picture_size
from algorithm.data.feeding.pipeline import eval_batches, train_batches
from algorithm.data.synthetic.scenes import write_sample_dataset

BATCH = 8
WARM_UP = 96  # pictures taken before the clock starts, while tf.data finds its number of threads
INPUT = {"image_size": (512, 512), "batch_size": BATCH}


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table, and one JSON line for each folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--pictures", type=int, default=480, help="pictures decoded by each contender in a round"
    )
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as made:
        for folder in arguments.folders or [made_pictures(made, side) for side in (560, 1600)]:
            samples = jpeg_samples(folder)
            rates = measure(samples, arguments.rounds, arguments.pictures)
            report(f"{folder.parent.name}/{folder.name}", samples, rates)


def made_pictures(folder: str, side: int) -> Path:
    """A folder of 64 rendered pictures of about `side` pixels a side."""
    return write_sample_dataset(Path(folder) / f"made-{side}", count=64, size=side).parent


def jpeg_samples(folder: Path) -> list[Sample]:
    """The JPEG pictures below a folder, each with one box of half its size."""
    samples = []
    for path in sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg")
    ):
        if path.read_bytes()[:3] == b"\xff\xd8\xff":
            width, height = picture_size(path)
            box = np.array([[height / 4, width / 4, height * 3 / 4, width * 3 / 4]], np.float32)
            samples.append(
                Sample(
                    path.name,
                    str(path),
                    path.name,
                    width,
                    height,
                    box,
                    np.zeros(1, np.int32),
                    np.zeros(1, bool),
                    "train",
                )
            )
    if len(samples) < BATCH:
        raise SystemExit(
            f"expected at least {BATCH} JPEG pictures in {folder}, found {len(samples)}"
        )
    return samples


def measure(
    samples: list[Sample], rounds: int, pictures: int
) -> dict[str, list[tuple[float, float]]]:
    """(pictures a second, milliseconds of processor time a picture) of each contender in each
    round.
    """
    contenders = {
        "bare decode": (bare_decode(samples), 1),
        "training": (train_batches(samples, **INPUT, seed=0), BATCH),
        "evaluation": (eval_batches(samples, **INPUT).repeat(), BATCH),
    }
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):  # the first one reads the files
        for name, (dataset, size) in contenders.items():
            figures = _rate(dataset, size, pictures)
            if turn:
                rates[name].append(figures)
    return rates


def bare_decode(samples: list[Sample]) -> tf.data.Dataset:
    """Endless pictures: read and decoded, nothing else, with as many threads as the pipeline
    takes.
    """
    paths = tf.data.Dataset.from_tensor_slices([sample.path for sample in samples]).repeat()
    return paths.map(
        lambda path: tf.io.decode_jpeg(tf.io.read_file(path), channels=3), tf.data.AUTOTUNE
    ).prefetch(2 * BATCH)


def _rate(dataset: tf.data.Dataset, size: int, pictures: int) -> tuple[float, float]:
    stream = iter(dataset)  # a new one each time: an idle one would go on working in the background
    for _ in itertools.islice(stream, WARM_UP // size):
        pass
    wall, processor = time.perf_counter(), time.process_time()
    taken = sum(size for _ in itertools.islice(stream, pictures // size))
    return taken / (time.perf_counter() - wall), 1000 * (time.process_time() - processor) / taken


def report(name: str, samples: list[Sample], rates: dict[str, list[tuple[float, float]]]) -> None:
    """One line for each contender; the ratio is the median over rounds of the ratio within a
    round.
    """
    sizes = (
        np.median([(sample.width, sample.height) for sample in samples], axis=0)
        .astype(int)
        .tolist()
    )
    print(f"{name}: {len(samples)} pictures, {sizes[0]}x{sizes[1]} in the median")
    summary = {"data": name, "pictures": len(samples), "size": sizes}
    for contender, rows in rates.items():
        ratios = sorted(
            row[0] / bare[0] for row, bare in zip(rows, rates["bare decode"], strict=True)
        )
        speed, cost = (statistics.median(column) for column in zip(*rows, strict=False))
        share = statistics.median(
            bare[1] / row[1] for row, bare in zip(rows, rates["bare decode"], strict=True)
        )
        print(
            f"  {contender:12} {speed:7.0f} pictures/s   {cost:5.2f} ms processor/picture   ratio "
            f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})   processor "
            f"ratio {share:.2f}"
        )
        summary[contender] = {
            "pictures_per_second": round(speed, 1),
            "ratio": round(statistics.median(ratios), 3),
            "spread": [round(ratios[0], 3), round(ratios[-1], 3)],
            "processor_ratio": round(share, 3),
        }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
