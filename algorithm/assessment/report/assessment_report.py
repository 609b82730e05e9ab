"""The assessment as one page for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from algorithm.assessment.advice.finding import GRADES, Finding
from algorithm.assessment.advice.wording import (
    DESCRIPTIONS,
    METRIC_NAMES,
    POINT_NAMES,
    SUSPECT_NAMES,
    TITLES,
    figure_names,
    mask_figure_names,
)
from algorithm.assessment.analysis import Analysis
from algorithm.assessment.comparison import ComparedRow
from algorithm.assessment.report import plots
from algorithm.assessment.report.chart_sections import (
    charts_section,
    confusion_section,
    sensitivity_section,
)
from algorithm.assessment.report.comparison_tables import (
    SURE,
    between,
    comparison_table,
    tuning_table,
)
from algorithm.assessment.report.mask_section import mask_section
from algorithm.assessment.report.sample_pictures import Drawing
from algorithm.evaluation.resampled import FIGURES
from algorithm.pages.bilingual_page import (
    Text,
    box,
    cards,
    command,
    finding,
    folded,
    quiet,
    sortable,
    whole_page,
)
from algorithm.pages.page import grid, picture

MASK_AP = mask_figure_names(["AP"])["AP"]
TABLE_ROWS = 200  # of a table of classes
NO_OBJECTS = (
    "There is no object to measure: every figure is undefined.",
    "没有可评估的目标, 各项指标无法计算。",
)
NOTHING_FOUND = ("The model detected nothing.", "模型没有检测到任何目标。")


@dataclass(frozen=True)
class Pages:
    """What the page shows besides the analysis.

    Attributes:
        findings: The findings.
        next_job: The content of next_job.json.
        worst: Pictures with most mistakes.
        suspects: Labels that are perhaps wrong.
        worst_masks: Masks that fit worst.
        comparison: Rows against a baseline.
        note: What to know about the comparison.
        trail: Rows of a tuning.
        warnings: What the data's readers warned of.
        model: The model's name for the headline, "" for none.
        data: The dataset's name for the headline, "" for none.
    """

    findings: Sequence[Finding]
    next_job: Mapping[str, Any]
    worst: Sequence[Drawing] = ()
    suspects: Sequence[Drawing] = ()
    worst_masks: Sequence[Drawing] = ()
    comparison: Sequence[ComparedRow] = ()
    note: Text | None = None
    trail: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = field(default=())
    model: str = ""
    data: str = ""


def report(analysis: Analysis, pages: Pages) -> str:
    """Return the HTML of the page: self-contained, in English and Chinese."""
    records = analysis.records
    subtitle = (
        f"{len(records.names)} pictures, {int((~records.crowd).sum())} objects, "
        f"{len(records.scores)} detections, {records.classes} classes",
        f"{len(records.names)} 张图片, {int((~records.crowd).sum())} 个目标, "
        f"{len(records.scores)} 个检测框, {records.classes} 个类别",
    )
    curves = [
        ("precision_recall", plots.precision_recall),
        ("mean_f1", plots.mean_f1),
        ("nms", plots.nms),
        ("calibration", plots.calibration),
    ]
    kinds = [
        ("false_detections", plots.false_detections),
        ("missed_objects", plots.missed_objects),
        ("error_costs", plots.error_costs),
    ]
    sections = [
        ("summary", _summary(analysis, pages)),
        ("advice", _advice(pages)),
        ("comparison", comparison_table(pages.comparison, pages.note)),
        ("tuning", tuning_table(pages.trail)),
        ("next_job", _next_job(pages)),
        ("mean_f1", charts_section(analysis, curves)),
        ("error_costs", charts_section(analysis, kinds)),
        ("masks", mask_section(analysis.masks, _worst_masks(pages))),
        ("classes", _classes(analysis)),
        ("confusion_matrix", confusion_section(analysis)),
        ("sensitivity", sensitivity_section(analysis)),
        ("slices", _slices(analysis)),
        ("worst_pictures", _drawings("worst_pictures", pages.worst, "pairs")),
        ("label_suspects", _suspects(analysis, pages)),
        ("custom", _custom(analysis)),
    ]
    names = {"mean_f1": ("Curves", "曲线"), "error_costs": ("Errors", "误检与漏检分析")}
    return whole_page(
        _title(pages),
        subtitle,
        [(key, names.get(key, TITLES[key]), content) for key, content in sections],
    )


def _title(pages: Pages) -> Text:
    title = ("Model assessment", "模型评估")
    if pages.model:
        title = (f"{title[0]}: {pages.model}", f"{title[1]}: {pages.model}")
    if pages.data:
        title = (f"{title[0]} on {pages.data}", f"{title[1]}, 数据集 {pages.data}")
    return title


def _summary(analysis: Analysis, pages: Pages) -> str:
    point = analysis.operating_point()
    figures = [
        (METRIC_NAMES["voc_map"], analysis.voc_map),
        (METRIC_NAMES["AP"], analysis.figures["AP"]),
        *([(MASK_AP, analysis.masks.figures["AP"])] if analysis.masks else []),
        *(
            (POINT_NAMES[key], point[key])
            for key in ("f1", "precision", "recall", "confidence_threshold")
        ),
    ]
    records, notes = analysis.records, [(text, text) for text in pages.warnings]
    notes += [] if (~records.crowd).any() else [NO_OBJECTS]
    notes += [] if len(records.scores) else [NOTHING_FOUND]
    sure = {figure: between(analysis.resampled.interval(figure)) for figure in FIGURES}
    rows = [
        (name, analysis.figures[key], sure.get(key, ""))
        for key, name in figure_names(analysis.figures).items()
        if key in analysis.figures
    ]
    if analysis.masks:
        figures_of_masks = analysis.masks.figures
        sure = {name: between(analysis.masks.resampled.interval(name)) for name in FIGURES}
        rows += [
            (name, figures_of_masks[key], sure.get(key, ""))
            for key, name in mask_figure_names(figures_of_masks).items()
        ]
    return (
        cards(figures)
        + "".join(box(note) for note in notes)
        + folded(
            ("All figures", "全部指标"),
            sortable([("Figure", "指标"), ("Value", "数值"), SURE], rows),
        )
    )


def _advice(pages: Pages) -> str:
    return "".join(
        finding(row.grade, GRADES[row.grade], (row.english, row.chinese)) for row in pages.findings
    )


def _next_job(pages: Pages) -> str:
    rows = [
        (row["name"], row["from"], row["to"], (row["en-us"], row["zh-cn"]))
        for row in pages.next_job["changes"]
    ]
    heads = [("Hyperparameter", "超参数"), ("Now", "当前"), ("Next", "建议"), ("Why", "原因")]
    none = quiet(("Nothing to change.", "无需改动。"))
    base = (
        quiet(
            (
                "Based on the defaults: the former job's hyperparameters are not beside the model "
                "folder.",
                "以默认值为基础: 模型目录旁没有原作业的超参数。",
            )
        )
        if not pages.next_job["based_on"]
        else ""
    )
    submitted = json.dumps(pages.next_job["parameters"], ensure_ascii=False, indent=2)
    return (
        base
        + (sortable(heads, rows) or none)
        + command(pages.next_job["command"])
        + folded(("Its parameters, for the platform", "提交到平台的参数"), command(submitted))
    )


def _classes(analysis: Analysis) -> str:
    whole = analysis.as_dict()
    sure = whole["intervals"]["per_class"]
    table = {
        name: {**row, "sure": between(sure[name]["AP"])} for name, row in whole["per_class"].items()
    }
    heads = [
        ("Class", "类别"),
        ("Objects", "目标数"),
        ("AP", "AP"),
        SURE,
        ("AP50", "AP50"),
        ("VOC AP", "VOC AP"),
        ("Precision", "精确率"),
        ("Recall", "召回率"),
        ("F1", "F1"),
    ]
    keys = ("objects", "AP", "sure", "AP50", "voc_ap", "precision", "recall", "f1")
    shown = sorted(
        (item for item in table.items() if item[1]["objects"]), key=lambda item: -item[1]["objects"]
    )
    left = len(table) - len(shown[:TABLE_ROWS])
    note = (
        quiet(
            (
                f"{left} further class(es), without objects here or less frequent, are in "
                "assessment.json.",
                f"其余 {left} 个类别没有目标或目标较少, 见 assessment.json。",
            )
        )
        if left
        else ""
    )
    return (
        sortable(heads, ((name, *(row[key] for key in keys)) for name, row in shown[:TABLE_ROWS]))
        + note
    )


def _slices(analysis: Analysis) -> str:
    heads = [("Objects that are", "目标子集"), ("Objects", "目标数"), ("Recall", "召回率")]
    table = sortable(
        heads, (((row.name(0), row.name(1)), row.count, row.recall) for row in analysis.slices)
    )
    return quiet(DESCRIPTIONS["slices"]) + table if table else ""


def _drawings(key: str, drawings: Sequence[Drawing], kind: str) -> str:
    if not drawings:
        return ""
    figures = (picture(row.pixels, row.captions[0]) for row in drawings)
    return quiet(DESCRIPTIONS[key]) + grid(kind, figures)


def _worst_masks(pages: Pages) -> str:
    return _drawings("worst_masks", pages.worst_masks, "pictures")


def _suspects(analysis: Analysis, pages: Pages) -> str:
    records = analysis.records
    rows = [
        (
            SUSPECT_NAMES[row.kind],
            records.names[records.pictures[row.found]],
            records.label_names[records.truth_labels[row.truth]] if row.truth >= 0 else "",
            records.label_names[records.labels[row.found]],
            row.score,
        )
        for row in analysis.suspects
    ]
    heads = [
        ("Doubt", "疑点"),
        ("Picture", "图片"),
        ("Label", "标注"),
        ("Detected", "检测结果"),
        ("Score", "置信度"),
    ]
    return (
        (_drawings("label_suspects", pages.suspects, "pictures") + sortable(heads, rows))
        if rows
        else ""
    )


def _custom(analysis: Analysis) -> str:
    rows = []
    for key, value in analysis.custom.items():
        values = value.get("value", value) if isinstance(value, dict) else {key: value}
        rows += [
            (str(name), number if isinstance(number, int | float) else str(number))
            for name, number in (values.items() if isinstance(values, dict) else [(key, values)])
        ]
    return sortable([("Figure", "指标"), ("Value", "数值")], rows)
