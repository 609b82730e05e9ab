"""Outlines in pixels of the real picture: placed as their boxes are, those without a pixel gone."""

from __future__ import annotations

import numpy as np

from algorithm.data.cleaning.findings import OUTLINE_LEFT_OUT, REPORTED, Finding
from algorithm.data.cleaning.rules.turned_boxes import SIDEWAYS, stored_orientation
from algorithm.data.outline_geometry import covered_pixels, extent, scaled, upright
from algorithm.data.outlines import Outline, RunLengths
from algorithm.data.readers.annotation import Annotation, Complaint, Entry
from algorithm.ops.box_arrays import box_area

SAME_SHAPE = 0.01  # relative difference of the sides up to which a mask is of its picture
LIKE_ITS_BOX = 0.5  # IoU of a box with the extent of its outline

Outlines = tuple[Outline | None, ...]


def usable_outlines(
    entry: Entry, width: int, height: int, *, exact: bool
) -> tuple[Outlines | None, list[Finding]]:
    """Return the outlines of an entry in pixels of its upright picture, and what is left out.

    Corners go with the boxes: they scale and turn along. Run lengths have a size of their own: the
    upright picture's, mostly.

    Args:
        entry: With an annotation.
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        exact: Leave out also what covers no pixel although it lies in the picture.
    """
    annotation = entry.objects
    findings = [
        Finding(complaint, "outline cannot be used", OUTLINE_LEFT_OUT, fault=False)
        for complaint in annotation.outline_complaints
    ]
    if annotation.outlines is None:
        return None, findings
    placed: list[Outline | None] = []
    for index, outline in enumerate(annotation.outlines):
        own = outline
        try:
            if own is not None:
                own = _placed(entry, own, width, height)
                _require_pixels(own, width, height, exact)
        except ValueError as error:
            own = None
            findings.append(_finding(annotation, index, str(error), OUTLINE_LEFT_OUT))
        placed.append(own)
    return tuple(placed), findings


def unlike_boxes(
    annotation: Annotation, outlines: Outlines | None, boxes: np.ndarray, keep: np.ndarray
) -> list[Finding]:
    """Return findings of outlines that lie elsewhere than the boxes of their objects.

    Args:
        annotation: Names the objects.
        outlines: Of its objects.
        boxes: float32 [N, 4] yxyx, in pixels of the picture and inside of it.
        keep: bool [N], which objects are looked at.
    """
    findings = []
    for index, outline in enumerate(outlines or ()):
        if outline is not None and keep[index]:
            overlap = _iou(np.array(extent(outline), np.float32), boxes[index])
            if overlap < LIKE_ITS_BOX:
                problem = (
                    "expected the box around the outline, found one that overlaps it by an IoU "
                    f"of {overlap:.2f}"
                )
                findings.append(_finding(annotation, index, problem, REPORTED))
    return findings


def _placed(entry: Entry, outline: Outline, width: int, height: int) -> Outline:
    """Return an outline in pixels of the upright picture.

    Raises:
        ValueError: Its size is of another shape.
    """
    if isinstance(outline, RunLengths):
        size: tuple[int | None, int | None] = (outline.width, outline.height)
    else:
        size = (entry.objects.width, entry.objects.height)
    recorded_width, recorded_height = size
    if recorded_width is None or recorded_height is None or size == (width, height):
        return outline
    if size == (height, width):
        orientation = stored_orientation(entry.path)
        if orientation in SIDEWAYS:
            return upright(outline, width, height, orientation)
    across, down = width / recorded_width, height / recorded_height
    if abs(across / down - 1) > SAME_SHAPE:
        raise ValueError(
            f"expected a mask of the picture's size, {width}x{height} upright, found "
            f"{recorded_width}x{recorded_height}"
        )
    return scaled(outline, height, width, down, across)


def _require_pixels(outline: Outline, width: int, height: int, exact: bool) -> None:
    """Refuse an outline that covers nothing of the picture.

    Raises:
        ValueError: It does not.
    """
    ymin, xmin, ymax, xmax = extent(outline)
    if min(ymax, height) <= max(ymin, 0) or min(xmax, width) <= max(xmin, 0):
        raise ValueError("expected an outline with an area in the picture, found none")
    if exact and not covered_pixels(outline, height, width):
        raise ValueError("expected an outline around a pixel's centre, found none")


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    shared = np.array([*np.maximum(one[:2], other[:2]), *np.minimum(one[2:], other[2:])])
    if (shared[2:] <= shared[:2]).any():
        return 0.0
    areas = box_area(np.stack([one, other, shared]))
    return float(areas[2] / (areas[0] + areas[1] - areas[2]))


def _finding(annotation: Annotation, index: int, problem: str, action: str) -> Finding:
    rule = "outline unlike its box" if action == REPORTED else "outline cannot be used"
    complaint = Complaint(
        annotation.file, problem, annotation.lines[index], annotation.things[index]
    )
    return Finding(complaint, rule, action, fault=False)
