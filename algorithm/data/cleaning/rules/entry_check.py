"""Objects in pixels of the real picture: sizes reconciled, boxes checked and clipped."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from algorithm.data.cleaning.duplicates import PictureMark
from algorithm.data.cleaning.findings import (
    CLIPPED,
    DROPPED,
    LEFT_OUT,
    NOTHING_LEFT,
    REPEATED,
    REPORTED,
    Checked,
    Finding,
    faults,
)
from algorithm.data.cleaning.picture_facts import PictureFacts
from algorithm.data.cleaning.rules.box_rules import (
    BOX_RULES,
    LEAST_SIDE,
    nearly_repeated,
    repeated,
    sides,
)
from algorithm.data.cleaning.rules.outline_check import unlike_boxes, usable_outlines
from algorithm.data.cleaning.rules.turned_boxes import SIDEWAYS, stored_orientation, upright_boxes
from algorithm.data.readers.annotation import Annotation, Complaint, Entry

EDGE = 1.0  # pixels a box may reach over the edge by one-based corners and rounding
SAME_ASPECT = (
    0.01  # relative difference up to which a recorded size is the real one at another scale
)
UNUSABLE = "annotation cannot be used"


@dataclass
class _Boxes:
    """The boxes of one annotation while they are checked.

    They are raw and clipped float32 [N, 4] yxyx; keep is bool [N].
    """

    annotation: Annotation
    raw: np.ndarray
    width: int
    height: int

    def __post_init__(self) -> None:
        self.clipped = self.raw.clip(
            0, np.array([self.height, self.width, self.height, self.width], np.float32)
        )
        self.keep = np.ones(len(self.raw), bool)
        self.inside = bool((self.raw == self.clipped).all())
        self.tidy = self.inside and bool(
            (sides(self.raw) >= LEAST_SIDE).all()
        )  # no rule needs a closer look

    def finding(
        self, index: int, problem: str, rule: str, action: str, fault: bool = False
    ) -> Finding:
        """Return what is wrong with one of them."""
        box = ", ".join(f"{number:g}" for number in self.raw[index])
        size = f"{self.width}x{self.height}"
        problem = f"{problem}: [ymin, xmin, ymax, xmax] = [{box}] in a picture of {size}"
        thing, line = self.annotation.things[index], self.annotation.lines[index]
        return Finding(Complaint(self.annotation.file, problem, line, thing), rule, action, fault)


def measured(
    entry: Entry,
    width: int,
    height: int,
    *,
    clean: bool,
    found: tuple[Finding, ...] = (),
    facts: PictureFacts | None = None,
    mark: PictureMark | None = None,
) -> Checked:
    """Return the entry with its objects in pixels of its picture.

    Args:
        entry: The entry.
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        clean: Apply the rules that are no complaint otherwise, and keep a finding of each repair.
        found: What was found about the picture.
        facts: What is known of the picture.
        mark: The mark of the picture.
    """
    annotation = entry.objects
    readers = faults(entry.complaints, UNUSABLE, DROPPED)
    try:
        raw, notes = _to_real_size(entry, annotation, width, height)
    except ValueError as error:
        wrong = Finding(
            Complaint(annotation.file, str(error)), "recorded size of another shape", LEFT_OUT
        )
        return Checked(entry, findings=(*readers, wrong), usable=False)
    boxes = _Boxes(annotation, raw, width, height)
    findings = [*readers, *found, *faults(annotation.complaints, "object cannot be used", DROPPED)]
    of_boxes, clipped = _box_findings(boxes, clean=clean)
    findings += of_boxes
    notes += clipped
    outlines, odd = usable_outlines(entry, width, height, exact=clean)
    findings += odd
    notes += ["outline cannot be used, its object stays for its box"] * len(odd)
    if clean:
        findings += unlike_boxes(annotation, outlines, boxes.clipped, boxes.keep)
    names = tuple(np.array(annotation.names, object)[boxes.keep])
    faulty = sum(finding.fault and finding.action == DROPPED for finding in findings)
    usable = bool(names) or not faulty  # a label that cannot be used is no picture without objects
    if clean and not usable:
        findings.append(_nothing_left(entry, faulty))
    return Checked(
        entry,
        width,
        height,
        names,
        boxes.clipped[boxes.keep],
        annotation.ignored[boxes.keep],
        None if annotation.filled is None else annotation.filled[boxes.keep],
        None if outlines is None else tuple(itertools.compress(outlines, boxes.keep)),
        tuple(findings),
        usable,
        tuple(notes),
        facts=facts,
        mark=mark,
    )


def _box_findings(boxes: _Boxes, *, clean: bool) -> tuple[list[Finding], list[str]]:
    """Findings of the boxes, which are clipped and marked to be kept or not, and notes."""
    findings = list(_broken(boxes, clean=clean))
    slight, cut = _over_the_edge(boxes)
    notes = ["box up to one pixel over the edge, clipped"] * len(slight)
    notes += ["box partly outside the picture, clipped"] * len(cut)
    if clean:
        findings += _size_findings(boxes.annotation, boxes.width, boxes.height)
        findings += slight + cut + _twice(boxes) + _nearly_twice(boxes)
    return findings, notes


def _nothing_left(entry: Entry, faulty: int) -> Finding:
    problem = f"expected an object that can be used, found {faulty} that cannot and no other"
    return Finding(Complaint(entry.source, problem), NOTHING_LEFT, LEFT_OUT, of_picture=True)


def _to_real_size(
    entry: Entry, annotation: Annotation, width: int, height: int
) -> tuple[np.ndarray, list[str]]:
    """Boxes in pixels of the real picture.

    The real size wins; a size of another shape raises ValueError.

    A recorded size of the same aspect is the picture before it was scaled: boxes scale along.
    The size of a picture that EXIF turns, before it is turned, tells that a tool ignored that:
    boxes turn along. Another aspect leaves open where the boxes belong.
    """
    recorded_width, recorded_height = annotation.width, annotation.height
    if recorded_width is None or recorded_height is None:
        return annotation.boxes, []
    if (recorded_width, recorded_height) == (width, height):
        return annotation.boxes, []
    if (recorded_width, recorded_height) == (height, width):
        orientation = stored_orientation(entry.path)
        if orientation in SIDEWAYS:
            return upright_boxes(annotation.boxes, width, height, orientation), [
                "annotated before EXIF turned the picture upright, boxes turned along"
            ]
    across, down = width / recorded_width, height / recorded_height
    if abs(across / down - 1) > SAME_ASPECT:
        raise ValueError(
            f"expected the size of the picture, {width}x{height} upright, found {annotation.width}x"
            f"{annotation.height} recorded: annotate it again"
        )
    return annotation.boxes * np.array([down, across, down, across], np.float32), [
        "recorded size differs, boxes scaled along"
    ]


def _size_findings(annotation: Annotation, width: int, height: int) -> list[Finding]:
    if (annotation.width, annotation.height) == (width, height):
        return []
    if None in (annotation.width, annotation.height):
        found, rule, action = "none", "no recorded size", "size taken from the picture"
    else:
        found = f"{annotation.width}x{annotation.height}"
        rule, action = "recorded size of the same shape", "boxes scaled to the picture"
        if (annotation.height, annotation.width) == (width, height):
            rule, action = "recorded size before EXIF turned it", "boxes turned along"
    problem = f"expected the size of the picture, {width}x{height}, found {found}"
    return [Finding(Complaint(annotation.file, problem), rule, action, fault=False)]


def _broken(boxes: _Boxes, *, clean: bool) -> list[Finding]:
    """Findings of boxes that break a rule; they are taken out of `keep`."""
    findings: list[Finding] = []
    for rule in () if boxes.tidy else BOX_RULES:
        if rule.always or clean:
            broken = np.flatnonzero(rule.bad(boxes.raw, boxes.clipped) & boxes.keep)
            boxes.keep[broken] = False
            findings += [
                boxes.finding(index, rule.problem, rule.name, DROPPED, rule.always)
                for index in broken.tolist()
            ]
    return findings


def _over_the_edge(boxes: _Boxes) -> tuple[list[Finding], list[Finding]]:
    """Findings of boxes that stay but are clipped: by at most a pixel, and by more."""
    if boxes.inside:
        return [], []
    over = np.where(boxes.keep, np.abs(boxes.raw - boxes.clipped).max(axis=1, initial=0), 0)
    problem = "expected a box in the picture, found it "
    slight = [
        boxes.finding(
            index, problem + "up to one pixel over the edge", "slightly over the edge", CLIPPED
        )
        for index in np.flatnonzero((over > 0) & (over <= EDGE)).tolist()
    ]
    return slight, [
        boxes.finding(index, problem + "partly outside", "partly outside", CLIPPED)
        for index in np.flatnonzero(over > EDGE).tolist()
    ]


def _twice(boxes: _Boxes) -> list[Finding]:
    """Findings of objects that repeat another exactly; they are taken out of `keep`."""
    left, names = _kept(boxes)
    again = repeated(names, boxes.clipped[left], boxes.annotation.ignored[left])
    boxes.keep[left[list(again)]] = False
    return [
        boxes.finding(
            left[index],
            f"expected each object once, found {boxes.annotation.things[left[first]]} again",
            REPEATED,
            DROPPED,
        )
        for index, first in again.items()
    ]


def _nearly_twice(boxes: _Boxes) -> list[Finding]:
    left, names = _kept(boxes)
    return [
        boxes.finding(
            left[later],
            "expected each object once, found nearly the box of "
            f"{boxes.annotation.things[left[earlier]]}",
            "box nearly twice",
            REPORTED,
        )
        for earlier, later in nearly_repeated(names, boxes.clipped[left])
    ]


def _kept(boxes: _Boxes) -> tuple[np.ndarray, list[str]]:
    left = np.flatnonzero(boxes.keep)
    return left, [boxes.annotation.names[index] for index in left]
