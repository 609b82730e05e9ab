"""The table as a person reads it: plain text for a terminal, Markdown for the documentation."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from algorithm.hyperparameters.row import Row
from algorithm.hyperparameters.values import write_value

LANGUAGES = ("en", "zh")

_HEADINGS = {
    "en": ("Name", "Default", "Type", "Required", "Editable", "Allowed", "Description"),
    "zh": ("名称", "默认值", "类型", "是否必填", "是否可修改", "取值范围", "描述"),
}
_FEW = 5  # longer lists are shown by their ends, so that the column stays narrow
_YES_NO = {"en": ("No", "Yes"), "zh": ("否", "是")}


def as_text(rows: Iterable[Row], language: str) -> str:
    """Return rows as aligned columns.

    Args:
        rows: The rows, in the order to print.
        language: "en" or "zh".
    """
    table = [_HEADINGS[language], *(_cells(row, language, _FEW) for row in rows)]
    widths = [max(_columns(line[i]) for line in table) for i in range(len(table[0]) - 1)]
    return "\n".join(
        "  ".join(
            [*(_padded(cell, width) for cell, width in zip(line, widths, strict=False)), line[-1]]
        )
        for line in table
    )


def as_markdown(rows: Iterable[Row], language: str) -> str:
    """Return rows as a Markdown table.

    Args:
        rows: The rows, in the order to print.
        language: "en" or "zh".
    """
    headings = _HEADINGS[language]
    lines = [_markdown_line(headings), _markdown_line(["---"] * len(headings))]
    for row in rows:
        name, default, *rest = (
            cell.replace("|", "\\|") for cell in _cells(row, language, len(row.choices))
        )
        lines.append(_markdown_line([f"`{name}`", f"`{default}`" if default else "", *rest]))
    return "\n".join(lines)


def _cells(row: Row, language: str, most_choices: int) -> tuple[str, ...]:
    yes_no = _YES_NO[language]
    description = row.chinese if language == "zh" else row.english
    choices = [choice for choice in row.choices if choice]
    allowed = (
        ", ".join(choices) if len(choices) <= most_choices else f"{choices[0]} ... {choices[-1]}"
    )
    return (
        row.name,
        write_value(row.default),
        row.kind,
        yes_no[row.required],
        yes_no[row.editable],
        allowed or row.interval,
        description,
    )


def _markdown_line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _columns(text: str) -> int:
    """Return the width of text in a terminal, where a Chinese character takes two columns."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))
