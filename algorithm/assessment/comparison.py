"""Two assessments side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from algorithm.assessment.advice.wording import (
    COST_NAMES,
    MASK_COST_NAMES,
    METRIC_NAMES,
    POINT_NAMES,
    QUALITY_NAMES,
    figure_names,
    mask_figure_names,
)
from algorithm.errors import DataError
from algorithm.evaluation.resampled import FIGURES as RESAMPLED_FIGURES
from algorithm.evaluation.resampled import Interval, Resampled, seen

FIGURES = "assessment.json"
RESAMPLED = "resampled"  # a key of assessment.json
MASKS = "segm"  # another, which a model of boxes does not have
_SHORT = {METRIC_NAMES[figure][0]: figure for figure in RESAMPLED_FIGURES}
_MASK_SHORT = {mask_figure_names([figure])[figure][0]: figure for figure in RESAMPLED_FIGURES}
_OF_MASKS = "masks: "
LESS_IS_BETTER = {
    *(f"cost of {names[0]}" for names in COST_NAMES.values()),
    *(f"{_OF_MASKS}cost of {names[0]}" for names in MASK_COST_NAMES.values()),
    "calibration error",
}
_Pair = tuple[Resampled, Resampled]


@dataclass(frozen=True)
class ComparedRow:
    """One figure in two assessments.

    Attributes:
        name: (English, Chinese).
        before: The former value, None where undefined.
        after: The present value, None where undefined.
        better: Whether it is better now; None where neither is, where no difference can be seen,
            or where that is no question.
        interval: The 95 % interval of the change, for AP and AP50; None for other figures, and
            where the two were not measured on the same objects.
    """

    name: tuple[str, str]
    before: float | None
    after: float | None
    better: bool | None
    interval: Interval | None = None

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
    parts = [
        (_flat(before), _flat(after), _SHORT, _pair(before, after)),
        (_flat_masks(before), _flat_masks(after), _MASK_SHORT, _mask_pair(before, after)),
    ]
    return [
        _row(name, first.get(name), second.get(name), short, pair)
        for first, second, short, pair in parts
        for name in dict.fromkeys([*second, *first])
        if first.get(name) is not None or second.get(name) is not None
    ]


def verdict(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str] | None:
    """Say whether a difference in AP can be told from chance.

    Args:
        before: As of `compare`.
        after: As of `compare`.

    Returns:
        A sentence, (English, Chinese); None where AP is undefined, or where the two were not
        measured on the same objects or by a version that kept no resamples.
    """
    told = [
        _told(("AP", "AP"), before, after, _pair(before, after)),
        _told(
            ("AP of masks", "掩码 AP"),
            before.get(MASKS),
            after.get(MASKS),
            _mask_pair(before, after),
        ),
    ]
    sentences = [row for row in told if row]
    return (
        (" ".join(row[0] for row in sentences), "".join(row[1] for row in sentences))
        if sentences
        else None
    )


def _told(
    name: tuple[str, str],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    pair: _Pair | None,
) -> tuple[str, str] | None:
    interval = _interval("AP", pair)
    if pair is None or interval is None or before is None or after is None:
        return None
    change = after["metrics"]["AP"] - before["metrics"]["AP"]
    pictures = pair[1].pictures
    low, high = (f"{end:+.3f}" for end in interval)
    if not seen(interval):
        return (
            f"No difference can be seen with {pictures} pictures: {name[0]} changed by "
            f"{change:+.3f}, and the 95 % interval of that is {low} to {high}.",
            f"用 {pictures} 张图片看不出差别: {name[1]} 变化 {change:+.3f}, 其 95% 置信区间为 "
            f"{low} 至 {high}。",
        )
    words = ("better", "提高") if interval[0] > 0 else ("worse", "下降")
    return (
        f"{name[0]} is {words[0]}: it changed by {change:+.3f}, 95 % interval {low} to {high} with "
        f"{pictures} pictures.",
        f"{name[1]} {words[1]}: 变化 {change:+.3f}, 95% 置信区间为 {low} 至 {high} "
        f"({pictures} 张图片)。",
    )


def not_comparable(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether two assessments were measured on different data.

    Different numbers of pictures or objects tell it, and different objects where both kept them.
    """
    first, second = (Resampled.of(row.get(RESAMPLED)) for row in (before, after))
    return any(before.get(key) != after.get(key) for key in ("pictures", "objects")) or (
        first is not None and second is not None and first.truths != second.truths
    )


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
            "interval": row.interval,
        }
        for row in rows
    ]


def _flat(figures: Mapping[str, Any]) -> dict[tuple[str, str], float | None]:
    flat = {
        names: figures["metrics"].get(key)
        for key, names in figure_names(figures["metrics"]).items()
    }
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


def _flat_masks(figures: Mapping[str, Any]) -> dict[tuple[str, str], float | None]:
    masks = figures.get(MASKS)
    if masks is None:
        return {}
    flat = {
        names: masks["metrics"].get(key)
        for key, names in mask_figure_names(masks["metrics"]).items()
    }
    flat |= {
        (f"{_OF_MASKS}{names[0]}", names[1]): masks[key] for key, names in QUALITY_NAMES.items()
    }
    flat |= {
        (f"{_OF_MASKS}cost of {names[0]}", f"掩码 {names[1]}的损失"): masks["error_costs"].get(kind)
        for kind, names in MASK_COST_NAMES.items()
    }
    return flat | {
        (f"{_OF_MASKS}AP of {name}", f"掩码 {name} 的 AP"): row["AP"]
        for name, row in masks["per_class"].items()
    }


def _mask_pair(before: Mapping[str, Any], after: Mapping[str, Any]) -> _Pair | None:
    return _pair(before.get(MASKS) or {}, after.get(MASKS) or {})


def _pair(before: Mapping[str, Any], after: Mapping[str, Any]) -> _Pair | None:
    """The resamples of both, where they are of the same objects."""
    first, second = (Resampled.of(row.get(RESAMPLED)) for row in (before, after))
    pairs = first is not None and second is not None and first.pairs_with(second)
    return (first, second) if pairs else None  # type: ignore[return-value]


def _interval(figure: str, pair: _Pair | None) -> Interval | None:
    return pair[1].change_since(pair[0], figure) if pair else None


def _row(
    name: tuple[str, str],
    before: float | None,
    after: float | None,
    short: Mapping[str, str],
    pair: _Pair | None,
) -> ComparedRow:
    """A row; a figure without an interval is called better only where AP or AP50 is another."""
    interval = _interval(short.get(name[0], name[0].removeprefix(_OF_MASKS)), pair)
    row = ComparedRow(name, before, after, None, interval)
    if before is None or after is None or before == after:
        return row
    if name == POINT_NAMES["confidence_threshold"]:
        return row
    shown = [interval] if interval else [_interval(figure, pair) for figure in RESAMPLED_FIGURES]
    if pair and not any(map(seen, shown)):
        return row
    return replace(row, better=(after < before) == (name[0] in LESS_IS_BETTER))
