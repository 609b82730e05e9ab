"""A ModelArts manifest (one JSON object a line) to a Listing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from algorithm.data.readers.annotation import Annotation, Complaint, Entry, LazyEntries, Listing
from algorithm.data.readers.picture_lookup import inside
from algorithm.data.readers.voc_xml import AnnotationError, read_voc
from algorithm.errors import DataError

REMOTE = ("obs://", "s3://", "gs://")
USAGES = {"train": "train", "eval": "eval"}
OTHER_USAGES = ("test", "inference")  # of the platform; no part of a training job
TASK = "/object_detection"
Resolve = Callable[[Sequence[str]], Mapping[str, Path]]


def needs_staging(addresses: Sequence[str]) -> Mapping[str, Path]:
    """The resolver of a dataset that is all local: raises DataError where one is not."""
    for address in filter(_is_remote, addresses):
        raise DataError(
            f"expected a local picture or annotation, found {address!r}, which no one has staged: "
            "pass a directory or manifest on the object store as data_url"
        )
    return {}


def read_manifest(path: Path, resolve: Resolve | None = None) -> Listing:
    """Listing of the samples a manifest names; annotations are read when entries are asked for, pictures are not.

    resolve: gets every address at once and gives the local paths of the remote ones, obs:// and s3://. Relative addresses count
    from the manifest's folder and may not leave it. Raises DataError where a line is not a JSON object or an address is remote
    and `resolve` is None.
    """
    rows, complaints, left_out = [], [], Counter()
    for line, record in _records(path):
        usage = str(record.get("usage") or "").strip().lower()
        if usage in OTHER_USAGES:
            left_out[usage.upper()] += 1
            continue
        try:
            rows.append(_row(record, usage, line))
        except ValueError as error:
            complaints.append(Complaint(str(path), str(error), line))
    locate = _Locator(
        path.parent,
        (resolve or needs_staging)(
            list(dict.fromkeys(address for row in rows for address in (row.source, *row.addresses)))
        ),
    )
    rows, strangers = _located(rows, locate, path)
    complaints += strangers
    warnings = [
        f"{count} sample(s) of usage {usage} in {path.name} are left out"
        for usage, count in left_out.items()
    ]
    entries = LazyEntries(lambda: (_entry(row, locate, path) for row in rows))
    return Listing(entries, tuple(complaints), tuple(warnings))


@dataclass(frozen=True, slots=True)
class _Row:
    """What a line says, before its annotations are read. problem: why there are none. path: of the picture, once it is known."""

    image_id: str
    source: str
    usage: str | None
    line: int
    addresses: tuple[str, ...]
    problem: str
    path: str = ""


def _located(
    rows: Sequence[_Row], locate: _Locator, path: Path
) -> tuple[list[_Row], list[Complaint]]:
    """The rows with their pictures' paths, each picture once, and what is wrong with the others."""
    found: dict[str, _Row] = {}
    complaints = []
    for row in rows:
        try:
            place = str(locate(row.source))
        except ValueError as error:
            complaints.append(Complaint(str(path), str(error), row.line, usage=row.usage))
            continue
        if place in found:
            complaints.append(
                Complaint(
                    str(path),
                    f"expected each picture once, found {row.source} again",
                    usage=row.usage,
                    repeated=True,
                )
            )
        else:
            found[place] = replace(row, path=place)
    return list(found.values()), complaints


def _is_remote(address: str) -> bool:
    return address.lower().startswith(REMOTE)


class _Locator:
    """Address in a manifest -> local path. Raises ValueError for one that climbs out of the manifest's folder."""

    def __init__(self, base: Path, staged: Mapping[str, Path]) -> None:
        self.base, self.staged = base, staged

    def __call__(self, address: str) -> Path:
        if _is_remote(address):
            return Path(self.staged[address])
        return inside(self.base, address) if not Path(address).is_absolute() else Path(address)


def _records(path: Path) -> Iterator[tuple[int, dict]]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError(
            f"expected a readable manifest, found {path}: {error.strerror or error}"
        ) from error
    with stream:
        yield from _parsed(stream, path)


def _parsed(stream: Iterable[bytes], path: Path) -> Iterator[tuple[int, dict]]:
    for number, raw in enumerate(stream, start=1):
        if not raw.strip():
            continue
        try:
            record = json.loads(raw.decode("utf-8-sig"))
        except ValueError as error:
            shown = raw.strip()[:60].decode("utf-8", "replace")
            raise DataError(
                f"expected one JSON object a line in the manifest, found {shown!r} at {path}:{number}: "
                f"correct the line ({error})"
            ) from error
        if not isinstance(record, dict) or record.get("source-type"):
            raise DataError(
                f"expected a JSON object with 'source' and 'annotation' at {path}:{number}, found "
                f"{str(record)[:60]!r}: give a manifest of pictures"
            )
        yield number, record


def _row(record: dict, usage: str, line: int) -> _Row:
    """Raises ValueError where the line names no picture, or an unknown usage."""
    if usage and usage not in USAGES:
        raise ValueError(f"expected usage TRAIN or EVAL, found {record['usage']!r}")
    source = record.get("source")
    if not isinstance(source, str) or not source.strip():
        raise ValueError("expected 'source' to name a picture, found none")
    try:
        addresses, problem = tuple(_annotation_addresses(record, source)), ""
    except ValueError as error:
        addresses, problem = (), str(error)
    return _Row(
        str(record.get("id") or source), source, USAGES.get(usage), line, addresses, problem
    )


def _entry(row: _Row, locate: _Locator, path: Path) -> Entry:
    entry = Entry(row.image_id, row.source, Path(row.path), row.usage, None)
    if row.problem:
        return replace(entry, complaints=(Complaint(str(path), row.problem, row.line),))
    try:
        annotations = [read_voc(locate(address), address) for address in row.addresses]
    except AnnotationError as error:
        return replace(entry, complaints=(error.complaint,))
    except ValueError as error:
        return replace(entry, complaints=(Complaint(str(path), str(error), row.line),))
    return replace(entry, annotation=Annotation.joined(annotations))


def _annotation_addresses(record: dict, source: str) -> list[str]:
    """Distinct addresses of a sample's VOC files, in order. Raises ValueError when it has none."""
    annotations = record.get("annotation") or []
    if isinstance(annotations, dict):
        annotations = [annotations]
    found = [
        item
        for item in annotations
        if isinstance(item, dict) and str(item.get("type", TASK)).endswith(TASK)
    ]
    if not found:
        others = ", ".join(str(item.get("type")) for item in annotations if isinstance(item, dict))
        raise ValueError(
            f"expected an object detection annotation of {source}, found {others or 'none (unlabelled)'}"
        )
    addresses = []
    for item in found:
        address = item.get("annotation-loc") or item.get("annotation_loc")
        form = item.get("annotation-format") or item.get("annotation_format") or "PASCAL VOC"
        if not isinstance(address, str):
            raise ValueError(f"expected 'annotation-loc' in the annotation of {source}, found none")
        if str(form).strip().upper() != "PASCAL VOC":
            raise ValueError(
                f"expected annotation-format 'PASCAL VOC' for {source}, found {form!r}"
            )
        addresses.append(address)
    return list(dict.fromkeys(addresses))
