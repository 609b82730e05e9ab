"""Pieces of a self-contained HTML page in English and Chinese, everything in the one file.

A text is a pair (English, Chinese), or one text for both: a name, a line of the log.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from algorithm.pages.template_engine import joined, piece, render

_PIECES = "pieces.html"
Text = str | tuple[str, str]


def page(title: Text, subtitle: Text, sections: Iterable[str]) -> str:
    """Build a whole page, which starts in English and has a button for Chinese.

    Args:
        title: The headline.
        subtitle: Below it.
        sections: HTML as the other functions here make it.

    Returns:
        The page in UTF-8.
    """
    return render(
        "page.html", title=title, subtitle=subtitle, sections=[joined([one]) for one in sections]
    )


def headline(title: tuple[str, str], name: str) -> Text:
    """Return a title with the name of what the page is about; "" is no name."""
    return (f"{title[0]}: {name}", f"{title[1]}：{name}") if name else title


def both(text: Text) -> str:
    """Return a text as HTML."""
    return piece("both.html", "both", text)


def section(title: Text, *content: str) -> str:
    """Make a headed part of a page; content is HTML."""
    return piece(_PIECES, "section", title, joined(content, "\n"))


def paragraph(text: Text, kind: str = "") -> str:
    """Make a line of text; `kind` is "" (plain), "quiet", "box" (a warning) or "box good"."""
    return piece(_PIECES, "paragraph", text, kind)


def command(text: str) -> str:
    """Show a command, or settings, with a button that copies it."""
    return piece(_PIECES, "command", text)


def grid(kind: str, parts: Iterable[str]) -> str:
    """Put HTML parts beside each other; `kind` is "row", "pictures", "pairs", "charts" ..."""
    return piece(_PIECES, "grid", kind, joined(parts))


def table(heads: Sequence[Text], rows: Iterable[Sequence[object]]) -> str:
    """Make a table; numbers stand to the right, None is an empty cell."""
    body = [list(row) for row in rows]
    numeric = [
        bool(body) and all(isinstance(row[place], int | float) for row in body)
        for place in range(len(heads))
    ]
    return piece(
        _PIECES, "table", heads, [[_text(value) for value in row] for row in body], numeric
    )


def picture(pixels: np.ndarray, text: Text) -> str:
    """Embed a picture, uint8 [H, W, 3], as JPEG with a caption."""
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=80)
    source = "data:image/jpeg;base64," + base64.b64encode(encoded.getvalue()).decode()
    height, width = pixels.shape[:2]
    return piece(_PIECES, "picture", source, width, height, text)


def _text(value: object) -> Text:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return value
    return f"{value:.4g}" if isinstance(value, float) else str(value)
