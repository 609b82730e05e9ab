"""segm figures against pycocotools itself, how sure they are, and what has no outline."""

from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from algorithm.data.outlines import Polygons, RunLengths
from algorithm.data.sample import Sample
from algorithm.evaluation.average_precision import METRICS
from algorithm.evaluation.coco_metrics import evaluate_detections
from algorithm.evaluation.mask_metrics import evaluate_masks

SIZE = (60, 80)
NAMES = ("cat", "dog")


def rle(pixels):
    encoded = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
    return RunLengths(*pixels.shape, encoded["counts"])


def block(top, left, bottom, right):
    pixels = np.zeros(SIZE, np.uint8)
    pixels[top:bottom, left:right] = 1
    return pixels


def picture(number, outlines, boxes, labels, crowd=None, areas=None):
    return Sample(
        image_id=str(number),
        path="",
        source="",
        width=SIZE[1],
        height=SIZE[0],
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int32),
        is_crowd=np.array(crowd or [False] * len(labels), bool),
        usage="eval",
        areas=areas,
        outlines=tuple(outlines),
    )


def found(masks, scores, labels):
    held = np.empty(len(masks), object)
    held[:] = masks
    return {"masks": held, "scores": np.array(scores), "labels": np.array(labels, int)}


def test_random_masks_are_measured_as_pycocotools_measures_them():
    rng = np.random.default_rng(4)
    samples, detections, annotations, results = [], [], [], []
    for number in range(12):
        masks, labels, crowds, guesses, scores = [], [], [], [], []
        for _ in range(5):
            top, left = rng.integers(0, 40), rng.integers(0, 50)
            pixels = block(top, left, top + rng.integers(5, 20), left + rng.integers(5, 30))
            masks.append(pixels & (rng.random(SIZE) < 0.9))
            labels.append(int(rng.integers(2)))
            crowds.append(bool(rng.random() < 0.15))
            guesses.append(np.roll(pixels, rng.integers(0, 5), axis=1))
            scores.append(float(rng.random()))
        outlines = [rle(mask) for mask in masks]
        samples.append(picture(number, outlines, [[0, 0, 9, 9]] * 5, labels, crowds))
        detections.append(found([rle(guess) for guess in guesses], scores, labels))
        for mask, label, crowd, guess, score in zip(
            masks, labels, crowds, guesses, scores, strict=True
        ):
            common = {"image_id": number, "category_id": label + 1}
            encoded = coco_mask.encode(np.asfortranarray(mask))
            more = {"id": len(annotations) + 1, "iscrowd": int(crowd), "area": int(mask.sum())}
            annotations.append({**common, **more, "segmentation": encoded, "bbox": [0, 0, 1, 1]})
            encoded = coco_mask.encode(np.asfortranarray(guess))
            results.append({**common, "segmentation": encoded, "score": score})
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": n, "width": SIZE[1], "height": SIZE[0]} for n in range(12)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    truth.createIndex()
    reference = COCOeval(truth, truth.loadRes(results), "segm")
    reference.evaluate()
    reference.accumulate()
    reference.summarize()
    figures = evaluate_masks(samples, detections, NAMES)
    expected = [None if value == -1 else value for value in reference.stats]
    assert list(figures.metrics) == list(METRICS)
    assert list(figures.metrics.values()) == pytest.approx(expected)
    assert 0.1 < figures.metrics["AP"] < 0.9
    both = np.mean([figures.per_class[name]["AP"] for name in NAMES])
    assert both == pytest.approx(figures.metrics["AP"])
    assert len(figures.summary.splitlines()) == 12


def test_one_pixel_in_seven_is_no_hit_and_polygons_are_rasterised():
    square = Polygons((np.array([[1, 1], [4, 1], [4, 3], [1, 3]], np.float32),))
    sample = picture(0, [square], [[1, 1, 3, 4]], [0])
    exact = evaluate_masks([sample], [found([rle(block(1, 1, 3, 4))], [0.9], [0])], NAMES)
    assert exact.metrics["AP"] == pytest.approx(1.0)
    assert exact.metrics["APl"] is None and exact.per_class["dog"]["AP"] is None
    beside = evaluate_masks([sample], [found([rle(block(2, 3, 4, 6))], [0.9], [0])], NAMES)
    assert beside.metrics["AP"] == 0.0


