"""A ModelArts manifest (one JSON object a line) to a Listing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from algorithm.data.annotation import Annotation, Complaint, Entry, Listing
from algorithm.data.voc import AnnotationError, read_voc
from algorithm.errors import DataError

REMOTE = ("obs://", "s3://", "gs://")
USAGES = {"train": "train", "eval": "eval"}
OTHER_USAGES = ("test", "inference")  # of the platform; no part of a training job
TASK = "/object_detection"
Resolve = Callable[[str], Path]


def needs_staging(url: str) -> Path:
    """The resolver of a dataset that is all local: raises DataError."""
    raise DataError(f"expected a local picture or annotation, found {url!r}, which no one has staged: "
                    "pass a directory or manifest on the object store as data_url")


def read_manifest(path: Path, resolve: Resolve | None = None) -> Listing:
    """Listing of the samples a manifest names; annotations are read, pictures are not.

    resolve: local path of an obs:// or s3:// address. Relative addresses count from the manifest's folder.
    Raises DataError where a line is not a JSON object or an address is remote and `resolve` is None.
    """
    locate = _Locator(path.parent, resolve or needs_staging)
    entries, complaints, left_out = [], [], Counter()
    for line, record in _records(path):
        usage = str(record.get("usage") or "").strip().lower()
        if usage in OTHER_USAGES:
            left_out[usage.upper()] += 1
            continue
        if usage and usage not in USAGES:
            complaints.append(Complaint(str(path), f"expected usage TRAIN or EVAL, found {record['usage']!r}", line))
            continue
        try:
            entries.append(_entry(record, USAGES.get(usage), locate, path, line))
        except AnnotationError as error:
            complaints.append(error.complaint)
    warnings = [f"{count} sample(s) of usage {usage} in {path.name} are left out" for usage, count in left_out.items()]
    entries, doubled = _distinct(entries, path)
    return Listing(tuple(entries), (*complaints, *doubled), tuple(warnings))


class _Locator:
    """Address in a manifest -> local path."""

    def __init__(self, base: Path, resolve: Resolve) -> None:
        self.base, self.resolve = base, resolve

    def __call__(self, address: str) -> Path:
        if address.lower().startswith(REMOTE):
            return Path(self.resolve(address))
        return self.base / address


def _records(path: Path) -> Iterator[tuple[int, dict]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(f"expected a readable manifest, found {path}: {error.strerror or error}") from error
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            record = json.loads(raw.decode("utf-8-sig"))
        except ValueError as error:
            shown = raw.strip()[:60].decode("utf-8", "replace")
            raise DataError(f"expected one JSON object a line in the manifest, found {shown!r} at {path}:{number}: "
                            f"correct the line ({error})") from error
        if not isinstance(record, dict) or record.get("source-type"):
            raise DataError(f"expected a JSON object with 'source' and 'annotation' at {path}:{number}, found "
                            f"{str(record)[:60]!r}: give a manifest of pictures")
        yield number, record


def _entry(record: dict, usage: str | None, locate: _Locator, path: Path, line: int) -> Entry:
    source = record.get("source")
    if not isinstance(source, str) or not source.strip():
        raise AnnotationError(Complaint(str(path), "expected 'source' to name a picture, found none", line))
    entry = Entry(str(record.get("id") or source), source, locate(source), usage, None)
    try:
        addresses = _annotation_addresses(record, source)
        annotations = [read_voc(locate(address), address) for address in addresses]
    except AnnotationError as error:
        return replace(entry, complaints=(error.complaint,))
    except ValueError as error:
        return replace(entry, complaints=(Complaint(str(path), str(error), line),))
    return replace(entry, annotation=_merged(annotations))


def _annotation_addresses(record: dict, source: str) -> list[str]:
    """Distinct addresses of a sample's VOC files, in order. Raises ValueError when it has none."""
    annotations = record.get("annotation") or []
    if isinstance(annotations, dict):
        annotations = [annotations]
    found = [item for item in annotations if isinstance(item, dict) and str(item.get("type", TASK)).endswith(TASK)]
    if not found:
        others = ", ".join(str(item.get("type")) for item in annotations if isinstance(item, dict))
        raise ValueError(f"expected an object detection annotation of {source}, found {others or 'none (unlabelled)'}")
    addresses = []
    for item in found:
        address = item.get("annotation-loc") or item.get("annotation_loc")
        form = item.get("annotation-format") or item.get("annotation_format") or "PASCAL VOC"
        if not isinstance(address, str):
            raise ValueError(f"expected 'annotation-loc' in the annotation of {source}, found none")
        if str(form).strip().upper() != "PASCAL VOC":
            raise ValueError(f"expected annotation-format 'PASCAL VOC' for {source}, found {form!r}")
        addresses.append(address)
    return list(dict.fromkeys(addresses))


def _merged(parts: list[Annotation]) -> Annotation:
    if len(parts) == 1:
        return parts[0]
    listed = ("names", "things", "lines", "complaints")
    joined = {field: sum((getattr(part, field) for part in parts), ()) for field in listed}
    return replace(parts[0], boxes=np.concatenate([part.boxes for part in parts]),
                   ignored=np.concatenate([part.ignored for part in parts]), **joined)


def _distinct(entries: list[Entry], path: Path) -> tuple[list[Entry], list[Complaint]]:
    """The first entry of each picture, and a complaint for each later one."""
    first: dict[Path, Entry] = {}
    complaints = []
    for entry in entries:
        if first.setdefault(entry.path, entry) is not entry:
            complaints.append(Complaint(str(path), f"expected each picture once, found {entry.source} again"))
    return list(first.values()), complaints
