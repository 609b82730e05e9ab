"""The sections of the report that are charts; one that would say nothing is a line, or folded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from algorithm.assessment.advice.wording import DESCRIPTIONS, DEVIATION, TITLES
from algorithm.assessment.analysis import Analysis
from algorithm.assessment.report import plots
from algorithm.assessment.report.plain_charts import in_words, one_class
from algorithm.assessment.sensitivity.features import FEATURE_ROWS
from algorithm.assessment.sensitivity.sensitivity import BIN_NAMES, Sensitivity
from algorithm.pages.bilingual_page import Text, chart, folded, heading, quiet, sortable
from algorithm.pages.page import grid


def charts_section(
    analysis: Analysis, rows: Sequence[tuple[str, Callable[[Analysis], str]]]
) -> str:
    """Return charts beside each other as HTML, and a line for each that would say nothing.

    Args:
        analysis: What was found out.
        rows: The key of each chart, and what draws it as SVG text.
    """
    plain = {key: in_words(key, analysis) for key, _ in rows}
    charts = (
        chart(draw(analysis), TITLES[key], DESCRIPTIONS.get(key))
        for key, draw in rows
        if not plain[key]
    )
    return grid("charts", charts) + "".join(quiet(line) for line in plain.values() if line)


def confusion_section(analysis: Analysis) -> str:
    """Return the confusion matrix as HTML; of a single class in words, and folded."""
    matrix = chart(plots.confusion(analysis), DESCRIPTIONS["confusion_matrix"])
    line = one_class(analysis)
    return quiet(line) + folded(TITLES["confusion_matrix"], matrix) if line else matrix


def sensitivity_section(analysis: Analysis) -> str:
    """Return recall against each feature as HTML, "" where none was measured."""
    if not analysis.sensitivities:
        return ""
    rows = sorted(analysis.sensitivities, key=lambda row: -row.overall_spread)
    varied = [row for row in rows if row.overall_spread > 0]
    charts = [chart(plots.sensitivity(row), _named(row)) for row in varied]
    same = "".join(quiet(_named(row)) for row in rows if not row.overall_spread > 0)
    tables = "".join(heading(_named(row)) + _bins(row, analysis) for row in rows)
    return (
        quiet(DESCRIPTIONS["sensitivity"])
        + grid("charts small", charts)
        + same
        + folded(("Tables of each class", "各类别的表格"), tables)
    )


def _bins(row: Sensitivity, analysis: Analysis) -> str:
    most = (-analysis.records.truths_per_class()).argsort(kind="stable")[:30]
    heads = [
        ("Bin", "区间"),
        ("All", "全部"),
        *((name, name) for name in (analysis.records.label_names[label] for label in most)),
    ]
    body = [
        (name, float(row.overall[place]), *(float(row.recall[place, label]) for label in most))
        for place, name in enumerate(BIN_NAMES)
    ]
    return sortable(
        heads,
        [*body, (DEVIATION, row.overall_spread, *(float(row.spread[label]) for label in most))],
    )


def _named(row: Sensitivity) -> Text:
    feature = FEATURE_ROWS[row.key]
    text = (
        f"{DEVIATION[0].lower()} {row.overall_spread:.3f}",
        f"{DEVIATION[1]} {row.overall_spread:.3f}",
    )
    chance = (", by chance at most", ", 可能为偶然") if row.by_chance[0] else ("", "")
    return f"{feature.english}: {text[0]}{chance[0]}", f"{feature.chinese}: {text[1]}{chance[1]}"
