"""Pieces of a self-contained HTML page: no script, no address, everything in the one file."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
  color: #1c2430; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; background: #fff; }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
.quiet { color: #5c6776 }
.box { border-left: 4px solid #d98c00; background: #fff7e6; padding: .4rem .9rem; margin: .4rem 0 }
.good { border-color: #2c8a4b; background: #eef8f1 }
table { border-collapse: collapse; margin: .6rem 0; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .7rem;
  border-bottom: 1px solid #e3e7ec; overflow-wrap: anywhere }
td:first-child { min-width: 9rem } th { font-weight: 600; color: #5c6776; white-space: nowrap }
td.number, th.number { text-align: right;
  font-variant-numeric: tabular-nums } .row { display: flex; flex-wrap: wrap; gap: 1.2rem }
figure { margin: 0 } figcaption { font-size: .8rem; color: #5c6776; overflow-wrap: anywhere }
.pictures { display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)) }
.pictures img { width: 100%; height: auto; display: block }
svg text { font-size: 11px; fill: #5c6776 }
"""


def page(title: str, subtitle: str, sections: Iterable[str]) -> str:
    """Build a whole page.

    Args:
        title: The headline.
        subtitle: Below it.
        sections: HTML as the other functions here make it.

    Returns:
        The page in UTF-8.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body>\n"
        f'<h1>{html.escape(title)}</h1><div class="quiet">{html.escape(subtitle)}</div>\n'
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def section(title: str, *content: str) -> str:
    """Make a headed part of a page."""
    return f"<h2>{html.escape(title)}</h2>\n" + "\n".join(content)


def paragraph(text: str, kind: str = "") -> str:
    """Make a line of text; `kind` is "" (plain), "quiet", "box" (a warning) or "box good"."""
    return f'<div class="{kind}">{html.escape(text)}</div>'


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Make a table; numbers stand to the right, None is an empty cell."""
    rows = [list(row) for row in rows]
    numeric = [
        bool(rows) and all(isinstance(row[place], int | float) for row in rows)
        for place in range(len(heads))
    ]
    marks = [' class="number"' if number else "" for number in numeric]
    head = "".join(
        f"<th{mark}>{html.escape(text)}</th>" for mark, text in zip(marks, heads, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{mark}>{html.escape(_text(value))}</td>"
            for mark, value in zip(marks, row, strict=True)
        )
        + "</tr>\n"
        for row in rows
    )
    return f"<table><tr>{head}</tr>\n{body}</table>"


def picture(pixels: np.ndarray, text: str) -> str:
    """Embed a picture, uint8 [H, W, 3], as JPEG with a caption."""
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=80)
    source = base64.b64encode(encoded.getvalue()).decode()
    height, width = pixels.shape[:2]
    return (
        f'<figure><img width="{width}" height="{height}" alt="{html.escape(text)}" '
        f'src="data:image/jpeg;base64,{source}"><figcaption>{html.escape(text)}</figcaption></figure>'
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
