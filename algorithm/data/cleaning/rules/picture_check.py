"""An entry checked against its picture: by the header alone, or by all of its pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from algorithm.data.cleaning.duplicates import mark_of
from algorithm.data.cleaning.findings import LEFT_OUT, Checked, Finding, faults
from algorithm.data.cleaning.picture_facts import (
    AS_TRAINED,
    PictureFacts,
    Reading,
    look,
    picture_header,
)
from algorithm.data.cleaning.rules.entry_check import measured
from algorithm.data.cleaning.rules.picture_rules import PICTURE_RULES
from algorithm.data.feeding.decoding import PictureError
from algorithm.data.readers.annotation import Complaint, Entry

Sink = Callable[[Checked, bytes], Checked]


def check_header(entry: Entry, reading: Reading = AS_TRAINED) -> Checked:
    """Measure the entry by the header of its picture; one of 16 bits is read as a whole."""
    if entry.annotation is None:
        return _unusable(entry)
    try:
        header = picture_header(entry.path, reading)
        facts = _facts(entry, reading) if header.deep else None
    except PictureError as error:
        return _unreadable(entry, error)
    return measured(entry, header.width, header.height, clean=False, facts=facts)


def check_marked(entry: Entry, reading: Reading = AS_TRAINED) -> Checked:
    """Check an entry as check_header does; add the mark of the picture, which is decoded for it."""
    if entry.annotation is None:
        return _unusable(entry)
    try:
        data = _read(entry.path)
        facts, image = look(data, str(entry.path), entry.path.suffix, reading=reading)
    except PictureError as error:
        return _unreadable(entry, error)
    width, height = image.size[::-1] if facts.sideways else image.size
    mark = mark_of(data, image, facts.orientation)
    return measured(entry, width, height, clean=False, facts=facts, mark=mark)


def _facts(entry: Entry, reading: Reading) -> PictureFacts:
    return look(_read(entry.path), str(entry.path), entry.path.suffix, reading=reading)[0]


def check_decoded(entry: Entry, sink: Sink | None = None, reading: Reading = AS_TRAINED) -> Checked:
    """Measure the entry against its picture, which is read and decoded once."""
    if entry.annotation is None:
        return _unusable(entry)
    try:
        data = _read(entry.path)
        convert = sink is not None
        facts, image = look(
            data, str(entry.path), entry.path.suffix, convert=convert, reading=reading
        )
    except PictureError as error:
        return _unreadable(entry, error)
    found = _picture_findings(entry, facts, written=sink is not None)
    width, height = image.size[::-1] if facts.sideways else image.size
    mark = mark_of(data, image, facts.orientation)
    checked = measured(entry, width, height, clean=True, found=found, facts=facts, mark=mark)
    return sink(checked, data) if sink and checked.usable else checked


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
