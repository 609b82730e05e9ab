"""What a conversion will do, written to disk as one file of rows for each shard, in memory
that stays small.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from algorithm.data.cleaning.cleaning import (
    check_decoded,
    check_header,
    check_marked,
    complaint_text,
    orphan_findings,
)
from algorithm.data.cleaning.duplicates import PictureMark, alike_groups
from algorithm.data.cleaning.findings import LEFT_OUT, Checked, Finding
from algorithm.data.cleaning.leakage import Portrait, copies
from algorithm.data.cleaning.losses import Losses
from algorithm.data.cleaning.remarks import Remarks
from algorithm.data.conversion.picture_row import SPLITS, Classes, PictureRow, shortest_boxes
from algorithm.data.labels import no_boxes, nothing_to_evaluate, require_listed
from algorithm.data.readers.annotation import Complaint, Listing
from algorithm.data.readers.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.split import stratified_eval, stratified_parts
from algorithm.errors import DataError

THREADS = 8
BLOCK = 256  # entries checked at once
PER_SHARD = 500  # pictures, where the user names no number of shards
USAGES = tuple(SPLITS)  # "train", "eval" and, in a split made anew, "test"
SHARD_NAME = "{split}-{number:05d}-of-{count:05d}"


@dataclass(frozen=True)
class Plan:
    """shards: files of rows, in order. digest: of everything that decides the result.
    warnings: lines to log.
    """

    shards: tuple[Path, ...]
    classes: Classes
    pictures: int
    digest: str
    warnings: tuple[str, ...]


@dataclass
class _Found:
    """What must be known of all pictures before the first is written; little for each.

    usages: "" for a picture that is left out after all. marks: only where the pictures are split
    anew.
    """

    ids: list[str] = field(default_factory=list)
    usages: list[str | None] = field(default_factory=list)
    classes: list[tuple[str, ...]] = field(default_factory=list)
    portraits: list[Portrait] = field(default_factory=list)
    marks: list[PictureMark] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    kinds: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    losses: Losses = field(default_factory=Losses)
    remarks: Remarks = field(default_factory=Remarks)

    def places(self, usage: str | None) -> list[int]:
        """The pictures of a usage, by their place."""
        return [place for place, one in enumerate(self.usages) if one == usage]


def write_plan(
    listing: Listing,
    folder: Path,
    *,
    clean: bool,
    seed: int,
    shards: int | None,
    fractions: tuple[float, ...] | None = None,
) -> Plan:
    """The plan, written below `folder`.

    clean: leave out what cannot be used, and name it in folder/dropped.txt, instead of raising
    DataError with all complaints. seed: of the split where the dataset has none. shards: how many
    in all, train and eval together.
    fractions: of the pictures for "train", "eval" and, if there are three, "test", in a split that
    replaces the dataset's own. Raises DataError too where cleaning would leave too little, or TRAIN
    has no box.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spool = folder / "rows.jsonl"
    with spool.open("w", encoding="utf-8") as stream:
        found = _spooled(listing, stream, clean=clean, anew=fractions is not None)
    if found.complaints and not clean:
        raise DataError(complaint_text(found.complaints, found.losses, "--clean"))
    if clean:
        _leave_out_copies(found)
    dropped = folder / "dropped.txt"
    dropped.write_text("".join(f"{wrong}\n" for wrong in found.complaints), encoding="utf-8")
    if found.losses.refusal is not None:
        raise DataError(f"{found.losses.refusal}; see {dropped}")
    if not any(usage != "" for usage in found.usages):
        raise DataError("expected at least one picture, found none: check data_url")
    notes = _split(found, seed) if fractions is None else _split_anew(found, seed, fractions)
    warnings = (
        *listing.warnings,
        *found.losses.lines,
        *found.remarks.lines,
        *notes,
        *_without_boxes(found),
    )
    classes = _classes(listing, found)
    paths, digest = _write_shards(spool, folder / "shards", found, shards, classes)
    spool.unlink()
    pictures = sum(usage != "" for usage in found.usages)
    return Plan(paths, classes, pictures, digest, warnings)


def _spooled(listing: Listing, stream: TextIO, *, clean: bool, anew: bool) -> _Found:
    """Check the entries block by block; write a row for each that stays. anew: their usages do
    not count.
    """
    found = _Found(complaints=list(listing.complaints))
    found.losses.add_orphans(orphan_findings(listing))
    entries = iter(listing.entries)
    stems: set[str] = set()
    check = check_decoded if clean else check_marked if anew else check_header
    with ThreadPoolExecutor(THREADS) as pool:
        while block := list(itertools.islice(entries, BLOCK)):
            for checked in pool.map(check, block):
                found.complaints += checked.complaints
                found.losses.add(checked)
                found.remarks.add(checked)
                if not checked.usable:
                    continue
                row = _row(checked, len(found.ids), stems)
                stream.write(json.dumps(checked.entry.source) + "\t" + row.to_line())
                kind = tuple(sorted(set(row.names)))
                found.ids.append(row.image_id)
                found.usages.append(None if anew else checked.entry.usage)
                found.classes.append(found.kinds.setdefault(kind, kind))
                if clean:
                    portrait = Portrait.of(checked)
                    found.portraits.append(replace(portrait, usage=found.usages[-1]))
                if anew and checked.mark is not None:
                    found.marks.append(checked.mark)
    return found


