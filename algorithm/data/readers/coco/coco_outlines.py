"""The outline of a COCO annotation, taken out of its row while the JSON is parsed."""

from __future__ import annotations

from typing import Any

from algorithm.data.outlines import Outline
from algorithm.data.readers.coco.coco_boxes import bbox_of_outline
from algorithm.data.readers.outline_forms import of_column_runs, polygons

OUTLINE = "segmentation"


def without_outline(row: dict) -> dict:
    """Return an object of the JSON without its outline, which becomes its bbox if it has none."""
    outline = row.pop(OUTLINE, None)
    if outline and not row.get("bbox"):
        row["bbox"] = bbox_of_outline(outline)
    return row


def with_outline(row: dict) -> dict:
    """Return an object of the JSON with its outline in place of the lists that record it.

    Of one that cannot be used the reason stands there, as text.
    """
    recorded = row.get(OUTLINE)
    without_outline(row)
    if recorded:
        try:
            row[OUTLINE] = outline_of(recorded)
        except ValueError as error:
            row[OUTLINE] = str(error)
    return row


def outline_of(recorded: Any) -> Outline:
    """Return the outline of a `segmentation`: polygons, or run lengths in numbers or text.

    Polygons may be one list of numbers, several, or lists of points.

    Raises:
        ValueError: It is none of these.
    """
    if isinstance(recorded, dict):
        size = recorded.get("size")
        if not isinstance(size, list) or len(size) != 2:
            raise ValueError(f"expected size [height, width] of run lengths, found {size!r}")
        return of_column_runs(size[0], size[1], recorded.get("counts"))
    if not isinstance(recorded, list):
        raise ValueError(f"expected polygons or run lengths, found {str(recorded)[:60]!r}")
    points = all(isinstance(part, list) and len(part) == 2 for part in recorded)
    return polygons(recorded if isinstance(recorded[0], list) and not points else [recorded])
