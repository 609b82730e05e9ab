"""An analysis as files: figures, the platform's display, the next job and the page, all or none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from algorithm.assessment.advice.graded_findings import findings, next_changes
from algorithm.assessment.advice.next_job import next_job
from algorithm.assessment.advice.setting_steps import Setting
from algorithm.assessment.advice.tuning import Trail
from algorithm.assessment.analysis import Analysis
from algorithm.assessment.comparison import FIGURES, as_dicts, compare, not_comparable, verdict
from algorithm.assessment.report.assessment_report import Pages, report
from algorithm.assessment.report.display import display
from algorithm.assessment.report.sample_pictures import draw_suspects, draw_worst, worst_pictures
from algorithm.assessment.report.worst_masks import draw_worst_masks
from algorithm.data.feeding.decoding import FULL_DEPTH
from algorithm.storage.atomic_files import write_text

DISPLAY, NEXT_JOB, PAGE = "display.json", "next_job.json", "report.html"
WORST = 12
OTHER_DATA = (
    "The two were measured on different data: what changed is not only the model.",
    "两次评估所用的数据不同, 变化不只来自模型。",
)


def result_texts(
    analysis: Analysis,
    setting: Setting,
    *,
    based_on: str = "",
    paths: Sequence[str] = (),
    baseline: Mapping[str, Any] | None = None,
    trail: Trail | None = None,
    warnings: Sequence[str] = (),
    model: str = "",
    data: str = "",
) -> dict[str, str]:
    """Return the content of each result file.

    Args:
        analysis: What was found out.
        setting: What the job that made the model was trained with.
        based_on: Where that is known from.
        paths: Picture files by place, "" (or none at all) where there is none.
        baseline: The figures of another assessment.
        trail: A tuning, whose kept changes then make the next job instead of the advice.
        warnings: What the data's readers warned of.
        model: The model's name for the page, "" for none.
        data: The dataset's name for the page, "" for none.

    Returns:
        The content by file name.
    """
    found = findings(analysis, setting)
    job = next_job(setting.values, based_on, next_changes(found) if trail is None else trail.kept)
    worst = worst_pictures(analysis, WORST)
    figures = analysis.as_dict()
    rows_tried = () if trail is None else trail.rows
    pages = Pages(found, job, trail=rows_tried, warnings=warnings, model=model, data=data)
    bit_depth = int(setting.values.get("bit_depth") or FULL_DEPTH)
    if paths:
        pages = replace(
            pages,
            worst=list(draw_worst(analysis, worst, paths, bit_depth)),
            suspects=list(draw_suspects(analysis, paths, bit_depth)),
        )
        if analysis.masks:
            worst_masks = list(draw_worst_masks(analysis.masks, paths, bit_depth))
            pages = replace(pages, worst_masks=worst_masks)
    if baseline is not None:
        rows = compare(baseline, figures)
        note = OTHER_DATA if not_comparable(baseline, figures) else verdict(baseline, figures)
        figures |= {"comparison": as_dicts(rows), "comparison_note": note and note[0]}
        pages = replace(pages, comparison=rows, note=note)
    figures |= {
        "findings": [row.as_dict() for row in found],
        "tuning": list(rows_tried),
        "warnings": list(warnings),
    }
    return {
        FIGURES: _json(figures),
        DISPLAY: _json(display(analysis, found, worst)),
        NEXT_JOB: _json(job),
        PAGE: report(analysis, pages),
    }


def write_results(texts: Mapping[str, str], folder: Path) -> None:
    """Write each file whole.

    Everything has been computed by then, so that no failure leaves a part of a result.

    Args:
        texts: The content by file name.
        folder: The folder to write into.
    """
    for name, text in texts.items():
        write_text(folder / name, text)


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