def _leave_out_copies(found: _Found) -> None:
    """What cleaning leaves out because the same file is there again, as in a training job."""
    for copy in copies(found.portraits):
        if copy.parted:
            portrait = found.portraits[copy.place]
            complaint = Complaint(portrait.source, copy.problem)
            found.complaints.append(complaint)
            found.losses.add_copy(
                portrait.usage, portrait.objects, Finding(complaint, copy.rule, LEFT_OUT)
            )
            found.usages[copy.place] = ""


def _without_boxes(found: _Found) -> list[str]:
    """Lines to log. Raises DataError where the training part has no box."""
    train, evaluated = found.places("train"), found.places("eval")
    if train and not any(found.classes[place] for place in train):
        raise no_boxes(len(train), found.losses.lines)
    if evaluated and not any(found.classes[place] for place in evaluated):
        return [nothing_to_evaluate(len(evaluated))]
    return []


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
    )


def _written_name(source: str, path: Path, stems: set[str]) -> str:
    """The picture's own name, with a number where another picture has the same stem; changes
    `stems`.
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


def _split(found: _Found, seed: int) -> list[str]:
    """Fill in the usages; lines to log.

    What the dataset says counts; else every fifth picture is for evaluation.
    """
    open_places = [place for place, usage in enumerate(found.usages) if usage is None]
    ids = _distinct_ids(found)
    if any(found.usages):
        for place in open_places:
            found.usages[place] = "train"
        if not open_places:
            return []
        return [f"{len(open_places)} picture(s) without a usage are written as train"]
    if len(open_places) < 2:
        found.usages[open_places[0]] = "train"
        return ["one picture cannot be split: it is written as train"]
    evaluated = stratified_eval(
        [ids[place] for place in open_places],
        [found.classes[place] for place in open_places],
        seed,
    )
    for place in open_places:
        found.usages[place] = "eval" if ids[place] in evaluated else "train"
    counts = (len(found.places("train")), len(found.places("eval")))
    return [
        f"the dataset has no split: {counts[0]} pictures are written as train, {counts[1]} as val "
        f"(seed {seed})"
    ]


def _split_anew(found: _Found, seed: int, fractions: tuple[float, ...]) -> list[str]:
    """Fill in the usages by `fractions`; pictures that look the same get the same one.

    Lines to log.
    """
    ids = _distinct_ids(found)
    places = found.places(None)
    groups = alike_groups([found.marks[place] for place in places])
    parts = stratified_parts(
        [ids[place] for place in places],
        [found.classes[place] for place in places],
        groups,
        fractions,
        seed,
    )
    for place, part in zip(places, parts, strict=False):
        found.usages[place] = USAGES[part]
    shared = len(places) - len(set(groups))
    counts = ", ".join(f"{len(found.places(usage))} {usage}" for usage in USAGES[: len(fractions)])
    return [
        f"split anew (seed {seed}): {counts}; {shared} picture(s) went with one that is the same "
        "or looks the same"
    ]


def _distinct_ids(found: _Found) -> list[str]:
    """An id for each picture; where two share one, their places, and then _write_shards takes
    the sources.
    """
    if len(set(found.ids)) < len(found.ids):
        found.ids = []
    return found.ids or [f"{number:09d}" for number in range(len(found.usages))]


def _classes(listing: Listing, found: _Found) -> Classes:
    keep = bool(found.ids) and all(one.isdecimal() and str(int(one)) == one for one in found.ids)
    if listing.categories:
        require_listed((name for kind in found.classes for name in kind), listing.categories)
        names, ids = zip(*listing.categories, strict=False)
        return Classes(names, ids, keep)
    names = tuple(sorted({name for kind in found.kinds for name in kind}))
    return Classes(names, tuple(range(1, len(names) + 1)), keep)


def _write_shards(
    spool: Path, folder: Path, found: _Found, shards: int | None, classes: Classes
) -> tuple[tuple[Path, ...], str]:
    """Distribute the spooled rows over shard files, train first; their paths and the digest of
    all rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jsonl"):
        old.unlink()
    digest = hashlib.sha256(repr(classes).encode())
    paths = []
    totals = Counter(found.usages)
    total = sum(totals[usage] for usage in USAGES)
    for usage in USAGES:
        split, count = SPLITS[usage], _shard_count(totals[usage], total, shards)
        names = [
            folder / (SHARD_NAME.format(split=split, number=number, count=count) + ".jsonl")
            for number in range(count)
        ]
        paths += names
        rows = _rows(spool, found, usage)
        for number, path in enumerate(names):
            size = totals[usage] * (number + 1) // count - totals[usage] * number // count
            with path.open("w", encoding="utf-8") as stream:
                for row in itertools.islice(rows, size):
                    line = row.to_line()
                    digest.update(line.encode())
                    stream.write(line)
    digest.update(" ".join(path.name for path in paths).encode())
    return tuple(paths), digest.hexdigest()


def _rows(spool: Path, found: _Found, usage: str) -> Iterator[PictureRow]:
    with spool.open(encoding="utf-8") as stream:
        for line, chosen in zip(stream, found.usages, strict=True):
            if chosen == usage:
                source, _, text = line.partition("\t")
                row = PictureRow.from_line(text)
                yield replace(
                    row, usage=usage, image_id=row.image_id if found.ids else json.loads(source)
                )


def _shard_count(count: int, total: int, shards: int | None) -> int:
    if not count:
        return 0
    wanted = math.ceil(count / PER_SHARD) if shards is None else round(shards * count / total)
    return min(max(1, wanted), count)
