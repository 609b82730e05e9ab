"""Findings in words, in English and Chinese.

Each has a grade, a number and the hyperparameters to change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from algorithm.assessment.advice.advice_rows import (
    ENOUGH_EPOCHS,
    ERROR_ADVICE,
    FEATURE_ADVICE,
    FEW_EPOCHS,
    OVERCONFIDENT,
    UNDERCONFIDENT,
    UPPER_ADVICE,
)
from algorithm.assessment.advice.finding import (
    COST_GRADES,
    GRADES,
    MAJOR,
    NOTE,
    Finding,
    few_pictures,
    grade_of,
    graded,
)
from algorithm.assessment.advice.mask_findings import mask_findings, mask_notes
from algorithm.assessment.advice.setting_steps import Change, Setting
from algorithm.assessment.analysis import Analysis
from algorithm.assessment.errors.error_costs import LEAST_COST
from algorithm.assessment.sensitivity.features import FEATURE_ROWS
from algorithm.assessment.sensitivity.sensitivity import BIN_NAMES, Sensitivity
from algorithm.evaluation.resampled import seen

SPREAD_GRADES = (0.1, 0.2)  # standard deviation of recall: below slight, below medium, else major
CALIBRATION_GRADES = (0.1, 0.25)
LEAST_SPREAD = 0.05
LEAST_NMS_GAIN = 0.002
MOST_FINDINGS_ACTED_ON = 3


def findings(analysis: Analysis, setting: Setting) -> list[Finding]:
    """Return what to know and to do, the gravest first.

    Args:
        analysis: What was found out.
        setting: What the model was trained with.

    Returns:
        The findings, and last the best thresholds; none where there are no objects.
    """
    if not (~analysis.records.crowd).any():
        return []
    found = [
        *_epochs(setting),
        *_errors(analysis, setting),
        *_features(analysis, setting),
        *_calibration(analysis, setting),
        *mask_findings(analysis, setting),
    ]
    found.sort(key=lambda row: (-list(GRADES).index(row.grade), -row.weight))
    return [*found, *mask_notes(analysis), _thresholds(analysis)]


def next_changes(
    found: Sequence[Finding], most: int = MOST_FINDINGS_ACTED_ON
) -> list[tuple[Change, Finding]]:
    """Choose the changes for the next job.

    They are few at a time, so that what helped can be told. A model that was hardly trained gets a
    longer training alone, because the rest may pass by itself.

    Args:
        found: The findings, the gravest first.
        most: How many findings to act on.

    Returns:
        The changes of the gravest findings, each hyperparameter once, with their findings.
    """
    changes: dict[str, tuple[Change, Finding]] = {}
    asked = [row for row in found if row.changes]
    too_short = [row for row in asked if row.key == FEW_EPOCHS.key and row.grade == MAJOR]
    for finding in too_short or asked[:most]:
        for change in finding.changes:
            changes.setdefault(change.name, (change, finding))
    return list(changes.values())


def worth_suppressing(analysis: Analysis) -> bool:
    """Return whether a further suppression adds to AP50 what is more than chance."""
    return analysis.nms_gain >= LEAST_NMS_GAIN and seen(analysis.nms_interval)


def _epochs(setting: Setting) -> Iterator[Finding]:
    """Yield a finding where training was short.

    The shorter it was, the less the other findings say about anything but its length.
    """
    few, enough = ENOUGH_EPOCHS
    epochs = setting.typed("num_epochs")
    other_length = setting.typed("train_minutes") or setting.typed("num_steps")
    if setting.values and epochs < enough and not other_length:
        yield graded(
            FEW_EPOCHS,
            setting,
            (1, enough - few + 1),
            enough - epochs,
            f"The model was trained for {epochs} epochs only",
            f"模型只训练了 {epochs} 轮",
        )


def _errors(analysis: Analysis, setting: Setting) -> Iterator[Finding]:
    counts = analysis.errors.false_counts()
    total = max(sum(counts.values()), 1)
    for row in ERROR_ADVICE:
        cost = analysis.costs[row.key]
        if cost < LEAST_COST:
            continue
        share = counts.get(row.key)
        part = (
            (
                f" and are {share / total:.0%} of the false detections",
                f", 占误检的 {share / total:.0%}",
            )
            if share
            else ("", "")
        )
        interval = analysis.cost_intervals[row.key]
        doubt = (
            ("", "")
            if interval and interval[0] >= LEAST_COST
            else few_pictures(len(analysis.records.names))
        )
        yield graded(
            row,
            setting,
            COST_GRADES,
            cost,
            f"{row.english} cost {cost:.3f} of AP50{part[0]}{doubt[0]}",
            f"{row.chinese}使 AP50 降低 {cost:.3f}{part[1]}{doubt[1]}",
            by_chance=bool(doubt[0]),
        )


def _features(analysis: Analysis, setting: Setting) -> Iterator[Finding]:
    rows = {row.key: row for row in FEATURE_ADVICE}
    for sensitivity in analysis.sensitivities:
        picked = _most_affected(sensitivity, analysis.records.label_names)
        if picked is None:
            continue
        name, spread, cells, share = picked
        grade, feature = grade_of(spread, SPREAD_GRADES), FEATURE_ROWS[sensitivity.key]
        low = int(np.argmin(cells))
        row = (
            UPPER_ADVICE.get(sensitivity.key, rows[sensitivity.key])
            if low > len(cells) // 2
            else rows[sensitivity.key]
        )
        english, owner = (f" of {name}", f"{name}的") if name else ("", "")
        yield graded(
            replace(row, weight=share),
            setting,
            SPREAD_GRADES,
            spread,
            f"{feature.english} has a {GRADES[grade][0]} influence on the recall{english}: "
            f"standard deviation {spread:.3f} over five bins, lowest ({cells[low]:.2f}) at "
            f"{BIN_NAMES[low]}",
            f"{feature.chinese}对{owner}召回率有{GRADES[grade][1]}影响, "
            f"在不同特征区间上的标准差为 {spread:.3f}, 在 {BIN_NAMES[low]} 区间最低 "
            f"({cells[low]:.2f})",
        )


def _most_affected(
    row: Sensitivity, names: Sequence[str]
) -> tuple[str, float, np.ndarray, float] | None:
    """Return the recall that a feature influences most.

    What may differ by chance does not count. The highest grade wins, and of equals that of most
    objects.

    Returns:
        (class name or "" for all, spread, its five cells, its share of the objects), or None.
    """
    counts = row.counts.sum(axis=0)
    choices = [] if row.by_chance[0] else [("", row.overall_spread, row.overall, 1.0)]
    choices += [
        (name, float(row.spread[label]), row.recall[:, label], float(counts[label] / counts.sum()))
        for label, name in enumerate(names)
        if not row.by_chance[label + 1] and (row.counts[:, label] > 0).all()
    ]
    best = max(
        choices,
        key=lambda found: (
            np.searchsorted(SPREAD_GRADES, found[1], side="right"),
            found[3],
            found[1],
        ),
        default=None,
    )
    return best if best and best[1] >= LEAST_SPREAD else None


def _calibration(analysis: Analysis, setting: Setting) -> Iterator[Finding]:
    error = analysis.calibration_error
    if error < CALIBRATION_GRADES[0]:
        return
    leaning = sum(row["count"] * (row["score"] - row["right"]) for row in analysis.calibration)
    row = OVERCONFIDENT if leaning > 0 else UNDERCONFIDENT
    yield graded(
        row,
        setting,
        CALIBRATION_GRADES,
        error,
        f"{row.english}: they differ from the share that is right by {error:.3f} on average",
        f"{row.chinese}: 与实际正确比例平均相差 {error:.3f}",
    )


def _thresholds(analysis: Analysis) -> Finding:
    point, nms = analysis.operating_point(), analysis.best_nms
    gain = analysis.nms_gain
    threshold, best = f"{point['confidence_threshold']:.2f}", f"{point['f1']:.3f}"
    english = f"At a confidence threshold of {threshold} the mean F1 is highest ({best})."
    chinese = f"分类置信度的阈值设为 {threshold} 时, 各类别的平均 F1 值最高 ({best})。"
    own = analysis.curve.at_class_thresholds().f1
    if own > point["f1"]:
        english += f" With a threshold of its own for each class it is {own:.3f}."
        chinese += f"各类别使用各自的阈值时为 {own:.3f}。"
    if worth_suppressing(analysis):
        english += f" Suppression at an IoU of {nms:.2f} adds {gain:.3f} to AP50."
        chinese += f"非极大值抑制的 IoU 阈值设为 {nms:.2f} 时, mAP 最高, 提高 {gain:.3f}。"
    return Finding(
        "thresholds",
        NOTE,
        gain,
        (english, chinese),
        ("To do: set it with --apply.", "可用 --apply 写入模型目录。"),
    )
