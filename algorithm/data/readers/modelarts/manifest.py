"""A ModelArts manifest (one JSON object a line) to a Listing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from algorithm.data.readers.annotation import Annotation, Complaint, Entry, LazyEntries, Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.modelarts.manifest_addresses import Locator
from algorithm.data.readers.modelarts.manifest_lines import records
from algorithm.data.readers.reader import Certainty, Found, Reader, Resolve, Source
from algorithm.data.readers.voc.voc_xml import AnnotationError, read_voc
from algorithm.data.split_names import TESTS, WORDS
from algorithm.errors import DataError

USAGES = {word: "test" if word in TESTS else usage for word, usage in WORDS.items()}
LEFT_OUT = "inference"  # of the platform; no part of a training job
TASKS = ("/object_detection", "/image_segmentation")  # both with VOC XML


def read_manifest(
    path: Path,
    resolve: Resolve | None = None,
    contents: FolderContents | None = None,
    outlines: bool = False,
) -> Listing:
    """Return the listing of a manifest; annotations are read when entries are asked for.

    Usage TEST is left out where there are EVAL samples, else it evaluates; it never trains. TRAIN
    alone or EVAL alone is no split.

    Args:
        path: The manifest.
        resolve: Gets every address at once and gives the local paths of those on an object store.
        contents: The folder of the data, by default the manifest's.
        outlines: Whether the polygons of objects are kept.

    Raises:
        DataError: Something is not a JSON object, or an address is remote, not beside, and
            `resolve` is None.
    """
    rows, complaints, inference = [], [], 0
    for line, record in records(path):
        usage = str(record.get("usage") or "").strip().lower()
        if usage == LEFT_OUT:
            inference += 1
            continue
        try:
            rows.append(_row(record, usage, line))
        except ValueError as error:
            complaints.append(Complaint(str(path), str(error), line))
    locate = Locator(path, contents or FolderContents(path.parent))
    notes = locate.stage([one for row in rows for one in (row.source, *row.addresses)], resolve)
    rows, warnings = _split(rows, path)
    rows, strangers = _located(rows, locate, path)
    if inference:
        warnings += (f"{inference} sample(s) of usage INFERENCE in {path.name} are left out",)
    entries = LazyEntries(lambda: (_entry(row, locate, path, outlines) for row in rows))
    return Listing(entries, (*complaints, *strangers), (*notes, *warnings))


@dataclass(frozen=True, slots=True)
class _Row:
    """What a line says, before its annotations are read.

    Attributes:
        usage: "train", "eval", "test" or None.
        problem: Why there are no annotations.
        path: Of the picture, once it is known.
    """

    image_id: str
    source: str
    usage: str | None
    line: int
    addresses: tuple[str, ...]
    problem: str
    path: str = ""


def _split(rows: list[_Row], path: Path) -> tuple[list[_Row], tuple[str, ...]]:
    """The rows with the split that counts, and lines to log."""
    counts = Counter(row.usage for row in rows if row.usage)
    if not counts:
        return rows, ()
    tests = counts.pop("test", 0)
    warnings: tuple[str, ...] = ()
    if tests and "eval" in counts:
        rows = [row for row in rows if row.usage != "test"]
        warnings = (f"{tests} sample(s) of usage TEST in {path.name} are left out",)
    elif tests:
        line = f"{tests} sample(s) of usage TEST in {path.name} evaluate, as none is of usage EVAL"
        return [replace(row, usage="eval" if row.usage == "test" else row.usage) for row in rows], (
            line,
        )
    if len(counts) == 1:
        (usage,) = counts
        name = f"{path.name} are {usage.upper()}"
        line = f"all {counts[usage]} samples with a usage in {name}: that is no split"
        return [replace(row, usage=None) for row in rows], (*warnings, line)
    return rows, warnings


def _located(
    rows: Sequence[_Row], locate: Locator, path: Path
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


def _row(record: dict, usage: str, line: int) -> _Row:
    """Return the row of a record.

    Raises:
        ValueError: The line names no picture, or an unknown usage.
    """
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


def _entry(row: _Row, locate: Locator, path: Path, outlines: bool) -> Entry:
    entry = Entry(row.image_id, row.source, Path(row.path), row.usage, None)
    if row.problem:
        return replace(entry, complaints=(Complaint(str(path), row.problem, row.line),))
    try:
        annotations = [read_voc(locate(address), address, outlines) for address in row.addresses]
    except AnnotationError as error:
        return replace(entry, complaints=(error.complaint,))
    except ValueError as error:
        return replace(entry, complaints=(Complaint(str(path), str(error), row.line),))
    return replace(entry, annotation=Annotation.joined(annotations))


def _annotation_addresses(record: dict, source: str) -> list[str]:
    """Return the distinct addresses of a sample's VOC files, in order.

    Raises:
        ValueError: It has none.
    """
    annotations = record.get("annotation") or []
    if not isinstance(annotations, list):
        annotations = [annotations]
    found = [
        item
        for item in annotations
        if isinstance(item, dict) and str(item.get("type", TASKS[0])).endswith(TASKS)
    ]
    if not found:
        others = ", ".join(str(item.get("type")) for item in annotations if isinstance(item, dict))
        raise ValueError(
            f"expected an object detection annotation of {source}, found "
            f"{others or 'none (unlabelled)'}"
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


def _recognised(contents: FolderContents) -> Found | None:
    files = contents.shallowest(".manifest")
    if not files:
        return None
    belongs = frozenset((*contents.files(".manifest"), *contents.files(".xml")))
    return Found(tuple(files), Certainty.DECLARED, "a .manifest", belongs)


def _read(found: Found, source: Source) -> Listing:
    path = source.only_path(found, READER.name)
    if path.stat().st_size == 0:
        raise DataError(
            f"expected one JSON object a line in the manifest {path}, found an empty file"
        )
    return read_manifest(path, source.resolve, source.contents, source.outlines)


READER = Reader("ModelArts manifest", (".manifest",), _recognised, _read)
