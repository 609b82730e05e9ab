"""What cleaning found in an entry of a dataset, and what it made of the entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from algorithm.data.cleaning.duplicates import PictureMark
from algorithm.data.cleaning.picture_facts import PictureFacts
from algorithm.data.outlines import Outline
from algorithm.data.readers.annotation import Complaint, Entry

LEFT_OUT = "picture left out"
ORPHANED = "sample left out"
DROPPED = "object dropped"
CLIPPED = "clipped to the picture"
REPORTED = "reported only"
OUTLINE_LEFT_OUT = "outline left out, object kept for its box"
LOSSES = (LEFT_OUT, ORPHANED, DROPPED)
REPEATED = "box twice"
COPIED = "same file twice"
COPIED_DIFFERENTLY = "same file twice, annotated differently"
LEAKED = "same file in TRAIN and EVAL"
NOTHING_LEFT = "no object of the picture can be used"


@dataclass(frozen=True)
class Finding:
    """One thing cleaning met.

    Attributes:
        rule: Its kind, the same words for the same kind.
        action: What was done.
        fault: Whether it is complained about when cleaning is off.
        of_picture: The file of the picture is meant, not the annotation.
        pictures: Local paths of two pictures to look at side by side, where the finding compares
            them.
    """

    complaint: Complaint
    rule: str
    action: str
    fault: bool = True
    of_picture: bool = False
    pictures: tuple[str, ...] = ()

    def as_row(self) -> dict[str, str | int | None]:
        """Return the row of the cleaning report."""
        return {
            "file": self.complaint.file,
            "line": self.complaint.line,
            "object": self.complaint.thing,
            "rule": self.rule,
            "problem": self.complaint.problem,
            "action": self.action,
        }


@dataclass(frozen=True, slots=True)
class Checked:
    """An entry measured against its picture.

    Attributes:
        width: Of the upright picture.
        height: Of the upright picture.
        names: The class of each object that stays.
        boxes: float32 [N, 4] yxyx pixels inside the picture, of the objects that stay.
        ignored: Of the objects that stay.
        filled: Of the objects that stay, as of an Annotation.
        outlines: Of the objects that stay, as of an Annotation, in pixels of the upright picture.
        findings: All that is wrong or was put right.
        usable: False if the whole entry goes.
        notes: Kinds of repairs made with and without cleaning, each as often as it was made.
        facts: Of the picture, where it was decoded.
        mark: Of the picture, where it was decoded.
        objects_listed: As `listed` of an entry that is light.
    """

    entry: Entry
    width: int = 0
    height: int = 0
    names: tuple[str, ...] = ()
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    ignored: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    filled: np.ndarray | None = None
    outlines: tuple[Outline | None, ...] | None = None
    findings: tuple[Finding, ...] = ()
    usable: bool = True
    notes: tuple[str, ...] = ()
    facts: PictureFacts | None = None
    mark: PictureMark | None = None
    objects_listed: int = 0

    @property
    def listed(self) -> int:
        """How many objects the annotation lists, also those that cannot be used."""
        annotation = self.entry.annotation
        if annotation is None:
            return self.objects_listed
        return len(annotation.names) + len(annotation.complaints)

    def light(self) -> Checked:
        """Return it without the annotation as it was read, which takes most of its memory."""
        entry = replace(self.entry, annotation=None)
        return replace(self, entry=entry, objects_listed=self.listed)

    @property
    def complaints(self) -> tuple[Complaint, ...]:
        """What is complained about when cleaning is off, and what else cleaning dropped."""
        return tuple(
            finding.complaint
            for finding in self.findings
            if finding.fault or finding.action in LOSSES
        )

    @property
    def annotation_changed(self) -> bool:
        """Whether the objects or the size differ from what the annotation records."""
        return any(
            not finding.of_picture and finding.action != REPORTED for finding in self.findings
        )


def faults(complaints: Sequence[Complaint], rule: str, action: str) -> tuple[Finding, ...]:
    """Return findings that readers made, all of one rule."""
    return tuple(Finding(complaint, rule, action) for complaint in complaints)
