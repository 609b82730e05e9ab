"""An entry whose picture is made smaller, with its boxes and outlines."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from algorithm.data.cleaning.findings import DROPPED, Checked, Finding
from algorithm.data.cleaning.rules.box_rules import LEAST_SIDE, sides
from algorithm.data.outline_geometry import scaled
from algorithm.data.readers.annotation import Complaint


def shrunk(checked: Checked, width: int, height: int) -> Checked:
    """Return an entry in its picture made smaller; objects that become too thin are dropped.

    Args:
        checked: The entry.
        width: Of the smaller picture, in pixels.
        height: Of the smaller picture, in pixels.
    """
    down, across = height / checked.height, width / checked.width
    boxes = checked.boxes * np.array([down, across, down, across], np.float32)
    keep = sides(boxes).min(axis=1, initial=np.inf) >= LEAST_SIDE
    outlines = None
    if checked.outlines is not None:
        outlines = tuple(
            None if one is None else scaled(one, height, width, down, across)
            for one in itertools.compress(checked.outlines, keep)
        )
    thin = [_too_thin(checked, int(index), sides(boxes)[index]) for index in np.flatnonzero(~keep)]
    names = tuple(np.array(checked.names, object)[keep])
    return replace(
        checked,
        width=width,
        height=height,
        names=names,
        boxes=boxes[keep],
        ignored=checked.ignored[keep],
        filled=None if checked.filled is None else checked.filled[keep],
        outlines=outlines,
        findings=(*checked.findings, *_made_smaller(checked, width, height), *thin),
    )


def _made_smaller(checked: Checked, width: int, height: int) -> tuple[Finding, Finding]:
    """Findings of the picture and of its annotation."""
    problem = (
        f"expected a picture within the given limits, found {checked.width}x{checked.height}; it "
        f"is now {width}x{height}"
    )
    return (
        Finding(
            Complaint(checked.entry.source, problem),
            "over the given limits",
            "shrunk",
            fault=False,
            of_picture=True,
        ),
        Finding(
            Complaint(checked.entry.objects.file, "its picture was made smaller"),
            "picture shrunk",
            "boxes scaled to the picture",
            fault=False,
        ),
    )


def _too_thin(checked: Checked, index: int, found: np.ndarray) -> Finding:
    complaint = Complaint(
        checked.entry.objects.file,
        f"expected sides of at least {LEAST_SIDE:g} pixels in the shrunk picture, "
        f"found {', '.join(f'{side:g}' for side in found)}",
        thing=f"object '{checked.names[index]}'",
    )
    return Finding(complaint, "too thin", DROPPED, fault=False)
