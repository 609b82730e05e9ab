"""Truths and detections at random, for the tests of evaluation and assessment."""

import numpy as np

from algorithm.evaluation.records import make_records


def boxes_at_random(rng, count, side=300):
    corner = rng.uniform(0, side, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(4, 150, (count, 2))], axis=1)


def records_at_random(seed=0, pictures=40, classes=5, crowds=True):
    """Truths at random, and detections that are shifted copies of them, some with another class, and some out of the air."""
    rng = np.random.default_rng(seed)
    truths, found = [], []
    for _ in range(pictures):
        count = rng.integers(0, 12)
        boxes, labels = boxes_at_random(rng, count), rng.integers(0, classes, count)
        truths.append((boxes, labels, (rng.random(count) < 0.1) & crowds))
        copies = np.repeat(np.arange(count), rng.integers(0, 4, count))
        copied = boxes[copies] + rng.normal(0, 8, (len(copies), 4))
        copied[:, 2:] = np.maximum(copied[:, 2:], copied[:, :2] + 1)
        kinds = np.where(
            rng.random(len(copies)) < 0.2, rng.integers(0, classes, len(copies)), labels[copies]
        )
        extra = rng.integers(0, 8)
        found.append(
            (
                np.concatenate([copied, boxes_at_random(rng, extra)]),
                np.concatenate([kinds, rng.integers(0, classes, extra)]),
                rng.random(len(copies) + extra).round(2),
            )
        )  # rounded: equal scores occur
    return make_records(
        [f"class {i}" for i in range(classes)],
        [f"{i}.jpg" for i in range(pictures)],
        truths,
        found,
        np.full((pictures, 2), 450.0),
    )
