"""Time and memory of an assessment beyond inference: 5,000 pictures, 100 detections each, 80
classes, in a process of its own.

    python benchmarks/assessment.py [--pictures 5000] [--detections 100] [--classes 80]
    [--skip_pixels]

About a minute; exits with 1 beyond 60 seconds or 2 GB. Pixels are measured on a few pictures of
noise on one core, and the time of one is counted for each of the 5,000; decoding belongs to
inference, which needs the pixels anyway.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from algorithm.assessment.advice.setting_steps import Setting  # noqa: E402
from algorithm.assessment.analysis import analyse_records  # noqa: E402
from algorithm.assessment.report.result_files import result_texts  # noqa: E402
from algorithm.assessment.sensitivity.picture_measures import PictureMeasures, measure_picture  # noqa: E402
from algorithm.evaluation.records import Records, make_records  # noqa: E402

MOST_SECONDS, MOST_BYTES = 60.0, 2 * 2**30
SIDES = (480, 640)
MEASURED = 60


def main() -> int:
    """Prints the seconds of each step and the peak of memory; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument(
        "--detections", type=int, default=100, help="of each picture (default: %(default)s)"
    )
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument(
        "--skip_pixels", action="store_true", help="do not measure light, sharpness and colour"
    )
    arguments = parser.parse_args()
    records = made_up(arguments.pictures, arguments.detections, arguments.classes)
    measures, per_picture = (
        ([None] * arguments.pictures, 0.0) if arguments.skip_pixels else measured(records)
    )
    start = time.perf_counter()
    analysis = analyse_records(records, measures)
    analysed = time.perf_counter()
    texts = result_texts(analysis, Setting())
    written = time.perf_counter()
    pixels = per_picture * arguments.pictures
    total = pixels + written - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"pixels {pixels:.1f} s ({1000 * per_picture:.1f} ms a picture of {SIDES[1]}x{SIDES[0]}), "
        f"analysis {analysed - start:.1f} s, report {written - analysed:.1f} s: {total:.1f} s, "
        f"expected at most {MOST_SECONDS:.0f}"
    )
    print(
        f"peak of memory {peak / 2**20:.0f} MB, expected at most {MOST_BYTES / 2**20:.0f}; report "
        f"{sum(map(len, texts.values())) / 2**20:.1f} MB; mAP {analysis.voc_map:.3f}"
    )
    return 0 if total <= MOST_SECONDS and peak <= MOST_BYTES else 1


def made_up(pictures: int, detections: int, classes: int) -> Records:
    """Records at random: 1 to 14 objects a picture, detections scattered about them, two in
    three of the right class.
    """
    rng = np.random.default_rng(0)
    truths, found = [], []
    for _ in range(pictures):
        count = rng.integers(1, 15)
        corner = rng.uniform(0, 400, (count, 2))
        boxes, labels = (
            np.concatenate([corner, corner + rng.uniform(10, 200, (count, 2))], axis=1),
            rng.integers(0, classes, count),
        )
        source = rng.integers(0, count, detections)
        moved = boxes[source] + rng.normal(0, 15, (detections, 4))
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        kinds = np.where(
            rng.random(detections) < 0.67, labels[source], rng.integers(0, classes, detections)
        )
        truths.append((boxes, labels))
        found.append((moved, kinds, rng.random(detections)))
    return make_records(
        [f"class {label}" for label in range(classes)],
        [f"{place}.jpg" for place in range(pictures)],
        truths,
        found,
        np.full((pictures, 2), 640.0),
    )


def measured(records: Records) -> tuple[list[PictureMeasures], float]:
    """(measures of every picture, each those of one of a few; seconds for one)."""
    pixels = np.random.default_rng(1).integers(0, 256, (*SIDES, 3), dtype=np.uint8)
    boxes = [
        records.truth_boxes[records.truth_pictures == place] for place in range(len(records.names))
    ]
    start = time.perf_counter()
    some = [measure_picture(pixels, boxes[place % len(boxes)]) for place in range(MEASURED)]
    seconds = (time.perf_counter() - start) / MEASURED
    rows = [
        some[place] if place < MEASURED else like(some[place % MEASURED], len(boxes[place]))
        for place in range(len(boxes))
    ]
    return rows, seconds


def like(row: PictureMeasures, count: int) -> PictureMeasures:
    """The same measures for another number of boxes."""
    return replace(
        row,
        box_brightness=np.resize(row.box_brightness, count),
        box_clarity=np.resize(row.box_clarity, count),
    )


if __name__ == "__main__":
    sys.exit(main())
