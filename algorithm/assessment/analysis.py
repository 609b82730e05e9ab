"""The analysis of one set of predictions, in the order it builds up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from algorithm.assessment.curves import (
    AS_EXPORTED,
    best_overlap,
    calibration,
    nms_curve,
    nms_gain_interval,
    precision_recall,
)
from algorithm.assessment.errors.error_costs import LEAST_COST, cost_intervals, error_costs
from algorithm.assessment.errors.error_kinds import Errors, confusion_matrix, find_errors
from algorithm.assessment.errors.label_suspects import Suspect, label_suspects
from algorithm.assessment.masks.mask_analysis import MaskAnalysis, analyse_masks
from algorithm.assessment.sensitivity.features import Measures, feature_values
from algorithm.assessment.sensitivity.sensitivity import (
    BIN_NAMES,
    Sensitivity,
    Slice,
    sensitivities,
    weakest_slices,
)
from algorithm.evaluation.average_precision import (
    coco_figures,
    mean_ap,
    recall_beyond,
    voc_aps,
)
from algorithm.evaluation.bootstrap import resample
from algorithm.evaluation.detection_matching import find_overlaps, hits_and_misses
from algorithm.evaluation.mask_records import MaskRecords
from algorithm.evaluation.operating_point import CONFIDENCES, ConfidenceCurve, confidence_curve
from algorithm.evaluation.records import Records
from algorithm.evaluation.resampled import Interval, Resampled


@dataclass(frozen=True)
class Analysis:
    """What was found out about one set of predictions of K classes.

    Attributes:
        records: Truths and detections.
        figures: COCO's 12 figures, None where undefined; AR over all detections where a picture
            has more than 100 objects.
        per_class: AP and AP50 of each class.
        voc: float64 [K], VOC's AP at IoU 0.5, NaN without objects.
        resampled: AP in resamples of the pictures, which tell how sure it is.
        curve: Precision, recall and F1 by confidence.
        nms: AP50 by the overlap of a further suppression.
        nms_interval: The 95 % interval of what the best one adds; None where none is better.
        precision_recall: Points (recall, precision) of each class.
        all_errors: The errors at confidence 0.
        errors: The errors at the confidence that `curve` names.
        confusion: int64 [K + 1, K + 1], see error_kinds.confusion_matrix.
        costs: AP50 lost to each kind of error.
        cost_intervals: The 95 % intervals of those that are worth advice.
        calibration: The bins, see curves.calibration.
        calibration_error: The expected calibration error, 0 to 1.
        columns: float64 [T] for each feature, see features.feature_values.
        sensitivities: Recall against each feature.
        slices: The groups of objects with the lowest recall.
        suspects: Labels that are perhaps wrong.
        custom: What the caller adds.
        masks: What was found out about masks, of a model that gives them.
    """

    records: Records
    figures: dict[str, float | None]
    per_class: list[dict[str, float | None]]
    voc: np.ndarray
    resampled: Resampled
    curve: ConfidenceCurve
    nms: dict[float, float]
    nms_interval: Interval | None
    precision_recall: list[list[tuple[float, float]]]
    all_errors: Errors
    errors: Errors
    confusion: np.ndarray
    costs: dict[str, float]
    cost_intervals: dict[str, Interval | None]
    calibration: list[dict[str, float]]
    calibration_error: float
    columns: dict[str, np.ndarray]
    sensitivities: list[Sensitivity]
    slices: list[Slice]
    suspects: list[Suspect]
    custom: dict[str, Any]
    masks: MaskAnalysis | None = None

    @property
    def voc_map(self) -> float:
        """The platform's mAP: mean over the classes of VOC's AP at IoU 0.5; 0 without objects."""
        return mean_ap(self.voc)

    @property
    def best_nms(self) -> float:
        """The overlap with the highest AP50; AS_EXPORTED where no further suppression is better."""
        return best_overlap(self.nms)

    @property
    def nms_gain(self) -> float:
        """AP50 that suppression at best_nms adds."""
        return self.nms[self.best_nms] - self.nms[AS_EXPORTED]

    def operating_point(self) -> dict[str, float]:
        """Return mean precision, recall and F1 at the best confidence, and that confidence."""
        point = self.curve.operating_point()
        return {
            "confidence_threshold": point.threshold,
            "precision": point.precision,
            "recall": point.recall,
            "f1": point.f1,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for a JSON file: plain numbers, None for what is undefined."""
        names = self.records.label_names
        return {
            "metrics": {**self.figures, "voc_map": self.voc_map},
            "pictures": len(self.records.names),
            "objects": int((~self.records.crowd).sum()),
            "detections": len(self.records.scores),
            "operating_point": self.operating_point(),
            "nms": {
                "best_iou_threshold": self.best_nms,
                "gain": self.nms_gain,
                "gain_interval": self.nms_interval,
                "map": [
                    {"iou_threshold": overlap, "map": value} for overlap, value in self.nms.items()
                ],
            },
            "mean_f1": [
                {"confidence": float(confidence), "f1": float(value)}
                for confidence, value in zip(CONFIDENCES, self.curve.mean_f1, strict=True)
            ],
            "per_class": {name: self._class_row(label) for label, name in enumerate(names)},
            "false_detections": self.errors.false_counts(),
            "missed_objects": self.errors.missed_counts(),
            "error_costs": self.costs,
            "error_cost_intervals": self.cost_intervals,
            "confusion_matrix": {"labels": [*names, ""], "table": self.confusion.tolist()},
            "calibration": {"error": self.calibration_error, "bins": self.calibration},
            "sensitivity": {row.key: self._sensitivity_row(row) for row in self.sensitivities},
            "slices": [
                {
                    "name": row.name(0),
                    "name_zh": row.name(1),
                    "objects": row.count,
                    "recall": row.recall,
                }
                for row in self.slices
            ],
            "label_suspects": [self._suspect_row(row) for row in self.suspects],
            "custom": self.custom,
            "intervals": self.resampled.intervals(names),
            "resampled": self.resampled.as_dict(classes=True),
            **({"segm": self.masks.as_dict()} if self.masks else {}),
        }

    def _class_row(self, label: int) -> dict[str, Any]:
        voc = float(self.voc[label])
        return {
            "objects": int(self.records.truths_per_class()[label]),
            **self.per_class[label],
            "voc_ap": voc if np.isfinite(voc) else None,
            **self.curve.operating_point().per_class[label],
        }

    def _sensitivity_row(self, row: Sensitivity) -> dict[str, Any]:
        return {
            "bins": list(BIN_NAMES),
            "edges": [float(edge) if np.isfinite(edge) else None for edge in row.edges],
            "recall": row.overall.tolist(),
            "standard_deviation": row.overall_spread,
            "per_class": {
                name: {
                    "recall": row.recall[:, label].tolist(),
                    "standard_deviation": float(row.spread[label]),
                    "by_chance": bool(row.by_chance[label + 1]),
                }
                for label, name in enumerate(self.records.label_names)
            },
        }

    def _suspect_row(self, row: Suspect) -> dict[str, Any]:
        records = self.records
        return {
            "kind": row.kind,
            "picture": records.names[records.pictures[row.found]],
            "score": row.score,
            "detected": records.label_names[records.labels[row.found]],
            "box": records.boxes[row.found].round(1).tolist(),
            "labelled": records.label_names[records.truth_labels[row.truth]]
            if row.truth >= 0
            else None,
        }


