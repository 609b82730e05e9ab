"""Small charts as SVG for a page of algorithm.pages.page: no library, names in any script."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from algorithm.pages.page import Text, both

WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM, TOP = 500, 190, 44, 18, 30, 14
BLUE, ORANGE = "#3b73b9", "#d98c00"


def histogram(
    title: Text,
    values: np.ndarray,
    edges: Sequence[float],
    unit: str = "",
    mark: float | None = None,
    mark_text: Text = "",
) -> str:
    """Draw how many values lie between each two edges; what lies outside counts at the ends.

    Args:
        title: Above the chart.
        values: float [N].
        edges: Rising; a bar for each two.
        unit: Behind the numbers of the axis.
        mark: A value to draw a line at.
        mark_text: Beside that line.

    Returns:
        SVG text.
    """
    ends = np.asarray(edges, float)
    counts, _ = np.histogram(np.clip(values, ends[0], np.nextafter(ends[-1], 0)), ends)
    step, top = (WIDTH - LEFT - RIGHT) / len(counts), max(1, counts.max(initial=0))
    parts = [_axis(top)]
    for index, count in enumerate(counts):
        tall = (HEIGHT - BOTTOM - TOP) * count / top
        parts.append(
            f'<rect x="{LEFT + index * step:.1f}" y="{HEIGHT - BOTTOM - tall:.1f}" '
            f'width="{step - 1:.1f}" height="{tall:.1f}" fill="{BLUE}">'
            f"<title>{edges[index]:g} – {edges[index + 1]:g}{unit}: {count}</title></rect>"
        )
    every = max(1, len(edges) // 9)
    parts += [
        _text(LEFT + index * step, HEIGHT - BOTTOM + 14, f"{edge:g}", "middle")
        for index, edge in enumerate(edges)
        if index % every == 0
    ]
    if mark is not None and edges[0] < mark < edges[-1]:
        x = LEFT + step * float(np.interp(mark, edges, np.arange(len(edges))))
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{ORANGE}" '
            'stroke-dasharray="4 3"/>' + _text(x + 4, TOP + 8, mark_text, "start")
        )
    return _chart(title, parts)


def bars(title: Text, names: Sequence[str], groups: Sequence[tuple[str, Sequence[int]]]) -> str:
    """Draw lying bars.

    Args:
        title: Above the chart.
        names: One row for each.
        groups: Up to two, each a name and a number for each row.

    Returns:
        SVG text.
    """
    longest = max((max(numbers, default=0) for _, numbers in groups), default=0) or 1
    row, label = 12 * len(groups) + 8, 150
    parts = []
    for place, name in enumerate(names):
        parts.append(
            _text(label - 6, place * row + 14, name if len(name) < 22 else name[:20] + "…", "end")
        )
        for group, (kind, numbers) in enumerate(groups):
            long = (WIDTH - label - 80) * numbers[place] / longest
            y = place * row + 4 + 12 * group
            parts.append(
                f'<rect x="{label}" y="{y}" width="{max(long, 0.5):.1f}" height="11" '
                f'fill="{(BLUE, ORANGE)[group]}"/>'
                + _text(label + long + 4, y + 10, f"{numbers[place]} {kind}", "start")
            )
    return _chart(title, parts, height=row * max(1, len(names)) + 6)


def _axis(top: int) -> str:
    floor = HEIGHT - BOTTOM
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}" stroke="#9aa5b1"/>'
        + _text(LEFT - 5, TOP + 8, f"{top}", "end")
        + _text(LEFT - 5, floor, "0", "end")
    )


def _text(x: float, y: float, text: Text, anchor: str) -> str:
    if isinstance(text, tuple):
        shown = zip(("en", "zh"), text, strict=True)
        rows = (
            _text(x, y, each, anchor).replace("<text ", f'<text class="{lang}" ', 1)
            for lang, each in shown
        )
        return "".join(rows)
    halo = 'stroke="#fff" stroke-width="3" paint-order="stroke"'  # legible on bars and lines
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {halo}>{html.escape(text)}</text>'


def _chart(title: Text, parts: Sequence[str], height: int = HEIGHT) -> str:
    english = title if isinstance(title, str) else title[0]
    return (
        f"<figure><figcaption>{both(title)}</figcaption>"
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{html.escape(english)}">{"".join(parts)}</svg></figure>'
    )
