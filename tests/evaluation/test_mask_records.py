"""The figures of masks from records, against those of pycocotools."""

import numpy as np
import pytest
from outlined_pictures import block, outlined_sample, records_and_masks, run_lengths_of

from algorithm.evaluation.average_precision import average_precision, coco_figures
from algorithm.evaluation.bootstrap import resample
from algorithm.evaluation.mask_metrics import evaluate_masks

SIZE = (90, 120)
NAMES = ("cat", "dog")


@pytest.fixture(scope="module")
def at_random():
    """Samples with crowds and objects without outline, and detections in no order of score."""
    rng = np.random.default_rng(11)
    samples, found = [], []
    for number in range(15):
        outlines, boxes, labels, crowd, guesses = [], [], [], [], []
        for _ in range(6):
            top, left, tall, wide = rng.integers([0, 0, 5, 5], [40, 50, 50, 60])
            outlines.append(block(SIZE, top, left, top + tall, left + wide))
            boxes.append([top, left, top + tall, left + wide])
            labels.append(int(rng.integers(2)))
            crowd.append(bool(rng.random() < 0.15))
            guesses.append(np.roll(outlines[-1], rng.integers(0, 6), axis=1))
        outlines = [None if rng.random() < 0.15 else one for one in outlines]
        areas = rng.uniform(100, 12000, 6).astype(np.float32) if number % 2 else None
        samples.append(outlined_sample(number, SIZE, outlines, boxes, labels, crowd, areas))
        found.append((np.array(boxes), np.array(labels), rng.random(6).round(1), guesses))
    return samples, found


def test_they_are_those_of_pycocotools(at_random):
    samples, found = at_random
    _, masks = records_and_masks(NAMES, samples, found)
    figures, per_class = coco_figures(masks.records, masks.overlaps, masks.found_areas)
    rows = []
    for _, labels, scores, pixels in found:
        held = np.empty(len(pixels), object)
        held[:] = [run_lengths_of(each) for each in pixels]
        rows.append({"masks": held, "scores": scores, "labels": labels})
    expected = evaluate_masks(samples, rows, NAMES)
    assert figures == pytest.approx(expected.metrics, abs=1e-9) and 0.1 < figures["AP"] < 0.9
    for name, row in zip(NAMES, per_class, strict=True):
        assert row == pytest.approx(expected.per_class[name], abs=1e-9)


def test_more_masks_than_a_byte_counts():
    """pycocotools 2.0 counts the pixels of 255 masks at most in one call, under NumPy 2."""
    sample = outlined_sample(0, SIZE, [block(SIZE, 0, 0, 9, 9)], [[0, 0, 9, 9]], [0])
    mask = block(SIZE, 0, 0, 5, 4)
    found = ([[0, 0, 5, 4]] * 300, [0] * 300, [0.5] * 300, [mask] * 300)
    _, masks = records_and_masks(NAMES, [sample], [found])
    assert masks.found_areas.tolist() == [20] * 300 and len(masks.overlaps.found) == 300


def test_ap_alone_and_that_of_the_resamples_are_the_same(at_random):
    _, masks = records_and_masks(NAMES, *at_random)
    figures, _ = coco_figures(masks.records, masks.overlaps)
    assert average_precision(masks.records, masks.overlaps) == pytest.approx(figures["AP"])
    assert resample(masks.records, masks.overlaps).points["AP"] == pytest.approx(figures["AP"])
