"""The tables of a comparison with a baseline, and of a tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from algorithm.assessment.comparison import ComparedRow
from algorithm.pages.bilingual_page import Text, box, folded, sortable

COMPARED = 40  # rows of a comparison that are not folded, which are all but those of many classes
SURE = ("95 % interval", "95% 置信区间")
UNSEEN = ("no difference can be seen", "看不出差别")


def comparison_table(compared: Sequence[ComparedRow], note: Text | None) -> str:
    """Return the comparison with a baseline.

    Args:
        compared: Its rows.
        note: What to know about it.

    Returns:
        HTML, "" without rows.
    """
    words = {True: ("better", "提高"), False: ("worse", "下降"), None: ("", "")}
    rows = [
        (
            row.name,
            row.before,
            row.after,
            row.change,
            between(row.interval),
            words[row.better] if row.better is not None or not row.interval else UNSEEN,
        )
        for row in compared
    ]
    heads = [
        ("Figure", "指标"),
        ("Baseline", "基线"),
        ("This model", "本模型"),
        ("Change", "变化"),
        SURE,
        ("", ""),
    ]
    head = box(note) if note else ""
    table = sortable(heads, rows[:COMPARED]) + folded(
        ("The rest", "其余"), sortable(heads, rows[COMPARED:])
    )
    return head + table if rows else ""


def between(interval: Sequence[float] | None) -> str:
    """Return an interval as text, "" for None."""
    return "" if interval is None else f"{interval[0]:.3f} .. {interval[1]:.3f}"


def tuning_table(trail: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows of a tuning as HTML, "" without rows."""
    rows = [
        (
            row["job"],
            row["changes"] or ("as before", "原设置"),
            row["AP"],
            row["gain"],
            between(row["interval"]),
            ("kept", "保留") if row["kept"] else ("not kept", "未保留"),
        )
        for row in trail
    ]
    return sortable(
        [("Job", "作业"), ("Changes", "改动"), ("AP", "AP"), ("Gain", "提升"), SURE, ("", "")], rows
    )
