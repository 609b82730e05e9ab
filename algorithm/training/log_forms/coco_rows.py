"""The 12 rows of COCO's figures, in the words of programs that use pycocotools."""

from __future__ import annotations

from algorithm.training.log_forms.log_form import Evaluated

BOXES, MASKS = "IoU metric: bbox", "IoU metric: segm"  # headings of the two tables


def accumulated(evaluated: Evaluated, heading: str = "") -> list[str]:
    """Return the rows and the lines that come before them.

    Args:
        evaluated: The evaluation.
        heading: Of the rows of boxes where there are no masks.
    """
    return [
        "Accumulating evaluation results...",
        f"DONE (t={evaluated.metric_seconds:.2f}s).",
        *_rows(evaluated, heading),
    ]


def _rows(evaluated: Evaluated, heading: str = "") -> list[str]:
    """The 12 rows of boxes; with masks both tables, each under its heading."""
    if not evaluated.mask_summary:
        return [*([heading] if heading else []), *evaluated.summary.splitlines()]
    tables = ((BOXES, evaluated.summary), (MASKS, evaluated.mask_summary))
    return [line for name, rows in tables for line in (name, *rows.splitlines())]
