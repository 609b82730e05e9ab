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
from algorithm.data.cleaning.report.picture_pairs import pairs_of, pairs_section
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
    check: DataCheck, folder: Path, findings: Sequence[Finding] = (), command: str = ""
) -> Path:
    """Write data_check.json and data_check.html into folder, each whole.

    Args:
        check: The figures of the dataset.
        folder: Gets the two files.
        findings: What is wrong with the dataset.
        command: The one that trains on it, where there is one.

    Returns:
        The path of the page.
    """
    kinds = fault_kinds(findings)
    faults = {"faults": [asdict(kind) for kind in kinds], "command": command}
    write_json(folder / REPORT, {**check.as_dict(), **faults})
    pairs = pairs_of(findings) or [
        (one.path, other.path, f"{one.source} of EVAL, {other.source} of TRAIN: the same file")
        for one, other in check.copies.pairs
    ]
    parts = (_faults(kinds), _command(command), pairs_section(pairs))
    write_text(folder / PAGE, _page(check, *(part for part in parts if part)))
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
            reasons.setdefault(row.why, []).append(f"{row.setting}={row.value}")
    return lines + [
        f"suggested: {', '.join(settings)} ({why})" for why, settings in reasons.items()
    ]


def _faults(kinds: Sequence[FaultKind]) -> str:
    if not kinds:
        return ""
    rows = ((kind.rule, kind.action, kind.count, kind.example) for kind in kinds)
    return section("Faults", table(("Kind", "With cleaning", "Number", "The first"), rows))


def _command(command: str) -> str:
    return section("Train on it", copied(command)) if command else ""


def _page(check: DataCheck, *more: str) -> str:
    return page(
        headline("Data check", check.dataset.name),
        f"as {check.model_name} sees it at {_size(check)} pixels",
        [
            _warnings(check),
            *more,
            _suggestions(check),
            _counts(check),
            _classes(check),
            _plots(check),
            _pictures(check),
        ],
    )


def _warnings(check: DataCheck) -> str:
    lines = [paragraph(line, "box") for line in (*check.warnings, *check.dataset.warnings)]
    notes = [paragraph(check.sampled, "quiet")] if check.sampled else []
    return section("Warnings", *(lines or [paragraph("Nothing stands out.", "box good")]), *notes)


def _suggestions(check: DataCheck) -> str:
    rows = (
        (
            row.setting,
            str(row.current),
            f"{row.value}" + ("" if row.is_change else " (as it is)"),
            row.why,
        )
        for row in check.suggestions
    )
    changes = [f"--{row.setting}={row.value}" for row in check.suggestions if row.is_change]
    return section(
        "Suggested settings",
        table(("Setting", "Now", "Suggested", "Why"), rows),
        copied(shlex.join(changes)) if changes else paragraph("Nothing to change.", "quiet"),
    )


def _counts(check: DataCheck) -> str:
    usages = ((usage.upper(), *row.values()) for usage, row in check.counts.items())
    spreads = (
        ("objects in a picture", check.per_picture),
        ("side of an object, network pixels", check.object_side),
        ("width / height of an object", check.aspect_ratio),
        ("width of a picture", check.picture_width),
        ("height of a picture", check.picture_height),
    )
    heads = ("", "least", "5 %", "25 %", "median", "75 %", "95 %", "most")
    figures = (
        []
        if check.matched is None
        else [
            paragraph(
                f"Anchors can match {check.matched:.1%} of the objects at IoU 0.5. The smallest "
                "object is "
                f"{check.smallest['width']:g} x {check.smallest['height']:g} network pixels, in "
                f"{check.smallest['picture']}; "
                f"the smallest side of an anchor is {check.smallest['anchor_side']:g}."
            )
        ]
    )
    return section(
        "Figures",
        table(
            ("", "Pictures", "Objects", "Ignored", "Pictures without objects", "Outlines"), usages
        ),
        table(heads, ((name, *row.values()) for name, row in spreads if row)),
        *figures,
    )


def _classes(check: DataCheck) -> str:
    rows = sorted(check.classes, key=lambda row: -row.train)
    shown = rows[:CLASSES_CHARTED]
    chart = bars(
        "Objects of each class"
        + (f", the {len(shown)} most frequent" if len(shown) < len(rows) else ""),
        [row.name for row in shown],
        [("TRAIN", [row.train for row in shown]), ("EVAL", [row.eval for row in shown])],
    )
    if len(rows) < 2:
        chart = paragraph("There are no two classes to compare in a chart.", "quiet")
    heads = ("Class", "TRAIN objects", "TRAIN pictures", "EVAL objects", "Anchors can match")
    return section(
        "Classes",
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
        ("Objects in a picture", per_picture, whole),
        (
            "Shorter side of an object, network pixels",
            sizes.min(axis=1, initial=np.inf),
            SIDES,
            " px",
            LEAST_PIXELS,
            "hardly seen left of this",
        ),
        ("Width / height of an object", sizes[:, 1] / np.maximum(sizes[:, 0], 1e-6), ASPECTS),
        ("IoU with the best anchor", overlaps, OVERLAPS, "", 0.5, "matched right of this"),
    )
    shown = [histogram(*row) for row in charts if len(np.unique(row[1])) > 1]
    lines = [_in_words(*row[:2]) for row in charts if len(np.unique(row[1])) <= 1]
    return section("Distributions", grid("row", shown), *lines)


def _in_words(title: str, values: np.ndarray) -> str:
    """Return a line in place of a chart of one value or none."""
    told = f"{values[0]:.3g} everywhere" if len(values) else "nothing to show"
    return paragraph(f"{title}: {told}.", "quiet")


def _pictures(check: DataCheck) -> str:
    figures = (
        picture(
            drawn(sample, check.dataset.label_names),
            f"{sample.source}, {sample.usage.upper()}, {sample.width}x{sample.height}, "
            f"{len(sample.labels)} object(s)",
        )
        for sample in chosen_samples(check.dataset, PICTURES)
    )
    return section("Pictures", grid("pictures", figures))


def _size(check: DataCheck) -> str:
    return f"{check.image_size[1]}x{check.image_size[0]}"
