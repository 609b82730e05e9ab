"""A line in place of a chart that would say nothing: an empty one, or one value throughout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from algorithm.assessment.advice.wording import TITLES
from algorithm.assessment.analysis import Analysis
from algorithm.pages.bilingual_page import Text

# Of each chart, the values that must differ for it to be worth drawing; a leading 0 stands for the
# empty chart.
VALUES: Mapping[str, Callable[[Analysis], Sequence[float] | np.ndarray]] = {
    "precision_recall": lambda analysis: [0, sum(map(len, analysis.precision_recall))],
    "mean_f1": lambda analysis: analysis.curve.mean_f1,
    "nms": lambda analysis: list(analysis.nms.values()),
    "calibration": lambda analysis: [0, sum(row["count"] for row in analysis.calibration)],
    "false_detections": lambda analysis: [0, sum(analysis.errors.false_counts().values())],
    "missed_objects": lambda analysis: [0, sum(analysis.errors.missed_counts().values())],
    "error_costs": lambda analysis: [0, *analysis.costs.values()],
}


def in_words(key: str, analysis: Analysis) -> Text | None:
    """Return what a chart would say in a line, or None where it is worth drawing.

    Args:
        key: One of VALUES.
        analysis: What was found out.
    """
    values = np.nan_to_num(np.asarray(VALUES[key](analysis), float))
    if len(np.unique(values)) > 1:
        return None
    english, chinese = TITLES[key]
    if not values.any():
        return f"{english}: none.", f"{chinese}: 无。"
    return f"{english}: {values[0]:.3f} throughout.", f"{chinese}: 始终为 {values[0]:.3f}。"


def one_class(analysis: Analysis) -> Text | None:
    """Return the confusion matrix of a single class in words, or None for several classes."""
    if analysis.records.classes != 1:
        return None
    (found, missed), (false, _) = analysis.confusion.tolist()
    return (
        f"There is one class, so none is taken for another: {found} of {found + missed} objects "
        f"detected, {missed} missed, {false} detections where nothing is.",
        f"只有一个类别, 不存在类别混淆: {found + missed} 个目标中检出 {found} 个, "
        f"漏检 {missed} 个, 另有 {false} 个检测框处没有目标。",
    )