def test_nothing_found_is_an_ap_of_zero():
    sample = picture(0, [rle(block(0, 0, 9, 9))], [[0, 0, 9, 9]], [0])
    assert evaluate_masks([sample], [found([], [], [])], NAMES).metrics["AP"] == 0.0


def test_an_object_without_an_outline_counts_neither_for_nor_against():
    boxes = [[0, 0, 20, 20], [30, 30, 50, 60]]
    sample = picture(0, [rle(block(0, 0, 20, 20)), None], boxes, [0, 0])
    masks = [rle(block(32, 32, 45, 50)), rle(block(0, 0, 20, 20))]
    figures = evaluate_masks([sample], [found(masks, [0.9, 0.8], [0, 0])], NAMES)
    assert figures.metrics["AP"] == pytest.approx(1.0)
    assert figures.metrics["AR100"] == pytest.approx(1.0)


def test_small_and_large_go_by_the_recorded_area():
    pixels = block(0, 0, 20, 20)
    areas = np.array([50.0**2], np.float32)
    sample = picture(0, [rle(pixels)], [[0, 0, 20, 20]], [0], areas=areas)
    figures = evaluate_masks([sample], [found([rle(pixels)], [0.9], [0])], NAMES)
    assert figures.metrics["APs"] is None and figures.metrics["APm"] == pytest.approx(1.0)


def test_metrics_json_holds_both_and_a_score_is_of_either():
    sample = picture(0, [rle(block(0, 0, 9, 9))], [[0, 0, 9, 9]], [0])
    detection = {
        **found([rle(block(0, 0, 9, 4))], [0.9], [0]),
        "boxes": np.array([[0, 0, 9, 9]], np.float32),
    }
    boxes = evaluate_detections([sample], [detection], NAMES)
    assert "segm" not in boxes.as_dict()
    both = replace(boxes, masks=evaluate_masks([sample], [detection], NAMES))
    assert both.as_dict()["segm"]["AP"] == 0.0 and both.as_dict()["AP"] == pytest.approx(1.0)
    assert (both.score_of("bbox"), both.score_of("segm")) == (pytest.approx(1.0), 0.0)


def test_metrics_json_says_how_sure_masks_are_beside_boxes():
    """One of two masks is right, and both boxes: the draws of the pictures give 1, 51/101 or 0."""
    box, pixels = [[0, 0, 9, 9]], block(0, 0, 9, 9)
    samples = [picture(number, [rle(pixels)], box, [0]) for number in range(2)]
    detections = [
        {**found([rle(mask)], [score], [0]), "boxes": np.array(box, np.float32)}
        for mask, score in ((pixels, 0.9), (block(0, 0, 9, 4), 0.5))
    ]
    boxes = evaluate_detections(samples, detections, NAMES)
    figures = replace(boxes, masks=evaluate_masks(samples, detections, NAMES)).as_dict()
    assert figures["segm"]["AP"] == pytest.approx(51 / 101)
    assert figures["segm"]["resampled"]["points"]["AP"] == pytest.approx(51 / 101)
    values = np.array(figures["segm"]["resampled"]["values"]["AP"].split(), float)
    each, counts = np.unique(values, return_counts=True)
    assert each.tolist() == [0.0, 0.505, 1.0] and 450 < counts[1] < 550 < 1000 == counts.sum()
    assert figures["intervals"]["AP"] == (1.0, 1.0)
    sure = figures["segm"]["intervals"]
    assert sure.keys() == figures["intervals"].keys() and sure["pictures"] == 2
    assert sure["AP"] == sure["per_class"]["cat"]["AP50"] == (0.0, 1.0)
    assert sure["per_class"]["dog"] == {"AP": None, "AP50": None}
    resampled = figures["resampled"], figures["segm"]["resampled"]
    assert resampled[0]["truths"] == resampled[1]["truths"]


def test_draws_without_outlines_are_left_out():
    """A picture without an outline counts neither for nor against in a draw of its own."""
    box, pixels = [[0, 0, 9, 9]], block(0, 0, 9, 9)
    samples = [picture(0, [rle(pixels)], box, [0]), picture(1, [None], box, [0])]
    masks = [rle(pixels), rle(block(20, 20, 30, 30))]
    detections = [found([mask], [0.9 - place / 2], [0]) for place, mask in enumerate(masks)]
    figures = evaluate_masks(samples, detections, NAMES)
    values = figures.resampled.values["AP"]
    assert np.isnan(values).any() and set(values[np.isfinite(values)]) == {1.0}
