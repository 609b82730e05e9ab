"""Evaluating a detector's present weights on a dataset's EVAL samples."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from algorithm.data import Dataset, Sample
from algorithm.data.feeding.decoding import decode_image
from algorithm.data.outlines import Outline, rasterised
from algorithm.evaluation.coco_metrics import Evaluation, evaluate_detections
from algorithm.evaluation.dataset_detections import detect_samples
from algorithm.evaluation.inference import Network, detection_function
from algorithm.evaluation.mask_metrics import evaluate_masks
from algorithm.ops.detections import NmsConfig
from algorithm.pages.box_drawing import draw_detections
from algorithm.pages.mask_drawing import draw_masks

_PICTURES = 4


class Evaluator:
    """Evaluates a detector on the EVAL samples; it compiles once, and `run` may follow every epoch.

    Attributes:
        seconds: What the latest run spent in the network (reading included) and in the metrics.
        batches: How many batches there are.
        detections: Of the latest run, for each sample: boxes float32 [N, 4] yxyx in pixels of the
            picture, scores float32 [N], labels int32 [N]; with masks also masks.
        threshold: The best confidence threshold of the latest run.
    """

    def __init__(
        self,
        detector: Network,
        nms: NmsConfig,
        dataset: Dataset,
        batch_size: int,
        *,
        batch_statistics: bool = False,
    ) -> None:
        self.detector, self.dataset, self.batch_size = detector, dataset, batch_size
        self.seconds = (0.0, 0.0)
        self.detections: list[dict[str, np.ndarray]] = []
        self.threshold = 0.0
        self._max_detections = nms.max_detections
        self.batches = -(-len(dataset.eval) // batch_size)
        self._detect = detection_function(detector, nms, batch_statistics=batch_statistics)

    def run(self) -> tuple[Evaluation, list[np.ndarray]]:
        """Evaluate the detector's present weights.

        Returns:
            The figures, and a few pictures uint8 [H, 2W, 3]: ground truth on the left, detections
            on the right.
        """
        samples, names = self.dataset.eval, self.dataset.label_names
        begun = time.perf_counter()
        detections = detect_samples(self._detect, self.detector, samples, self.batch_size)
        found = time.perf_counter()
        evaluation = evaluate_detections(samples, detections, names, self._max_detections)
        if detections and "masks" in detections[0]:
            evaluation = replace(evaluation, masks=evaluate_masks(samples, detections, names))
        self.seconds = (found - begun, time.perf_counter() - found)
        self.detections, self.threshold = detections, evaluation.operating_point.threshold
        pictures = [
            side_by_side(sample, found, names, self.threshold)
            for sample, found in zip(samples[:_PICTURES], detections, strict=False)
        ]
        return evaluation, pictures


def side_by_side(
    sample: Sample, found: dict[str, np.ndarray], names: Sequence[str], threshold: float
) -> np.ndarray:
    """Draw a picture twice: with its ground truth, and with what was detected.

    Args:
        sample: The picture.
        found: boxes [M, 4] yxyx in pixels, scores [M], labels [M], and masks where there are any.
        names: Class names, label 0 first.
        threshold: Detections at or above it are drawn.

    Returns:
        uint8 [H, 2W, 3].
    """
    picture = decode_image(Path(sample.path).read_bytes(), sample.source, sample.bit_depth)
    shown = found["scores"] >= threshold
    detected_names = [names[label] for label in found["labels"][shown]]
    annotated = picture
    if "masks" in found:
        outlines = sample.outlines or (None,) * len(sample.labels)
        annotated = _with_masks(picture, outlines, [names[label] for label in sample.labels])
        picture = _with_masks(picture, found["masks"][shown], detected_names)
    truth = draw_detections(
        annotated, sample.boxes, [names[label] for label in sample.labels], label_names=names
    )
    detected = draw_detections(
        picture,
        found["boxes"][shown],
        detected_names,
        found["scores"][shown].tolist(),
        label_names=names,
    )
    return np.concatenate([truth, detected], axis=1)


def _with_masks(
    picture: np.ndarray, outlines: Iterable[Outline | None], labels: Sequence[str]
) -> np.ndarray:
    height, width = picture.shape[:2]
    masks = [
        None if outline is None else rasterised(outline, height, width) for outline in outlines
    ]
    return draw_masks(picture, masks, labels)
