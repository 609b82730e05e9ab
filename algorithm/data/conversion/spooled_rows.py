"""The rows of a conversion as they are checked: on disk, with little for each in memory."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TextIO

import numpy as np

from algorithm.data.cleaning.cleaning import orphan_findings
from algorithm.data.cleaning.duplicates import PictureMark
from algorithm.data.cleaning.findings import LEFT_OUT, Checked, Finding
from algorithm.data.cleaning.leakage import Portrait, copies
from algorithm.data.cleaning.picture_facts import AS_WRITTEN
from algorithm.data.cleaning.report.remarks import Remarks
from algorithm.data.cleaning.report.unusable_data import Losses
from algorithm.data.cleaning.rules.picture_check import (
    check_decoded,
    check_header,
    check_marked,
)
from algorithm.data.conversion.picture_row import PictureRow, segmentations, shortest_boxes
from algorithm.data.in_threads import in_threads
from algorithm.data.outline_geometry import extent
from algorithm.data.readers.annotation import Complaint, Listing
from algorithm.data.readers.pictures.picture_lookup import PICTURE_SUFFIXES

THREADS = 8
EDGE = 1.0  # pixels between a side of a box and of its outline, beyond rounding


@dataclass
class Found:
    """What must be known of all pictures before the first is written; little for each.

    Attributes:
        usages: "" for a picture that is left out after all.
        learnt: How many boxes of each picture are trained on.
        ignored: How many boxes of each picture are difficult or a crowd.
        marks: Only where the pictures are split anew.
        unlike: How many outlines end elsewhere than the boxes of their objects.
    """

    ids: list[str] = field(default_factory=list)
    usages: list[str | None] = field(default_factory=list)
    classes: list[tuple[str, ...]] = field(default_factory=list)
    portraits: list[Portrait] = field(default_factory=list)
    marks: list[PictureMark] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    learnt: list[int] = field(default_factory=list)
    ignored: list[int] = field(default_factory=list)
    kinds: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    unlike: int = 0
    losses: Losses = field(default_factory=Losses)
    remarks: Remarks = field(default_factory=Remarks)

    def places(self, usage: str | None) -> list[int]:
        """Return the pictures of a usage, by their place."""
        return [place for place, one in enumerate(self.usages) if one == usage]


def spooled(listing: Listing, stream: TextIO, *, clean: bool, anew: bool) -> Found:
    """Check the entries block by block; write a row for each that stays.

    Args:
        listing: The dataset.
        stream: Gets the rows.
        clean: Decode every picture and apply the rules of cleaning.
        anew: The usages of the entries do not count.

    Returns:
        What was found.
    """
    found = Found(complaints=list(listing.complaints))
    found.losses.add_orphans(orphan_findings(listing))
    stems: set[str] = set()
    look: Callable[..., Checked] = (
        check_decoded if clean else check_marked if anew else check_header
    )
    check = partial(look, reading=AS_WRITTEN)
    for checked in in_threads(check, listing.entries, THREADS):
        found.complaints += checked.complaints
        found.losses.add(checked)
        found.remarks.add(checked)
        if not checked.usable:
            continue
        row = _row(checked, len(found.ids), stems)
        stream.write(json.dumps(checked.entry.source) + "\t" + row.to_line())
        found.unlike += _unlike(checked)
        kind = tuple(sorted(set(row.names)))
        found.ids.append(row.image_id)
        found.usages.append(None if anew else checked.entry.usage)
        found.classes.append(found.kinds.setdefault(kind, kind))
        found.ignored.append(sum(row.ignored))
        found.learnt.append(len(row.names) - found.ignored[-1])
        if clean:
            portrait = Portrait.of(checked)
            found.portraits.append(replace(portrait, usage=found.usages[-1]))
        if anew and checked.mark is not None:
            found.marks.append(checked.mark)
    return found


def leave_out_copies(found: Found) -> None:
    """Leave out pictures whose file is there again, as cleaning does in a training job."""
    for copy in copies(found.portraits):
        if copy.parted:
            portrait = found.portraits[copy.place]
            complaint = Complaint(portrait.source, copy.problem)
            found.complaints.append(complaint)
            found.losses.add_copy(
                portrait.usage, portrait.objects, Finding(complaint, copy.rule, LEFT_OUT)
            )
            found.usages[copy.place] = ""


def _unlike(checked: Checked) -> int:
    """How many outlines of an entry end elsewhere than the boxes of their objects."""
    limits = np.array([checked.height, checked.width] * 2, np.float32)
    return sum(
        bool((np.abs(np.clip(extent(outline), 0, limits) - box) > EDGE).any())
        for box, outline in zip(checked.boxes, checked.outlines or (), strict=False)
        if outline is not None
    )


def _row(checked: Checked, number: int, stems: set[str]) -> PictureRow:
    entry = checked.entry
    status = entry.path.stat()
    boxes = shortest_boxes(checked.boxes)
    return PictureRow(
        number,
        entry.image_id,
        str(entry.path),
        _written_name(entry.source, entry.path, stems),
        "",
        checked.width,
        checked.height,
        tuple(map(str, checked.names)),
        boxes,
        tuple(map(bool, checked.ignored)),
        (status.st_size, status.st_mtime_ns),
        segmentations(checked.outlines),
    )


def _written_name(source: str, path: Path, stems: set[str]) -> str:
    """The picture's own name, with a number where another picture has the same stem.

    Changes `stems`.
    """
    own = Path(source.replace("\\", "/"))
    suffix = next(
        (one for one in (own.suffix, path.suffix) if one.lower() in PICTURE_SUFFIXES), ".jpg"
    )
    stem = own.stem if own.suffix.lower() in PICTURE_SUFFIXES else own.name
    stem = stem.lstrip(".").replace("\n", " ").replace("\r", " ") or "picture"
    tries = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    chosen = next(name for name in tries if name.casefold() not in stems)
    stems.add(chosen.casefold())
    return chosen + suffix
