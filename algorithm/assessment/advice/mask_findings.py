"""Findings about masks: what each kind of error costs, whether edges fit, what comes first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from algorithm.assessment.advice.advice_rows import LOOSE_EDGES, MASK_ADVICE
from algorithm.assessment.advice.finding import (
    COST_GRADES,
    NOTE,
    Finding,
    few_pictures,
    graded,
)
from algorithm.assessment.advice.setting_steps import Setting
from algorithm.assessment.analysis import Analysis
from algorithm.assessment.errors.error_costs import LEAST_COST
from algorithm.assessment.masks.mask_analysis import FITS_FROM, GRID, MaskAnalysis

LEAST_RATIO, LOW_AP = 0.85, 0.5  # AP of masks over that of boxes; AP of boxes
LAGGING_RATIO = 0.7  # of the two; published models have 0.8 to 0.95
BOXES_FIRST_WEIGHT = 0.1  # of findings about masks where boxes come first
EDGE_SHARE = 2 / 3  # of the lost IoU
EDGE_GRADES = (0.05, 0.1)  # IoU lost along the edge that the grid does not explain
LEAST_MASKS = 20
_FIRST = {  # what the two APs mean, and what to do, (English, Chinese) each
    "boxes_first": (
        (
            "masks lose most where boxes do, whose AP is low",
            "检测框 AP 偏低, 掩码的损失主要来自检测框",
        ),
        ("To do: follow the advice about boxes first.", "建议先按检测框的建议改进。"),
    ),
    "masks_first": (
        (
            "masks lag behind their boxes. A mask head begins from nothing, and needs longer than "
            "boxes that begin from published weights",
            "掩码落后于检测框。掩码头从零开始训练, 比使用预训练权重的检测框需要更长的训练",
        ),
        ("To do: follow the advice about masks first.", "建议先按掩码的建议改进。"),
    ),
}


def mask_findings(analysis: Analysis, setting: Setting) -> Iterator[Finding]:
    """Yield what to do about masks; nothing for a model of boxes.

    Args:
        analysis: What was found out.
        setting: What the model was trained with.

    Yields:
        The findings, in no order.
    """
    masks = analysis.masks
    if masks is None:
        return
    weight = BOXES_FIRST_WEIGHT if _boxes_first(analysis, masks) else 1.0
    pictures, shares = len(analysis.records.names), masks.shares()
    for row in MASK_ADVICE:
        cost = masks.costs.get(row.key, 0.0)
        if cost < LEAST_COST:
            continue
        interval = masks.cost_intervals[row.key]
        doubt = ("", "") if interval and interval[0] >= LEAST_COST else few_pictures(pictures)
        part = _grid_words(masks) if row.key == GRID else _share_words(shares[row.key])
        yield graded(
            replace(row, weight=weight),
            setting,
            COST_GRADES,
            cost,
            f"{row.english} {_verb(row.key)} {cost:.3f} of the AP of masks{part[0]}{doubt[0]}",
            f"{row.chinese}使掩码 AP 降低 {cost:.3f}{part[1]}{doubt[1]}",
            by_chance=bool(doubt[0]),
        )
    yield from _edges(masks, setting, weight)


def mask_notes(analysis: Analysis) -> Iterator[Finding]:
    """Yield a note on what to improve first, boxes or masks, where the two APs tell it."""
    masks = analysis.masks
    if masks is None:
        return
    own, boxes = _aps(analysis, masks)
    first = "boxes_first" if _boxes_first(analysis, masks) else "masks_first"
    if not boxes or first == "masks_first" and own >= LAGGING_RATIO * boxes:
        return
    meaning, todo = _FIRST[first]
    yield Finding(
        first,
        NOTE,
        own / boxes,
        (
            f"AP of masks ({own:.3f}) is {own / boxes:.0%} of AP of boxes ({boxes:.3f}): "
            f"{meaning[0]}.",
            f"掩码 AP ({own:.3f}) 为检测框 AP ({boxes:.3f}) 的 {own / boxes:.0%}: {meaning[1]}。",
        ),
        todo,
    )


def _boxes_first(analysis: Analysis, masks: MaskAnalysis) -> bool:
    own, boxes = _aps(analysis, masks)
    return 0 < boxes < LOW_AP and own >= LEAST_RATIO * boxes


def _aps(analysis: Analysis, masks: MaskAnalysis) -> tuple[float, float]:
    """AP of masks and of boxes, 0 where undefined."""
    return masks.figures["AP"] or 0.0, analysis.figures["AP"] or 0.0


def _verb(key: str) -> str:
    return "costs" if key == GRID else "cost"


def _share_words(share: float) -> tuple[str, str]:
    return f" and are {share:.0%} of the lost IoU", f", 占损失 IoU 的 {share:.0%}"


def _grid_words(masks: MaskAnalysis) -> tuple[str, str]:
    kept, small = masks.quality().grid_iou, masks.of_sizes()["small"].grid_iou
    english, chinese = (
        ("", "") if small is None else (f", small ones {small:.2f}", f", 小目标为 {small:.2f}")
    )
    return (
        f": outlines drawn on it keep an IoU of {kept:.2f}{english}",
        f": 轮廓绘制到网格后的 IoU 为 {kept:.2f}{chinese}",
    )


def _edges(masks: MaskAnalysis, setting: Setting, weight: float) -> Iterator[Finding]:
    """Yield a finding where whole objects are found and what is lost lies along their edges."""
    fits = masks.fits.kept(np.isfinite(masks.fits.edge) & np.isfinite(masks.fits.grid))
    if len(fits.iou) < LEAST_MASKS or fits.iou.mean() < FITS_FROM:
        return
    lost, edge = float((1 - fits.iou).mean()), float(fits.edge.mean())
    unexplained = edge - float(fits.grid.mean())
    if edge < EDGE_SHARE * lost or unexplained < EDGE_GRADES[0]:
        return
    yield graded(
        replace(LOOSE_EDGES, weight=weight),
        setting,
        EDGE_GRADES,
        unexplained,
        f"{LOOSE_EDGES.english}: {edge / lost:.0%} of the lost IoU lies along them, "
        f"{unexplained:.3f} more than the grid explains",
        f"{LOOSE_EDGES.chinese}: 损失的 IoU 有 {edge / lost:.0%} 位于边缘, 比网格所能解释的多 "
        f"{unexplained:.3f}",
    )
