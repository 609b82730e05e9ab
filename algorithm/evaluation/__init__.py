"""COCO metrics of a detector on a dataset."""

from algorithm.evaluation.coco_metrics import METRIC_NAMES, Evaluation, evaluate_detections
from algorithm.evaluation.evaluator import Evaluator

__all__ = ["METRIC_NAMES", "Evaluation", "Evaluator", "evaluate_detections"]
