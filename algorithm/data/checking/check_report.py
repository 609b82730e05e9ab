"""A data check as JSON for programs and as one page for people."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.data.checking.check_pictures import chosen_samples, drawn
from algorithm.data.checking.check_warnings import LEAST_PIXELS
from algorithm.data.checking.dataset_check import DataCheck
from algorithm.data.checking.faults import FaultKind, fault_kinds
from algorithm.data.cleaning.findings import Finding
from algorithm.data.cleaning.report.chinese_names import in_both
from algorithm.data.cleaning.report.picture_pairs import pairs_of, pairs_section
from algorithm.data.sample import Sample
from algorithm.pages.charts import bars, histogram
from algorithm.pages.page import (
    command as copied,
)
from algorithm.pages.page import (
    grid,
    headline,
    page,
    paragraph,
    picture,
    section,
    table,
)
from algorithm.storage.atomic_files import write_json, write_text

REPORT, PAGE = "data_check.json", "data_check.html"
PICTURES = 12
CLASSES_CHARTED = 30
SIDES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
ASPECTS = (0.125, 0.177, 0.25, 0.354, 0.5, 0.707, 1, 1.41, 2, 2.83, 4, 5.66, 8)
OVERLAPS = tuple(round(0.05 * step, 2) for step in range(21))


def write_report(
    check: DataCheck,
    folder: Path,
    findings: Sequence[Finding] = (),
    command: str = "",
    suggested: str = "",
) -> Path:
    """Write data_check.json and data_check.html into folder, each whole.

    Args:
        check: The figures of the dataset.
        folder: Gets the two files.
        findings: What is wrong with the dataset.
        command: The one that trains on it, where there is one.
        suggested: The same with the suggested settings, where these change something.

    Returns:
        The path of the page.
    """
    kinds = fault_kinds(findings)
    more = {
        "faults": [asdict(kind) for kind in kinds],
        "command": command,
        "suggested_command": suggested,
    }
    write_json(folder / REPORT, {**check.as_dict(), **more})
    pairs = pairs_of(findings) or [
        (one.path, other.path, f"{one.source} of EVAL, {other.source} of TRAIN: the same file")
        for one, other in check.copies.pairs
    ]
    parts = (_faults(kinds), _command(command), pairs_section(pairs))
    shown = (part for part in parts if part)
    write_text(folder / PAGE, _page(check, suggested, *shown))
    return folder / PAGE


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def check_lines(check: DataCheck) -> list[str]:
    """Return the check in a few lines for a terminal, without the warnings."""
    lines = [
        f"{usage}: {_counted(row['pictures'], 'picture')}, {_counted(row['objects'], 'object')}"
        + (f", {row['outlines']} with an outline" if row["outlines"] else "")
        for usage, row in check.counts.items()
    ]
    lines.append("classes: " + ", ".join(row.name for row in check.classes))
    if check.matched is not None:
        lines.append(
            f"anchors of {check.model_name} at {_size(check)} can match {check.matched:.1%} of "
            "the objects"
        )
        lines.append(
            f"smallest object: {check.smallest['width']:g} x {check.smallest['height']:g} "
            "network pixels"
        )
    reasons: dict[str, list[str]] = {}
    for row in check.suggestions:
        if row.is_change:
            reasons.setdefault(row.why, []).append(f"--{row.setting}={row.value}")
    return lines + [f"suggested: {' '.join(settings)} ({why})" for why, settings in reasons.items()]


def _faults(kinds: Sequence[FaultKind]) -> str:
    if not kinds:
        return ""
    rows = ((in_both(kind.rule), in_both(kind.action), kind.count, kind.example) for kind in kinds)
    heads = (
        ("Kind", "种类"),
        ("With cleaning", "清洗时"),
        ("Number", "数量"),
        ("The first", "第一条"),
    )
    return section(("Faults", "问题"), table(heads, rows))


def _command(command: str) -> str:
    return section(("Train on it", "用它训练"), copied(command)) if command else ""


def _page(check: DataCheck, suggested: str, *more: str) -> str:
    return page(
        headline(("Data check", "数据检查"), check.dataset.name),
        (
            f"as {check.model_name} sees it at {_size(check)} pixels",
            f"以 {check.model_name} 在 {_size(check)} 像素下所见；警告与原因同日志，为英文",
        ),
        [
            _warnings(check),
            *more,
            _suggestions(check, suggested),
            _counts(check),
            _classes(check),
            _plots(check),
            _pictures(check),
        ],
    )


def _warnings(check: DataCheck) -> str:
    lines = [paragraph(line, "box") for line in (*check.warnings, *check.dataset.warnings)]
    notes = [paragraph(check.sampled, "quiet")] if check.sampled else []
    good = ("Nothing stands out.", "没有需要注意的问题。")
    return section(("Warnings", "警告"), *(lines or [paragraph(good, "box good")]), *notes)


def _suggestions(check: DataCheck, command: str) -> str:
    rows = (
        (
            row.setting,
            str(row.current),
            str(row.value)
            if row.is_change
            else (f"{row.value} (as it is)", f"{row.value}（不变）"),
            row.why,
        )
        for row in check.suggestions
    )
    changes = [f"--{row.setting}={row.value}" for row in check.suggestions if row.is_change]
    return section(
        ("Suggested settings", "建议的设置"),
        table((("Setting", "设置"), ("Now", "当前"), ("Suggested", "建议"), ("Why", "原因")), rows),
        copied(command or shlex.join(changes))
        if changes
        else paragraph(("Nothing to change.", "无需更改。"), "quiet"),
    )


def _counts(check: DataCheck) -> str:
    usages = ((usage.upper(), *row.values()) for usage, row in check.counts.items())
    spreads = (
        (("objects in a picture", "每张图片的目标数"), check.per_picture),
        (("side of an object, network pixels", "目标边长（网络像素）"), check.object_side),
        (("width / height of an object", "目标宽高比"), check.aspect_ratio),
        (("width of a picture", "图片宽度"), check.picture_width),
        (("height of a picture", "图片高度"), check.picture_height),
    )
    shares = ("5 %", "25 %", ("median", "中位数"), "75 %", "95 %")
    heads = ("", ("least", "最小"), *shares, ("most", "最大"))
    figures = (
        []
        if check.matched is None
        else [
            paragraph(
                (
                    f"Anchors can match {check.matched:.1%} of the objects at IoU 0.5. The "
                    f"smallest object is {check.smallest['width']:g} x "
                    f"{check.smallest['height']:g} network pixels, in "
                    f"{check.smallest['picture']}; the smallest side of an anchor is "
                    f"{check.smallest['anchor_side']:g}.",
                    f"IoU 为 0.5 时，锚框可以匹配 {check.matched:.1%} 的目标。最小的目标为 "
                    f"{check.smallest['width']:g} x {check.smallest['height']:g} 网络像素，位于 "
                    f"{check.smallest['picture']}；锚框的最小边长为 "
                    f"{check.smallest['anchor_side']:g}。",
                )
            )
        ]
    )
    return section(
        ("Figures", "统计"),
        table(
            (
                "",
                ("Pictures", "图片"),
                ("Objects", "目标"),
                ("Ignored", "忽略"),
                ("Pictures without objects", "没有目标的图片"),
                ("Outlines", "轮廓"),
            ),
            usages,
        ),
        table(heads, ((name, *row.values()) for name, row in spreads if row)),
        *figures,
    )


def _classes(check: DataCheck) -> str:
    rows = sorted(check.classes, key=lambda row: -row.train)
    shown = rows[:CLASSES_CHARTED]
    fewer = len(shown) < len(rows)
    chart = bars(
        (
            "Objects of each class" + f", the {len(shown)} most frequent" * fewer,
            "各类别的目标数" + f"，最多的 {len(shown)} 类" * fewer,
        ),
        [row.name for row in shown],
        [("TRAIN", [row.train for row in shown]), ("EVAL", [row.eval for row in shown])],
    )
    if len(rows) < 2:
        none = (
            "There are no two classes to compare in a chart.",
            "不足两个类别，没有可比较的图表。",
        )
        chart = paragraph(none, "quiet")
    heads = (
        ("Class", "类别"),
        ("TRAIN objects", "TRAIN 目标"),
        ("TRAIN pictures", "TRAIN 图片"),
        ("EVAL objects", "EVAL 目标"),
        ("Anchors can match", "锚框可匹配"),
    )
    return section(
        ("Classes", "类别"),
        chart,
        table(
            heads,
            (
                (
                    row.name,
                    row.train,
                    row.train_pictures,
                    row.eval,
                    "" if row.matched is None else f"{row.matched:.1%}",
                )
                for row in rows
            ),
        ),
    )


def _plots(check: DataCheck) -> str:
    sizes, overlaps = check.table.sizes, check.table.best[check.table.compared]
    per_picture = np.bincount(check.table.picture, minlength=1)
    most = max(10, int(np.quantile(per_picture, 0.99)) + 1)
    whole = np.unique(np.linspace(0, most, 21).round()).tolist()
    charts: tuple[tuple[Any, ...], ...] = (
        (("Objects in a picture", "每张图片的目标数"), per_picture, whole),
        (
            ("Shorter side of an object, network pixels", "目标短边（网络像素）"),
            sizes.min(axis=1, initial=np.inf),
            SIDES,
            " px",
            LEAST_PIXELS,
            ("hardly seen left of this", "左侧的几乎看不到"),
        ),
        (
            ("Width / height of an object", "目标宽高比"),
            sizes[:, 1] / np.maximum(sizes[:, 0], 1e-6),
            ASPECTS,
        ),
        (
            ("IoU with the best anchor", "与最佳锚框的 IoU"),
            overlaps,
            OVERLAPS,
            "",
            0.5,
            ("matched right of this", "右侧的可匹配"),
        ),
    )
    shown = [histogram(*row) for row in charts if len(np.unique(row[1])) > 1]
    lines = [_in_words(*row[:2]) for row in charts if len(np.unique(row[1])) <= 1]
    return section(("Distributions", "分布"), grid("row", shown), *lines)


def _in_words(title: tuple[str, str], values: np.ndarray) -> str:
    """Return a line in place of a chart of one value or none."""
    told = ("nothing to show", "没有可显示的内容")
    if len(values):
        told = (f"{values[0]:.3g} everywhere", f"全部为 {values[0]:.3g}")
    return paragraph((f"{title[0]}: {told[0]}.", f"{title[1]}：{told[1]}。"), "quiet")


def _pictures(check: DataCheck) -> str:
    figures = (
        picture(drawn(sample, check.dataset.label_names), _caption(sample))
        for sample in chosen_samples(check.dataset, PICTURES)
    )
    return section(("Pictures", "图片"), grid("pictures", figures))


def _caption(sample: Sample) -> tuple[str, str]:
    size = f"{sample.width}x{sample.height}"
    told, count = f"{sample.source}, {sample.usage.upper()}, {size}", len(sample.labels)
    return f"{told}, {count} object(s)", f"{told}, {count} 个目标"


def _size(check: DataCheck) -> str:
    """The network's input, height before width, as the hyperparameter image_size has it."""
    return f"{check.image_size[0]}x{check.image_size[1]}"
