"""The section of the report about masks."""

from __future__ import annotations

from algorithm.assessment.advice.wording import (
    DESCRIPTIONS,
    MASK_COST_NAMES,
    METRIC_NAMES,
    QUALITY_NAMES,
    SIZE_NAMES,
    TITLES,
)
from algorithm.assessment.masks.mask_analysis import FITS_FROM, MaskAnalysis, Quality
from algorithm.assessment.report.comparison_tables import SURE, between
from algorithm.pages.bilingual_page import Text, box, cards, heading, quiet, sortable

_QUALITY = (
    ("Matched", "匹配数"),
    ("Mask IoU", "掩码 IoU"),
    ("Boundary IoU", "边界 IoU"),
    ("IoU the grid allows", "网格允许的 IoU"),
)


def mask_section(masks: MaskAnalysis | None, drawings: str) -> str:
    """Return the section as HTML, "" for a model of boxes.

    Args:
        masks: What was found out about masks.
        drawings: The worst masks as HTML, "" for none.
    """
    if masks is None:
        return ""
    quality = masks.quality()
    figures = [
        (METRIC_NAMES["AP"], masks.figures["AP"]),
        (METRIC_NAMES["AP50"], masks.figures["AP50"]),
        (QUALITY_NAMES["mask_iou"], quality.mask_iou),
        (QUALITY_NAMES["boundary_iou"], quality.boundary_iou),
    ]
    return (
        cards(figures)
        + _without_outlines(masks)
        + quiet(DESCRIPTIONS["masks"])
        + _classes(masks)
        + _sizes(masks)
        + heading(TITLES["mask_errors"])
        + quiet(DESCRIPTIONS["mask_errors"])
        + _errors(masks)
        + drawings
    )


def _without_outlines(masks: MaskAnalysis) -> str:
    total, outlined = len(masks.masks.outlined), int(masks.masks.outlined.sum())
    if outlined == total:
        return ""
    return box(
        (
            f"{total - outlined} of {total} objects have no outline: they count as boxes alone.",
            f"{total} 个目标中有 {total - outlined} 个没有轮廓, 只按检测框评估。",
        )
    )


def _classes(masks: MaskAnalysis) -> str:
    names = masks.masks.records.label_names
    sure = masks.resampled.intervals(names)["per_class"]
    counts = masks.masks.records.truths_per_class()
    rows = [
        (
            names[label],
            masks.per_class[label]["AP"],
            between(sure[names[label]]["AP"]),
            masks.per_class[label]["AP50"],
            *_cells(masks.of_class(label)),
        )
        for label in (-counts).argsort(kind="stable")
        if counts[label]
    ]
    return sortable([("Class", "类别"), ("AP", "AP"), SURE, ("AP50", "AP50"), *_QUALITY], rows)


def _sizes(masks: MaskAnalysis) -> str:
    rows = [(SIZE_NAMES[name], *_cells(row)) for name, row in masks.of_sizes().items()]
    return sortable([("Size", "大小"), *_QUALITY], rows)


def _cells(quality: Quality) -> tuple[object, ...]:
    return quality.matched, quality.mask_iou, quality.boundary_iou, quality.grid_iou


def _errors(masks: MaskAnalysis) -> str:
    lost, shares, misfits = masks.lost(), masks.shares(), masks.misfits_by_kind()
    rows: list[tuple[object, ...]] = [
        (
            MASK_COST_NAMES[kind],
            lost.get(kind),
            f"{shares[kind]:.0%}" if kind in shares else "",
            misfits.get(kind),
            cost,
            between(masks.cost_intervals.get(kind)),
        )
        for kind, cost in masks.costs.items()
    ]
    limit: Text = (f"Masks below IoU {FITS_FROM}", f"IoU 低于 {FITS_FROM} 的掩码")
    heads = [
        ("Kind", "类型"),
        ("Lost IoU", "损失的 IoU"),
        ("Share", "占比"),
        limit,
        ("AP to be gained", "可提升的 AP"),
        SURE,
    ]
    return sortable(heads, rows)
