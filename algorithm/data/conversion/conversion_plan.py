"""What a conversion will do, written to disk as one file of rows for each shard, in memory that stays small."""

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

from algorithm.data.cleaning.cleaning import Checked, check_decoded, check_header, complaint_text
from algorithm.data.conversion.picture_row import Classes, PictureRow, shortest
from algorithm.data.readers.annotation import Complaint, Listing
from algorithm.data.readers.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.split import stratified_eval
from algorithm.errors import DataError

THREADS = 8
BLOCK = 256  # entries checked at once
PER_SHARD = 500  # pictures, where the user names no number of shards
SHARD_NAME = "{split}-{number:05d}-of-{count:05d}"


@dataclass(frozen=True)
class Plan:
    """shards: files of rows, in order. digest: of everything that decides the result. warnings: lines to log."""

    shards: tuple[Path, ...]
    classes: Classes
    pictures: int
    digest: str
    warnings: tuple[str, ...]


@dataclass
class _Found:
    """What must be known of all pictures before the first is written; little for each."""

    ids: list[str] = field(default_factory=list)
    usages: list[str | None] = field(default_factory=list)
    classes: list[tuple[str, ...]] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    kinds: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    dropped: int = 0


def write_plan(
    listing: Listing, folder: Path, *, clean: bool, seed: int, shards: int | None
) -> Plan:
    """The plan, written below `folder`.

    clean: leave out what cannot be used, and name it in folder/dropped.txt, instead of raising DataError with all
    complaints. seed: of the split where the dataset has none. shards: how many in all, train and eval together.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spool = folder / "rows.jsonl"
    with spool.open("w", encoding="utf-8") as stream:
        found = _spooled(listing, stream, clean=clean)
    if found.complaints and not clean:
        raise DataError(complaint_text(found.complaints))
    if not found.usages:
        raise DataError(
            f"expected at least one picture that can be used, found none and {len(found.complaints)} "
            f"complaint(s){': ' + str(found.complaints[0]) if found.complaints else ''}"
        )
    (folder / "dropped.txt").write_text(
        "".join(f"{wrong}\n" for wrong in found.complaints), encoding="utf-8"
    )
    warnings = [*listing.warnings, *_split(found, seed)]
    if found.complaints:
        warnings.append(
            f"{found.dropped} picture(s) and {len(found.complaints) - found.dropped} other thing(s) that "
            "cannot be used are left out"
        )
    classes = _classes(listing, found)
    paths, digest = _write_shards(spool, folder / "shards", found, shards, classes)
    spool.unlink()
    return Plan(paths, classes, len(found.ids), digest, tuple(warnings))


def _spooled(listing: Listing, stream: TextIO, *, clean: bool) -> _Found:
    """Check the entries block by block; write a row for each that stays."""
    found = _Found(complaints=list(listing.complaints))
    entries = iter(listing.entries)
    stems: set[str] = set()
    with ThreadPoolExecutor(THREADS) as pool:
        while block := list(itertools.islice(entries, BLOCK)):
            for checked in pool.map(check_decoded if clean else check_header, block):
                found.complaints += checked.complaints
                if not checked.usable:
                    found.dropped += 1
                    continue
                row = _row(checked, len(found.ids), stems)
                stream.write(json.dumps(checked.entry.source) + "\t" + row.to_line())
                kind = tuple(sorted(set(row.names)))
                found.ids.append(row.image_id)
                found.usages.append(checked.entry.usage)
                found.classes.append(found.kinds.setdefault(kind, kind))
    return found


def _row(checked: Checked, number: int, stems: set[str]) -> PictureRow:
    entry = checked.entry
    status = entry.path.stat()
    boxes = tuple(tuple(shortest(side) for side in box) for box in checked.boxes.tolist())
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
    """The picture's own name, with a number where another picture has the same stem; changes `stems`."""
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
    """Fill in the usages; lines to log. What the dataset says counts; else every fifth picture is for evaluation."""
    if len(set(found.ids)) < len(found.ids):
        found.ids = []  # two pictures share an id: _write_shards takes the sources
    if any(found.usages):
        missing = found.usages.count(None)
        found.usages = [usage or "train" for usage in found.usages]
        return [f"{missing} picture(s) without a usage are written as train"] if missing else []
    if len(found.usages) < 2:
        found.usages = ["train"] * len(found.usages)
        return ["one picture cannot be split: it is written as train"]
    ids = found.ids or [f"{number:09d}" for number in range(len(found.usages))]
    evaluated = stratified_eval(ids, found.classes, seed)
    found.usages = ["eval" if one in evaluated else "train" for one in ids]
    return [
        f"the dataset has no split: {found.usages.count('train')} pictures are written as train, "
        f"{found.usages.count('eval')} as val (seed {seed})"
    ]


def _classes(listing: Listing, found: _Found) -> Classes:
    keep = bool(found.ids) and all(one.isdecimal() and str(int(one)) == one for one in found.ids)
    if listing.categories:
        names, ids = zip(*listing.categories)
        return Classes(names, ids, keep)
    names = tuple(sorted({name for kind in found.kinds for name in kind}))
    return Classes(names, tuple(range(1, len(names) + 1)), keep)


def _write_shards(
    spool: Path, folder: Path, found: _Found, shards: int | None, classes: Classes
) -> tuple[tuple[Path, ...], str]:
    """Distribute the spooled rows over shard files, train first; their paths and the digest of all rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jsonl"):
        old.unlink()
    digest = hashlib.sha256(repr(classes).encode())
    paths = []
    totals = Counter(found.usages)
    for usage, split in (("train", "train"), ("eval", "val")):
        count = _shard_count(totals[usage], len(found.usages), shards)
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
