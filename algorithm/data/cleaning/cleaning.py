"""Check every entry of a listing against its picture.

Drop and repair what is wrong, or complain about all of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from algorithm.data.cleaning.findings import ORPHANED, REPORTED, Checked, Finding, faults
from algorithm.data.cleaning.leakage import without_copies
from algorithm.data.cleaning.picture_facts import (
    AS_TRAINED,
    Reading,
)
from algorithm.data.cleaning.progress_lines import counted
from algorithm.data.cleaning.report.cleaning_report import (
    REPORT,
    action_totals,
    write_cleaning_report,
)
from algorithm.data.cleaning.report.remarks import Remarks
from algorithm.data.cleaning.report.unusable_data import Losses
from algorithm.data.cleaning.rules.picture_check import Sink, check_decoded, check_header
from algorithm.data.in_threads import in_threads
from algorithm.data.labels import near_duplicates
from algorithm.data.readers.annotation import Complaint, Listing
from algorithm.errors import DataError

THREADS = min(
    32, 2 + (os.cpu_count() or 6)
)  # decoding runs outside Python's lock; two more hide the reading
SHOWN = 20  # complaints listed in the error message


@dataclass(frozen=True)
class Cleaned:
    """All that was found in a listing.

    Attributes:
        results: All entries, usable or not, in order.
        findings: All of them, also those of no entry.
        complaints: What cleaning would leave out or drop.
        samples: How many are listed.
        lost: How many of them are left out.
        losses: What is lost, in numbers.
        remarks: What is put right or odd in the entries that stay, in numbers.
        name: As of the listing.
    """

    results: tuple[Checked, ...]
    findings: tuple[Finding, ...]
    complaints: tuple[Complaint, ...]
    samples: int
    lost: int
    losses: Losses
    remarks: Remarks
    name: str

    @property
    def usable(self) -> list[Checked]:
        """The entries that stay."""
        return [result for result in self.results if result.usable]


def checked_entries(
    listing: Listing, *, clean: bool, work_dir: Path, reading: Reading = AS_TRAINED
) -> tuple[list[Checked], list[str]]:
    """Return the usable entries, in order, and lines to log, which say how much is lost and why.

    Args:
        listing: The dataset; its source is never changed.
        clean: Decode every picture, drop what is wrong, and write each action to the report
            in work_dir. Else only headers are read.
        work_dir: Gets the reports.
        reading: How pictures are read.

    Raises:
        DataError: With `clean`, more than half of the pictures or objects of a side cannot be used.
            Without, anything is wrong: one error lists all complaints.
    """
    if not clean:
        cleaned = inspect_entries(listing, decode=False, reading=reading)
        if cleaned.complaints:
            raise DataError(complaint_text(cleaned.complaints, cleaned.losses))
        return cleaned.usable, list(cleaned.remarks.lines)
    cleaned = clean_entries(listing, work_dir=work_dir, reading=reading)
    lines = [*cleaned.losses.lines, *cleaned.remarks.lines]
    if cleaned.findings:
        lines.append(
            f"data cleaning took {len(cleaned.findings)} action(s): "
            f"{action_totals(cleaned.findings)}; "
            f"see {work_dir / REPORT}"
        )
    return cleaned.usable, lines


def clean_entries(
    listing: Listing, *, work_dir: Path, sink: Sink | None = None, reading: Reading = AS_TRAINED
) -> Cleaned:
    """Decode every entry, check it and compare it with the others; the report stands in work_dir.

    Args:
        listing: The dataset.
        work_dir: Gets the reports.
        sink: Called for each usable entry with its encoded bytes, from several threads; what it
            returns takes its place. With it the report speaks of copies written.
        reading: How pictures are read.

    Returns:
        The entries with what was found.

    Raises:
        DataError: More than half of the pictures or objects of a side cannot be used.
    """
    cleaned = inspect_entries(listing, decode=True, sink=sink, reading=reading)
    report_cleaning(cleaned, work_dir)
    refusal = cleaned.losses.refusal
    if refusal is not None:
        raise DataError(f"{refusal}; see {work_dir / REPORT}")
    return cleaned


def report_cleaning(cleaned: Cleaned, work_dir: Path) -> None:
    """Write cleaning_report.json and cleaning_report.html into work_dir."""
    write_cleaning_report(
        work_dir,
        cleaned.findings,
        samples=cleaned.samples,
        lost=cleaned.lost,
        negatives=sum(not result.names for result in cleaned.usable),
        name=cleaned.name,
    )


def inspect_entries(
    listing: Listing, *, decode: bool, sink: Sink | None = None, reading: Reading = AS_TRAINED
) -> Cleaned:
    """Check every entry, and raise nothing for what is wrong.

    Args:
        listing: The dataset.
        decode: Decode each picture, apply the rules of cleaning and compare the pictures; else
            headers are read.
        sink: As of clean_entries.
        reading: How pictures are read.

    Returns:
        The entries with what was found.
    """
    check = (
        (lambda entry: check_decoded(entry, sink, reading))
        if decode
        else (lambda entry: check_header(entry, reading))
    )
    found = in_threads(lambda entry: check(entry).light(), listing.entries, THREADS)
    results = list(counted(found, "pictures read"))
    if decode:
        results = without_copies(results)
    orphans = orphan_findings(listing)
    losses, remarks = Losses(), Remarks()
    losses.add_orphans(orphans)
    for result in results:
        losses.add(result)
        remarks.add(result)
    findings = (*orphans, *(finding for result in results for finding in result.findings))
    complaints = (
        *listing.complaints,
        *(complaint for result in results for complaint in result.complaints),
    )
    return Cleaned(
        tuple(results),
        (*findings, *_alike_names(results)) if decode else findings,
        complaints,
        len(orphans) + len(results),
        len(orphans) + sum(not result.usable for result in results),
        losses,
        remarks,
        listing.name,
    )


def orphan_findings(listing: Listing) -> tuple[Finding, ...]:
    """Return findings of what the reader complained about that belongs to no entry."""
    return faults(listing.complaints, "picture or annotation missing", ORPHANED)


def _alike_names(results: Iterable[Checked]) -> list[Finding]:
    """Findings of class names that differ only in writing.

    They are never merged: that is for a person to decide.
    """
    names = {name for result in results if result.usable for name in result.names}
    return [
        Finding(Complaint("class names", line), "class names alike", REPORTED, fault=False)
        for line in near_duplicates(names)
    ]


def complaint_text(
    complaints: Sequence[Complaint], losses: Losses, flag: str = "--do_data_cleaning=True"
) -> str:
    """Return one message for all complaints: number, the first and the fix in a line, then a list.

    Args:
        complaints: What is wrong.
        losses: How much is lost.
        flag: What turns cleaning on.
    """
    rest = len(complaints) - SHOWN
    fix = f"correct them, or run with {flag} to drop what cannot be used"
    if losses.refusal is not None:
        fix = "correct them; they are too many to be left out by cleaning"
    lines = [
        f"expected a dataset without faults, found {len(complaints)}, the first: "
        f"{complaints[0]}; {fix}",
        *(f"  {complaint}" for complaint in complaints[:SHOWN]),
    ]
    return "\n".join(lines + ([f"  ... and {rest} more"] if rest > 0 else []))
