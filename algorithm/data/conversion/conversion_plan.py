"""What a conversion will do, on disk as a file of rows for each shard; memory stays small."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from algorithm.data.cleaning.cleaning import complaint_text
from algorithm.data.cleaning.duplicates import alike_groups
from algorithm.data.conversion.picture_row import SPLITS, Classes, PictureRow
from algorithm.data.conversion.spooled_rows import Found, leave_out_copies, spooled
from algorithm.data.labels import no_boxes, nothing_to_evaluate, require_listed
from algorithm.data.readers.annotation import Listing
from algorithm.data.split import stratified_eval, stratified_parts
from algorithm.errors import DataError

PER_SHARD = 500  # pictures, where the user names no number of shards
USAGES = tuple(SPLITS)  # "train", "eval" and, in a split made anew, "test"
SHARD_NAME = "{split}-{number:05d}-of-{count:05d}"


@dataclass(frozen=True)
class Plan:
    """What a conversion is going to write.

    Attributes:
        shards: Files of rows, in order.
        digest: Of everything that decides the result.
        warnings: Lines to log.
        unlike: How many outlines end elsewhere than the boxes of their objects.
    """

    shards: tuple[Path, ...]
    classes: Classes
    pictures: int
    digest: str
    warnings: tuple[str, ...]
    unlike: int = 0


def write_plan(
    listing: Listing,
    folder: Path,
    *,
    clean: bool,
    seed: int,
    shards: int | None,
    fractions: tuple[float, ...] | None = None,
) -> Plan:
    """Write the plan below `folder` and return it.

    Args:
        listing: The dataset.
        folder: Gets the rows of each shard and dropped.txt, which names what is left out.
        clean: Leave out what cannot be used, instead of complaining.
        seed: Of the split where the dataset has none.
        shards: How many in all, train and eval together; None: one for PER_SHARD pictures.
        fractions: Of the pictures for "train", "eval" and, if there are three, "test", in a split
            that replaces the dataset's own.

    Returns:
        The plan.

    Raises:
        DataError: The data has faults and `clean` is off, cleaning would leave too little, or TRAIN
            has no box.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spool = folder / "rows.jsonl"
    with spool.open("w", encoding="utf-8") as stream:
        found = spooled(listing, stream, clean=clean, anew=fractions is not None)
    if found.complaints and not clean:
        raise DataError(complaint_text(found.complaints, found.losses, "--clean"))
    if clean:
        leave_out_copies(found)
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
        *_without_boxes(found, listing.warnings),
    )
    classes = _classes(listing, found)
    paths, digest = _write_shards(spool, folder / "shards", found, shards, classes)
    spool.unlink()
    pictures = sum(usage != "" for usage in found.usages)
    return Plan(paths, classes, pictures, digest, warnings, found.unlike)


def _without_boxes(found: Found, notes: Sequence[str]) -> list[str]:
    """Return lines to log.

    Raises:
        DataError: The training part has no box to learn from.
    """
    train, evaluated = found.places("train"), found.places("eval")
    if train and not any(found.learnt[place] for place in train):
        ignored = sum(found.ignored[place] for place in train)
        raise no_boxes(len(train), found.losses.lines, ignored, notes)
    if evaluated and not any(found.learnt[place] for place in evaluated):
        return [nothing_to_evaluate(len(evaluated))]
    return []


def _split(found: Found, seed: int) -> list[str]:
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


def _split_anew(found: Found, seed: int, fractions: tuple[float, ...]) -> list[str]:
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
    for place, part in zip(places, parts, strict=True):
        found.usages[place] = USAGES[part]
    shared = len(places) - len(set(groups))
    counts = ", ".join(f"{len(found.places(usage))} {usage}" for usage in USAGES[: len(fractions)])
    return [
        f"split anew (seed {seed}): {counts}; {shared} picture(s) went with one that is the same "
        "or "
        "looks the same"
    ]


def _distinct_ids(found: Found) -> list[str]:
    """An id for each picture.

    Where two share one, their places, and then _write_shards takes the sources.
    """
    if len(set(found.ids)) < len(found.ids):
        found.ids = []
    return found.ids or [f"{number:09d}" for number in range(len(found.usages))]


def _classes(listing: Listing, found: Found) -> Classes:
    keep = bool(found.ids) and all(one.isdecimal() and str(int(one)) == one for one in found.ids)
    if listing.categories:
        require_listed((name for kind in found.classes for name in kind), listing.categories)
        names, ids = zip(*listing.categories, strict=True)
        return Classes(names, ids, keep)
    names = tuple(sorted({name for kind in found.kinds for name in kind}))
    return Classes(names, tuple(range(1, len(names) + 1)), keep)


def _write_shards(
    spool: Path, folder: Path, found: Found, shards: int | None, classes: Classes
) -> tuple[tuple[Path, ...], str]:
    """Distribute the spooled rows over shard files, train first.

    Their paths and the digest of all rows.
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


def _rows(spool: Path, found: Found, usage: str) -> Iterator[PictureRow]:
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
