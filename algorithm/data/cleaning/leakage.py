"""Pictures that are in TRAIN and in EVAL: figures on them say nothing about new ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from algorithm.data.cleaning.duplicates import PictureMark, equal_digests, lookalikes
from algorithm.data.cleaning.findings import (
    COPIED,
    COPIED_DIFFERENTLY,
    LEAKED,
    LEFT_OUT,
    REPORTED,
    Checked,
    Finding,
)
from algorithm.data.readers.annotation import Complaint

UNSPLIT = None  # the usage of a dataset that leaves the split to the job
ALIKE = "looks like another picture"


@dataclass(frozen=True, slots=True)
class Portrait:
    """What a copy of an annotated picture is told by.

    It is little for each, so that a dataset of any size has room.

    Attributes:
        usage: Of its entry.
        source: Of its entry.
        digest: Of its file.
        objects: How many it has.
        content: A hash of what they are.
    """

    usage: str | None
    source: str
    digest: bytes
    objects: int
    content: bytes

    @classmethod
    def of(cls, checked: Checked) -> Portrait:
        """Return the portrait of an entry whose picture was decoded."""
        told = "\0".join(checked.names).encode() + b"\0" + checked.boxes.tobytes()
        content = hashlib.blake2b(told, digest_size=8).digest()
        entry = checked.entry
        if checked.mark is None:
            raise ValueError(f"expected the mark of {entry.source}, which was not decoded")
        return cls(entry.usage, entry.source, checked.mark.digest, len(checked.names), content)

    def __str__(self) -> str:
        """What a person calls it."""
        return self.source + (f" of {self.usage.upper()}" if self.usage else "")


@dataclass(frozen=True)
class Copy:
    """A picture, by its place, that is there again as the one at `kept`.

    Attributes:
        parted: Whether it is left out.
    """

    place: int
    kept: int
    rule: str
    problem: str
    parted: bool


def copies(portraits: Sequence[Portrait]) -> Iterator[Copy]:
    """Yield the pictures whose file is there twice, all but the one of each file that is kept.

    The same file in TRAIN and EVAL: the TRAIN samples are left out, so that EVAL stays as it was
    given. The same file twice where the job makes the split: all but the first are left out, since
    the split would part them. The same file twice within TRAIN or within EVAL is named only: it
    may be meant, as a weight.
    """
    for group in equal_digests([portrait.digest for portrait in portraits]):
        evaluated = [place for place in group if portraits[place].usage == "eval"]
        kept = (evaluated or group)[0]
        for place in group:
            if place != kept:
                leaked = bool(evaluated) and place not in evaluated
                yield _copy(portraits, place, kept, leaked)


def _copy(portraits: Sequence[Portrait], place: int, kept: int, leaked: bool) -> Copy:
    one, other = portraits[place], portraits[kept]
    differs = one.content != other.content
    rule = LEAKED if leaked else COPIED_DIFFERENTLY if differs else COPIED
    counts = f", annotated differently ({one.objects} and {other.objects} object(s))" * differs
    problem = f"expected each picture once, found the file of {other} again{counts}"
    return Copy(place, kept, rule, problem, leaked or one.usage is UNSPLIT)


def without_copies(results: Sequence[Checked]) -> list[Checked]:
    """Return the entries with findings about pictures that are there twice, as `copies` tells them.

    Pictures that look the same across TRAIN and EVAL, or where the job makes the split, are a
    guess: they are reported only.
    """
    decoded = [
        index for index, result in enumerate(results) if result.usable and result.mark is not None
    ]
    portraits = [Portrait.of(results[index]) for index in decoded]
    found: dict[int, list[Finding]] = {}
    lost: set[int] = set()
    for copy in copies(portraits):
        index, kept = decoded[copy.place], decoded[copy.kept]
        action = LEFT_OUT if copy.parted else REPORTED
        finding = _finding(results[index], results[kept], copy.problem, copy.rule, action)
        found.setdefault(index, []).append(finding)
        if copy.parted:
            lost.add(index)
    marks = [mark for index in decoded if (mark := results[index].mark) is not None]
    for one, other in _lookalikes(marks, [portrait.usage for portrait in portraits]):
        first, second = decoded[one], decoded[other]
        problem = f"expected pictures that differ, found one that looks like {portraits[other]}"
        finding = _finding(results[first], results[second], problem, ALIKE, REPORTED)
        found.setdefault(first, []).append(finding)
    return [
        result
        if index not in found
        else replace(result, findings=(*result.findings, *found[index]), usable=index not in lost)
        for index, result in enumerate(results)
    ]


def _finding(one: Checked, other: Checked, problem: str, rule: str, action: str) -> Finding:
    complaint = Complaint(one.entry.source, problem)
    pictures = (str(one.entry.path), str(other.entry.path))
    return Finding(complaint, rule, action, fault=False, of_picture=True, pictures=pictures)


def _lookalikes(
    marks: Sequence[PictureMark], usages: Sequence[str | None]
) -> list[tuple[int, int]]:
    """Pairs of places in `marks` that a split parts or may part."""
    if any(usage is UNSPLIT for usage in usages):
        return list(lookalikes(marks, range(len(marks))))
    train = [place for place, usage in enumerate(usages) if usage == "train"]
    evaluated = [place for place, usage in enumerate(usages) if usage == "eval"]
    return list(lookalikes(marks, train, evaluated))
