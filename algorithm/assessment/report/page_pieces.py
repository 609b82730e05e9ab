"""Pieces of the report's page: two languages in one file, tables that sort, nothing fetched from
anywhere.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

from algorithm.pages.page import STYLE

Text = tuple[str, str]  # English, Chinese
MORE_STYLE = """
html[lang=en] .zh, html[lang=zh] .en { display: none }
body { max-width: 1120px } nav { margin: .6rem 0 1rem; font-size: .85rem }
nav a { margin-right: .8rem; color: #3b73b9; display: inline-block }
h1 { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem }
button { font: inherit; font-size: .8rem; border: 1px solid #c4ccd6; border-radius: 4px; background: #fff; padding: .15rem .6rem;
  cursor: pointer }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: .7rem; margin: 1rem 0 }
.card { border: 1px solid #e3e7ec; border-radius: 6px; padding: .5rem .8rem } .card b { display: block; font-size: 1.5rem;
  font-variant-numeric: tabular-nums } .card span { font-size: .78rem; color: #5c6776 }
.finding { border-left: 5px solid #9aa5b1; background: #f5f7f9; padding: .45rem .8rem; margin: .45rem 0; overflow-wrap: anywhere }
.major { border-color: #c0392b; background: #fdf1ef } .medium { border-color: #d98c00; background: #fff7e6 }
.badge { display: inline-block; min-width: 3.6rem; font-size: .75rem; font-weight: 600; text-transform: uppercase; color: #5c6776 }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 1rem }
.charts.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 260px), 1fr)) }
figure img { max-width: 100%; height: auto } .charts img { width: 100%; display: block } .wide { overflow-x: auto }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr)); gap: 1rem }
.pairs img, .pictures img { width: 100%; height: auto; display: block }
table.sortable th { cursor: pointer } table.sortable td { overflow-wrap: break-word } table.sortable td.number { white-space: nowrap }
th[aria-sort=ascending]::after { content: " ▲" } th[aria-sort=descending]::after { content: " ▼" }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f5f7f9; padding: .6rem .8rem; font-size: .82rem }
.better { color: #2c8a4b } .worse { color: #c0392b } summary { cursor: pointer; color: #3b73b9 }
@media (max-width: 640px) { body { margin: .8rem auto; padding: 0 .7rem; font-size: 14px } h1 { font-size: 1.25rem }
  th, td { padding: .2rem .4rem } td:first-child { min-width: 5.5rem } .card b { font-size: 1.25rem }
  .cards { grid-template-columns: repeat(2, 1fr) } }
@media print { nav, button { display: none } body { max-width: none; margin: 0; font-size: 11px }
  h2, h3, h2 + p, figcaption { break-after: avoid }
  figure, .finding, .card, table, tr { break-inside: avoid } .charts { grid-template-columns: 1fr 1fr }
  .charts.small { grid-template-columns: 1fr 1fr 1fr } .pairs, .pictures { grid-template-columns: 1fr 1fr } }
"""
SCRIPT = """
addEventListener('beforeprint', function () {
  document.querySelectorAll('details:not([open])').forEach(function (part) { part.open = part.dataset.closed = true; });
});
addEventListener('afterprint', function () {
  document.querySelectorAll('details[data-closed]').forEach(function (part) { part.open = false; delete part.dataset.closed; });
});
document.getElementById('language').onclick = function () {
  var root = document.documentElement; root.lang = root.lang === 'zh' ? 'en' : 'zh';
};
document.querySelectorAll('table.sortable th').forEach(function (head) {
  head.tabIndex = 0;
  function sort() {
    var table = head.closest('table'), body = table.tBodies[0], place = head.cellIndex;
    var down = head.getAttribute('aria-sort') === 'descending';
    table.querySelectorAll('th').forEach(function (other) { other.removeAttribute('aria-sort'); });
    head.setAttribute('aria-sort', down ? 'ascending' : 'descending');
    function value(row) { var text = row.cells[place].textContent.trim(), number = parseFloat(text);
      return text === '' ? -Infinity : isNaN(number) ? text : number; }
    Array.from(body.rows).sort(function (a, b) { var x = value(a), y = value(b);
      var order = typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y));
      return down ? order : -order; }).forEach(function (row) { body.appendChild(row); });
  }
  head.addEventListener('click', sort);
  head.addEventListener('keydown', function (event) { if (event.key === 'Enter') sort(); });
});
"""


def whole_page(title: Text, subtitle: Text, sections: Iterable[tuple[str, Text, str]]) -> str:
    """A page in UTF-8 that starts in English and has a button for Chinese. sections: (anchor,
    title, content).
    """
    sections = [row for row in sections if row[2]]
    links = "".join(f'<a href="#{anchor}">{both(heading)}</a>' for anchor, heading, _ in sections)
    body = "\n".join(
        f'<section id="{anchor}"><h2>{both(heading)}</h2>\n{content}</section>'
        for anchor, heading, content in sections
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title[0])}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}{MORE_STYLE}</style></head><body>\n'
        f'<h1>{both(title)}<button id="language" type="button">中文 / English</button></h1>'
        f'<div class="quiet">{both(subtitle)}</div><nav>{links}</nav>\n{body}\n<script>{SCRIPT}</script></body></html>\n'
    )


def both(text: Text) -> str:
    """Text in both languages, of which the page shows one."""
    english, chinese = (html.escape(part) for part in text)
    return (
        english
        if english == chinese
        else f'<span class="en">{english}</span><span class="zh">{chinese}</span>'
    )


def quiet(text: Text) -> str:
    """A line of explanation."""
    return f'<div class="quiet">{both(text)}</div>'


def cards(rows: Iterable[tuple[Text, float | None]]) -> str:
    """Figures that catch the eye; None is a dash."""
    parts = (
        f'<div class="card"><b>{"–" if value is None else f"{value:.3f}"}</b><span>{both(name)}</span></div>'
        for name, value in rows
    )
    return f'<div class="cards">{"".join(parts)}</div>'


def finding(grade: str, grade_text: Text, text: Text) -> str:
    """A finding with its grade."""
    return f'<div class="finding {html.escape(grade)}"><span class="badge">{both(grade_text)}</span> {both(text)}</div>'


def sortable(heads: Sequence[Text], rows: Iterable[Sequence[object]]) -> str:
    """A table that a click on a head sorts. Cells: numbers, texts, Text pairs, None for empty."""
    rows = [list(row) for row in rows]
    if not rows:
        return ""
    numeric = [
        all(isinstance(row[place], int | float | None) for row in rows)
        for place in range(len(heads))
    ]
    marks = [' class="number"' if number else "" for number in numeric]
    head = "".join(f"<th{mark}>{both(text)}</th>" for mark, text in zip(marks, heads, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{mark}>{_cell(value)}</td>" for mark, value in zip(marks, row, strict=True))
        + "</tr>\n"
        for row in rows
    )
    return f'<div class="wide"><table class="sortable"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def chart(svg: str, title: Text, note: Text | None = None) -> str:
    """An SVG as a picture of its own, so that nothing in it meets the rest of the page."""
    source = base64.b64encode(svg.encode()).decode()
    return (
        f'<figure><figcaption>{both(title)}</figcaption><img alt="{html.escape(title[0])}" '
        f'src="data:image/svg+xml;base64,{source}">{quiet(note) if note else ""}</figure>'
    )


def folded(title: Text, content: str) -> str:
    """Content that a click unfolds."""
    return f"<details><summary>{both(title)}</summary>{content}</details>" if content else ""


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return both(value)
    return f"{value:.3f}" if isinstance(value, float) else html.escape(str(value))
