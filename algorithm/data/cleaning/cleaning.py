"""Check every entry of a listing against its picture; drop and repair what is wrong, or complain about all of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from algorithm.data.cleaning.cleaning_report import REPORT, action_totals, write_cleaning_report
from algorithm.data.cleaning.duplicates import mark_of
from algorithm.data.cleaning.entry_check import measured
from algorithm.data.cleaning.findings import LEFT_OUT, ORPHANED, REPORTED, Checked, Finding, faults
from algorithm.data.cleaning.leakage import without_copies
from algorithm.data.cleaning.picture_rules import PICTURE_RULES, PictureFacts, look
from algorithm.data.feeding.decoding import PictureError, picture_size
from algorithm.data.labels import near_duplicates
from algorithm.data.readers.annotation import Complaint, Entry, Listing
from algorithm.errors import DataError

THREADS = min(
    32, 2 + (os.cpu_count() or 6)
)  # decoding runs outside Python's lock; two more hide the reading
SHOWN = 20  # complaints listed in the error message
MOST_UNUSABLE = 0.5  # of the pictures: beyond it cleaning would hide that the dataset is wrong

Sink = Callable[[Checked, bytes], Checked]


@dataclass(frozen=True)
class Cleaned:
    """All entries, usable or not, in order; all findings, also of no entry; samples that are left out."""

    results: tuple[Checked, ...]
    findings: tuple[Finding, ...]
    lost: int

    @property
    def usable(self) -> list[Checked]:
        """The entries that stay."""
        return [result for result in self.results if result.usable]


def checked_entries(
    listing: Listing, *, clean: bool, work_dir: Path
) -> tuple[list[Checked], list[str]]:
    """The usable entries, in order, and lines to log.

    With `clean`, every picture is decoded, what is wrong is dropped, and each action is a row of cleaning_report.json
    in work_dir. Without, only headers are read and anything wrong raises one DataError that lists the complaints.
    With `clean`, DataError when more than half of the pictures cannot be used. The source is never changed.
    """
    if clean:
        cleaned = clean_entries(listing, work_dir=work_dir)
        lines = _repair_lines(cleaned.usable)
        if cleaned.findings:
            lines.append(
                f"data cleaning took {len(cleaned.findings)} action(s): {action_totals(cleaned.findings)}; "
                f"see {work_dir / REPORT}"
            )
        return cleaned.usable, lines
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(check_header, listing.entries))
    complaints = [
        *listing.complaints,
        *(complaint for result in results for complaint in result.complaints),
    ]
    if complaints:
        raise DataError(complaint_text(complaints))
    return results, _repair_lines(results)


def clean_entries(listing: Listing, *, work_dir: Path, sink: Sink | None = None) -> Cleaned:
    """Every entry decoded, checked and compared with the others; the report stands in work_dir.

    sink: called for each usable entry with its encoded bytes, from several threads; what it returns takes its place.
    With it the report speaks of copies written. DataError when more than half of the samples cannot be used.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda entry: check_decoded(entry, sink), listing.entries))
    results = without_copies(results)
    orphans = faults(listing.complaints, "picture or annotation missing", ORPHANED)
    findings = (
        *orphans,
        *(finding for result in results for finding in result.findings),
        *_alike_names(results),
    )
    cleaned = Cleaned(
        tuple(results), findings, len(orphans) + sum(not result.usable for result in results)
    )
    total = len(results) + len(orphans)
    write_cleaning_report(
        work_dir,
        findings,
        samples=total,
        lost=cleaned.lost,
        negatives=sum(not result.names for result in cleaned.usable),
    )
    if cleaned.lost > MOST_UNUSABLE * total:
        first = next(row.complaint for row in findings if row.action in (LEFT_OUT, ORPHANED))
        raise DataError(
            f"expected most samples to be usable, found {cleaned.lost} of {total} that are not, "
            f"the first: {first}; see {work_dir / REPORT} and check data_url"
        )
    return cleaned


def _alike_names(results: Iterable[Checked]) -> list[Finding]:
    """Findings of class names that differ only in writing. They are never merged: that is for a person to decide."""
    names = {name for result in results if result.usable for name in result.names}
    return [
        Finding(Complaint("class names", line), "class names alike", REPORTED, fault=False)
        for line in near_duplicates(names)
    ]


def check_header(entry: Entry) -> Checked:
    """The entry measured against its picture, of which only the header is read."""
    if entry.annotation is None:
        return _unusable(entry)
    try:
        width, height = picture_size(entry.path)
    except PictureError as error:
        return _unreadable(entry, error)
    return measured(entry, width, height, clean=False)


def check_decoded(entry: Entry, sink: Sink | None = None) -> Checked:
    """The entry measured against its picture, which is read and decoded once."""
    if entry.annotation is None:
        return _unusable(entry)
    try:
        data = _read(entry.path)
        facts, image = look(data, str(entry.path), entry.path.suffix, convert=sink is not None)
    except PictureError as error:
        return _unreadable(entry, error)
    found = _picture_findings(entry, facts, written=sink is not None)
    width, height = image.size[::-1] if facts.sideways else image.size
    mark = mark_of(data, image, facts.orientation)
    checked = measured(entry, width, height, clean=True, found=found, facts=facts, mark=mark)
    return sink(checked, data) if sink and checked.usable else checked


def complaint_text(complaints: list[Complaint]) -> str:
    """One message for all complaints: count, the first one and the fix in its first line, then a list."""
    rest = len(complaints) - SHOWN
    lines = [
        f"expected a dataset without faults, found {len(complaints)}, the first: {complaints[0]}; "
        "correct them, or run with --do_data_cleaning=True to drop what cannot be used",
        *(f"  {complaint}" for complaint in complaints[:SHOWN]),
    ]
    return "\n".join(lines + ([f"  ... and {rest} more"] if rest > 0 else []))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(
            f"{path}: the picture cannot be read: {error.strerror or error}"
        ) from error


def _unusable(entry: Entry) -> Checked:
    return Checked(
        entry,
        findings=faults(entry.complaints, "annotation cannot be used", LEFT_OUT),
        usable=False,
    )


def _unreadable(entry: Entry, error: PictureError) -> Checked:
    problem = Complaint(entry.source, str(error).removeprefix(f"{entry.path}: "))
    findings = (
        *faults(entry.complaints, "annotation cannot be used", LEFT_OUT),
        Finding(problem, "picture cannot be decoded", LEFT_OUT, of_picture=True),
    )
    return Checked(entry, findings=findings, usable=False)


def _picture_findings(entry: Entry, facts: PictureFacts, *, written: bool) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            Complaint(entry.source, rule.problem.format(facts)),
            rule.name,
            rule.as_written if written else rule.as_read,
            fault=False,
            of_picture=True,
        )
        for rule in PICTURE_RULES
        if rule.applies(facts)
    )


def _repair_lines(usable: Iterable[Checked]) -> list[str]:
    counts = Counter(note for result in usable for note in result.notes)
    return [f"{note}: {count} time(s)" for note, count in sorted(counts.items())]
