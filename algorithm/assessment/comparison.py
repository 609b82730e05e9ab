"""Two assessments side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algorithm.assessment.advice.wording import COST_NAMES, METRIC_NAMES, POINT_NAMES
from algorithm.errors import DataError

FIGURES = "assessment.json"
LESS_IS_BETTER = {f"cost of {names[0]}" for names in COST_NAMES.values()} | {"calibration error"}


@dataclass(frozen=True)
class ComparedRow:
    """One figure in two assessments.

    Attributes:
        name: (English, Chinese).
        before: The former value, None where undefined.
        after: The present value, None where undefined.
        better: Whether it is better now; None where neither is, or where that is no question.
    """

    name: tuple[str, str]
    before: float | None
    after: float | None
    better: bool | None

    @property
    def change(self) -> float | None:
        """after - before."""
        return None if self.before is None or self.after is None else self.after - self.before


def read_assessment(path: Path) -> dict[str, Any]:
    """Read the figures that an earlier assessment left.

    Args:
        path: Its folder or its assessment.json.

    Returns:
        The content of assessment.json.

    Raises:
        DataError: It is something else.
    """
    file = path / FIGURES if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if not {"metrics", "per_class", "error_costs"} <= content.keys():
            raise ValueError("figures are missing")
        return content
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(
            f"expected a model folder or an earlier assessment at {path}, found neither "
            f"({getattr(error, 'strerror', None) or error}): give the folder with {FIGURES}, or a "
            "model folder"
        ) from error


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ComparedRow]:
    """Compare two assessments.

    Args:
        before: The former, as Analysis.as_dict returned it.
        after: The present one, in the same form.

    Returns:
        A row for each figure that either has, in the order of the report.
    """
    first, second = _flat(before), _flat(after)
    names = list(dict.fromkeys([*second, *first]))
    return [
        _row(name, first.get(name), second.get(name))
        for name in names
        if first.get(name) is not None or second.get(name) is not None
    ]


def not_comparable(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether two assessments were measured on different data.

    Different numbers of pictures or objects tell it.
    """
    return any(before.get(key) != after.get(key) for key in ("pictures", "objects"))


def as_dicts(rows: list[ComparedRow]) -> list[dict[str, Any]]:
    """Return the rows for a JSON file."""
    return [
        {
            "name": row.name[0],
            "name_zh": row.name[1],
            "before": row.before,
            "after": row.after,
            "change": row.change,
            "better": row.better,
        }
        for row in rows
    ]


def _flat(figures: Mapping[str, Any]) -> dict[tuple[str, str], float | None]:
    flat = {names: figures["metrics"].get(key) for key, names in METRIC_NAMES.items()}
    flat |= {
        names: figures.get("operating_point", {}).get(key) for key, names in POINT_NAMES.items()
    }
    flat |= {
        (f"cost of {names[0]}", f"{names[1]}的损失"): figures["error_costs"].get(kind)
        for kind, names in COST_NAMES.items()
    }
    flat |= {("calibration error", "校准误差"): figures.get("calibration", {}).get("error")}
    return flat | {
        (f"AP of {name}", f"{name} 的 AP"): row.get("AP")
        for name, row in figures["per_class"].items()
    }


def _row(name: tuple[str, str], before: float | None, after: float | None) -> ComparedRow:
    if before is None or after is None or before == after:
        return ComparedRow(name, before, after, None)
    if name == POINT_NAMES["confidence_threshold"]:
        return ComparedRow(name, before, after, None)
    return ComparedRow(name, before, after, (after < before) == (name[0] in LESS_IS_BETTER))
