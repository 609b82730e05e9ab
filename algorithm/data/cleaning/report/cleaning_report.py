"""What cleaning did, as JSON for programs and as a page for people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from algorithm.data.cleaning.findings import Finding
from algorithm.data.cleaning.report.chinese_names import in_both
from algorithm.data.cleaning.report.picture_pairs import pairs_of, pairs_section
from algorithm.pages.page import headline, page, paragraph, section, table
from algorithm.storage.atomic_files import write_json, write_text

REPORT = "cleaning_report.json"
PAGE = "cleaning_report.html"
ROWS_SHOWN = 200  # of each rule in the page; the JSON has all


def action_totals(findings: Sequence[Finding]) -> str:
    """Return how often each action was taken, as text."""
    return ", ".join(f"{action} {count}" for action, count in sorted(_counts(findings).items()))


def write_cleaning_report(
    folder: Path,
    findings: Sequence[Finding],
    *,
    samples: int,
    lost: int,
    negatives: int,
    name: str = "",
) -> None:
    """Write cleaning_report.json and cleaning_report.html into folder, each whole.

    Args:
        folder: Gets the report.
        findings: What was found.
        samples: How many are listed.
        lost: How many are left out.
        negatives: How many stay and have no object.
        name: Of the dataset, for the headline.
    """
    totals = {
        "samples": samples,
        "samples left out": lost,
        "samples without objects": negatives,
        **_counts(findings),
    }
    rules = dict(sorted(Counter(finding.rule for finding in findings).items()))
    rows = [finding.as_row() for finding in findings]
    write_json(folder / REPORT, {"totals": totals, "rules": rules, "actions": rows})
    write_text(folder / PAGE, _page(totals, findings, name))


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    return dict(sorted(Counter(finding.action for finding in findings).items()))


def _page(totals: dict[str, int], findings: Sequence[Finding], name: str) -> str:
    by_rule = defaultdict(list)
    for finding in findings:
        by_rule[finding.rule, finding.action].append(finding)
    groups = sorted(by_rule.items(), key=lambda item: (-len(item[1]), item[0]))
    summary = [
        section(
            ("Totals", "合计"),
            table(("", ("Number", "数量")), ((in_both(key), totals[key]) for key in totals)),
        ),
        section(
            ("By rule", "按规则"),
            table(
                (("Rule", "规则"), ("What was done", "处理方式"), ("Number", "数量")),
                ((in_both(rule), in_both(action), len(rows)) for (rule, action), rows in groups),
            ),
        ),
    ]
    if not findings:
        nothing = ("Nothing was dropped, changed or remarked.", "没有丢弃、修改或提示任何内容。")
        summary = [*summary[:1], paragraph(nothing, "box good")]
    details = [
        section(_heading(rule, action, len(rows)), *_details(rows))
        for (rule, action), rows in groups
    ]
    return page(
        headline(("Data cleaning", "数据清洗"), name),
        (
            "The source was not changed. Every row is in cleaning_report.json.",
            "源数据没有改动。每一条都在 cleaning_report.json 中；具体说明与日志相同，为英文。",
        ),
        [*summary, pairs_section(pairs_of(findings)), *details],
    )


def _heading(rule: str, action: str, count: int) -> tuple[str, str]:
    names = zip(in_both(rule), in_both(action), strict=True)
    english, chinese = (f"{rule}: {action} ({count})" for rule, action in names)
    return english, chinese


def _details(findings: list[Finding]) -> list[str]:
    rows = (
        (_place(row), row.complaint.thing, row.complaint.problem) for row in findings[:ROWS_SHOWN]
    )
    shown = [
        table((("Where", "位置"), ("Object", "目标"), ("Expected and found", "要求与实际")), rows)
    ]
    if len(findings) > ROWS_SHOWN:
        more = len(findings) - ROWS_SHOWN
        text = (f"... and {more} more in {REPORT}", f"…… 另有 {more} 条，见 {REPORT}")
        shown.append(paragraph(text, "quiet"))
    return shown


def _place(finding: Finding) -> str:
    line = finding.complaint.line
    return finding.complaint.file + (f":{line}" if line else "")
