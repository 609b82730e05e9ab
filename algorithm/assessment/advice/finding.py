"""A finding: what was found, how grave it is, what to change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from algorithm.assessment.advice.advice_rows import AdviceRow
from algorithm.assessment.advice.setting_steps import Change, Setting

NOTE, SLIGHT, MEDIUM, MAJOR = "note", "slight", "medium", "major"
GRADES = {
    NOTE: ("note", "提示"),
    SLIGHT: ("slight", "轻微"),
    MEDIUM: ("medium", "中等"),
    MAJOR: ("major", "重大"),
}
COST_GRADES = (0.02, 0.05)  # AP50, of masks AP


@dataclass(frozen=True)
class Finding:
    """A finding and what follows from it.

    Attributes:
        key: The key of the advice row.
        grade: A key of GRADES.
        number: What the grade is made from.
        reason: What was found, (English, Chinese).
        todo: What to do, (English, Chinese). It is empty where a slight finding asks for nothing,
            or where nothing is left to turn.
        weight: What findings of one grade are ordered by.
        changes: The hyperparameters to turn.
    """

    key: str
    grade: str
    number: float
    reason: tuple[str, str]
    todo: tuple[str, str] = ("", "")
    weight: float = 0.0
    changes: tuple[Change, ...] = ()

    @property
    def english(self) -> str:
        """All of it in English."""
        return " ".join(filter(None, (self.reason[0], self.todo[0])))

    @property
    def chinese(self) -> str:
        """All of it in Chinese."""
        return "".join(self.reason[1:] + self.todo[1:])

    def as_dict(self) -> dict[str, Any]:
        """Return the finding for a JSON file."""
        return {
            "key": self.key,
            "grade": self.grade,
            "number": self.number,
            "en-us": self.english,
            "zh-cn": self.chinese,
            "changes": [
                {"name": row.name, "from": row.before, "to": row.after} for row in self.changes
            ],
        }


def grade_of(number: float, limits: Sequence[float]) -> str:
    """Return SLIGHT below the first limit, MEDIUM below the second, else MAJOR."""
    return (SLIGHT, MEDIUM, MAJOR)[int(np.searchsorted(limits, number, side="right"))]


def graded(
    row: AdviceRow,
    setting: Setting,
    limits: Sequence[float],
    number: float,
    english: str,
    chinese: str,
    *,
    by_chance: bool = False,
) -> Finding:
    """Return a finding; one that may be chance is slight and asks for nothing.

    Args:
        row: The advice.
        setting: What the model was trained with.
        limits: Of grade_of.
        number: What the grade is made from.
        english: What was found.
        chinese: The same in Chinese.
        by_chance: Whether it may be chance.
    """
    grade = SLIGHT if by_chance else grade_of(number, limits)
    weight = number / limits[-1] * row.weight
    changes = (
        () if grade == SLIGHT else tuple(filter(None, (knob.change(setting) for knob in row.knobs)))
    )
    todo = ", ".join(f"{change.name}={change.after}" for change in changes)
    if (
        grade != SLIGHT and not changes and not setting.values
    ):  # no value can be named, because it is not known what the model was trained with
        todo = ", ".join(dict.fromkeys(knob.name for knob in row.knobs))
    words = ("", "")
    if todo:
        words = f"To do: {row.do[0]} ({todo}).", f"{row.do[1]} ({todo})。"
    elif grade != SLIGHT and not row.knobs:  # what to do is no hyperparameter
        words = f"To do: {row.do[0]}.", f"{row.do[1]}。"
    return Finding(row.key, grade, number, (f"{english}.", f"{chinese}。"), words, weight, changes)


def few_pictures(count: int) -> tuple[str, str]:
    """Return what is said of a cost that may be chance."""
    return f", which with {count} pictures may be chance", f", 但仅 {count} 张图片, 可能为偶然"