def analyse_records(
    records: Records,
    measures: Measures,
    custom: dict[str, Any] | None = None,
    masks: MaskRecords | None = None,
) -> Analysis:
    """Analyse records.

    Args:
        records: Truths and detections.
        measures: The measures of each picture, None where its file cannot be read.
        custom: What the caller adds, as JSON can hold it.
        masks: The masks of the same truths and detections, of a model that gives them.

    Returns:
        The analysis.
    """
    overlaps = find_overlaps(records)
    figures, per_class = coco_figures(records, overlaps)
    all_errors = find_errors(records, overlaps)
    curve = confidence_curve(
        records.labels,
        records.scores,
        *hits_and_misses(records, overlaps),
        records.truths_per_class(),
    )
    errors = find_errors(records, overlaps, curve.threshold)
    costs = error_costs(records, all_errors)
    nms = nms_curve(records, overlaps)
    best = best_overlap(nms)
    bins, calibration_error = calibration(records, all_errors)
    columns = feature_values(records, measures)
    return Analysis(
        records,
        figures | recall_beyond(records, overlaps),
        per_class,
        voc_aps(records, overlaps),
        resample(records, overlaps),
        curve,
        nms,
        None if best == AS_EXPORTED else nms_gain_interval(records, overlaps, best),
        precision_recall(records, all_errors),
        all_errors,
        errors,
        confusion_matrix(records, errors),
        costs,
        cost_intervals(records, all_errors, (kind for kind in costs if costs[kind] >= LEAST_COST)),
        bins,
        calibration_error,
        columns,
        sensitivities(records, errors, columns),
        weakest_slices(errors, columns),
        label_suspects(records, all_errors),
        json.loads(json.dumps(custom or {})),
        analyse_masks(masks, all_errors, errors) if masks else None,
    )
