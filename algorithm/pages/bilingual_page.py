"""Pieces of a page in English and Chinese: tables that sort, nothing fetched from anywhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from algorithm.pages.template_engine import joined, piece, render

Text = tuple[str, str]  # English, Chinese
_PIECES = "bilingual_pieces.html"


def whole_page(title: Text, subtitle: Text, sections: Iterable[tuple[str, Text, str]]) -> str:
    """Build a page that starts in English and has a button for Chinese.

    Args:
        title: The headline.
        subtitle: Below it.
        sections: (anchor, title, HTML) of each; those without content are left out.

    Returns:
        The page in UTF-8.
    """
    rows = [
        (anchor, heading, joined([content])) for anchor, heading, content in sections if content
    ]
    return render("bilingual_page.html", title=title, subtitle=subtitle, sections=rows)


def quiet(text: Text) -> str:
    """Return a line of explanation."""
    return piece(_PIECES, "line", text, "quiet")


def box(text: Text) -> str:
    """Return a line that stands out."""
    return piece(_PIECES, "line", text, "box")


def heading(text: Text) -> str:
    """Return a headline within a section."""
    return piece(_PIECES, "heading", text)


def command(text: str) -> str:
    """Return a command, or settings, with a button that copies it."""
    return piece(_PIECES, "command", text)


def cards(rows: Iterable[tuple[Text, float | None]]) -> str:
    """Return figures that catch the eye; None is a dash."""
    shown = [(name, "–" if value is None else f"{value:.3f}") for name, value in rows]
    return piece(_PIECES, "cards", shown)


def finding(grade: str, grade_text: Text, text: Text) -> str:
    """Return a finding with its grade."""
    return piece(_PIECES, "finding", grade, grade_text, text)


def sortable(heads: Sequence[Text], rows: Iterable[Sequence[object]]) -> str:
    """Return a table that a click on a head sorts.

    Args:
        heads: The heads of the columns.
        rows: The cells: numbers, texts, Text pairs, None for empty.

    Returns:
        HTML, "" without rows.
    """
    body = [list(row) for row in rows]
    if not body:
        return ""
    numeric = [
        all(isinstance(row[place], int | float | None) for row in body)
        for place in range(len(heads))
    ]
    cells = [[_cell(value) for value in row] for row in body]
    return piece(_PIECES, "sortable", heads, cells, numeric)


def chart(svg: str, title: Text, note: Text | None = None) -> str:
    """Return an SVG as a picture of its own, so that nothing in it meets the rest of the page."""
    source = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    return piece(_PIECES, "chart", source, title, note)


def folded(title: Text, content: str) -> str:
    """Return HTML that a click unfolds."""
    return piece(_PIECES, "folded", title, joined([content])) if content else ""


def _cell(value: object) -> Text:
    if isinstance(value, tuple):
        return value
    text = "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
    return text, text
