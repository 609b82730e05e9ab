"""A dataset cleaned for good: copies of what changed, a manifest of what stays, the report."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from algorithm.data.cleaning.cleaning import Cleaned, clean_entries
from algorithm.data.cleaning.findings import Checked, Finding
from algorithm.data.cleaning.picture_facts import SUFFIXES, Reading, plain_pixels
from algorithm.data.cleaning.rules.picture_rules import PICTURE_RULES
from algorithm.data.cleaning.shrunk_entry import shrunk
from algorithm.data.conversion.picture_row import PictureRow, segmentations, shortest_boxes
from algorithm.data.conversion.voc_writer import voc_xml
from algorithm.data.feeding.decoding import FULL_DEPTH
from algorithm.data.labels import no_boxes, nothing_to_evaluate
from algorithm.data.readers.annotation import Annotation, Entry
from algorithm.data.readers.recognition import read_listing
from algorithm.data.readers.voc.voc_xml import AnnotationError, read_voc
from algorithm.errors import ArgumentError
from algorithm.storage.atomic_files import write_bytes, write_json, write_text

FOLDER, MANIFEST, PATH_MAP = "Data", "output.manifest", "path_map.json"
CHECKED = "_checked"
LONGEST_STEM = (
    200  # bytes of a file name; 255 is the most a file system takes, with suffixes and marks
)
HOW = {"JPEG": {"quality": 95, "subsampling": 0}, "PNG": {}, "BMP": {}}


@dataclass(frozen=True)
class CleanCopy:
    """What clean_copy wrote and found.

    Attributes:
        manifest: Its path.
        kept: Samples that stay.
        lost: Samples that are left out.
        pictures: Copies of pictures written.
        annotations: Copies of annotations written.
        findings: All of them.
        warnings: Lines to log.
    """

    manifest: Path
    kept: int
    lost: int
    pictures: int
    annotations: int
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...] = ()


def clean_copy(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    max_width: int | None = None,
    max_height: int | None = None,
    bit_depth: int = FULL_DEPTH,
) -> CleanCopy:
    """Clean the dataset at a local path into the folder `output`; the source stays as it is.

    output gets Data/ with the pictures and annotations that changed (name ending in _checked),
    output.manifest, which names them and else the originals, path_map.json (changed file ->
    original) and the cleaning report.

    Args:
        path: File, folder or pattern of a dataset.
        output: A folder outside of the data.
        max_width: Wider pictures are shrunk to fit, in pixels; None: no limit.
        max_height: Higher pictures are shrunk to fit, in pixels; None: no limit.
        bit_depth: The bits that 16-bit pictures use; the copies have 8.

    Returns:
        What was written, left out and found.

    Raises:
        DataError: As of load_dataset.
        ArgumentError: output lies in the data folder.
    """
    path, output = Path(path).resolve(), Path(output).resolve()
    root = path if path.is_dir() else path.parent
    if output == root or root in output.parents:
        raise ArgumentError(
            f"expected an output folder outside the dataset {root}, found {output}: the copies "
            "would "
            "be read as part of it the next time"
        )
    listing = read_listing(path, work_dir=output, outlines=True)
    copies = _Copies(output, _stems(tuple(listing.entries)), max_width, max_height, bit_depth)
    cleaned = clean_entries(listing, work_dir=output, sink=copies, reading=Reading(bit_depth))
    copies.remove_unused(cleaned)
    notes = _without_boxes(cleaned, listing.warnings)
    written = [_Annotations(output, root, copies)(checked) for checked in cleaned.usable]
    path_map = dict(pair for _, pairs in written for pair in pairs)
    write_json(output / PATH_MAP, path_map)
    write_text(output / MANIFEST, "".join(line for line, _ in written))
    annotations = sum(name.endswith(".xml") for name in path_map)
    return CleanCopy(
        output / MANIFEST,
        len(written),
        cleaned.lost,
        len(path_map) - annotations,
        annotations,
        cleaned.findings,
        (*listing.warnings, *cleaned.losses.lines, *cleaned.remarks.lines, *notes),
    )


def _without_boxes(cleaned: Cleaned, notes: Sequence[str]) -> list[str]:
    """Return lines to log.

    Raises:
        DataError: What trains, or may train, has no box to learn from.
    """
    evaluated = [row for row in cleaned.usable if row.entry.usage == "eval"]
    others = [row for row in cleaned.usable if row.entry.usage != "eval"]
    if others and all(row.ignored.all() for row in others):
        ignored = sum(len(row.names) for row in others)
        raise no_boxes(len(others), cleaned.losses.lines, ignored, notes)
    if evaluated and all(row.ignored.all() for row in evaluated):
        return [nothing_to_evaluate(len(evaluated))]
    return []


class _Copies:
    """Writes the copy of a picture where one is needed.

    `names` holds their names by id of the entry.
    """

    def __init__(
        self,
        output: Path,
        stems: dict[int, str],
        max_width: int | None,
        max_height: int | None,
        bit_depth: int,
    ) -> None:
        self.output, self.stems, self.bit_depth = output, stems, bit_depth
        self.names: dict[int, str] = {}
        self.max_width, self.max_height = max_width or np.inf, max_height or np.inf

    def __call__(self, checked: Checked, data: bytes) -> Checked:
        facts, entry = checked.facts, checked.entry
        if facts is None:  # a picture that could not be opened has no copy
            return checked
        broken = [rule for rule in PICTURE_RULES if rule.applies(facts)]
        scale = min(1.0, self.max_width / checked.width, self.max_height / checked.height)
        if not broken and scale == 1:
            return checked
        if scale < 1:
            checked = shrunk(
                checked, *(max(1, round(side * scale)) for side in (checked.width, checked.height))
            )
        if scale < 1 or any(rule.new_pixels for rule in broken):
            image = Image.fromarray(plain_pixels(data, str(entry.path), self.bit_depth))
            image = (
                image.resize((checked.width, checked.height), Image.Resampling.LANCZOS)
                if scale < 1
                else image
            )
            data = _encoded(image, facts.kind if facts.kind in SUFFIXES else "JPEG")
        name = f"{FOLDER}/{self.stems[id(entry)]}{CHECKED}{facts.right_suffix}"
        write_bytes(self.output / name, data)
        self.names[id(entry)] = name
        return checked

    def remove_unused(self, cleaned: Cleaned) -> None:
        """Remove copies of pictures that turned out to be left out."""
        for checked in cleaned.results:
            if not checked.usable and id(checked.entry) in self.names:
                (self.output / self.names.pop(id(checked.entry))).unlink()


@dataclass(frozen=True)
class _Annotations:
    """The manifest line of a sample and what of it maps to which original.

    Writes its VOC XML where it changed.
    """

    output: Path
    root: Path
    copies: _Copies

    def __call__(self, checked: Checked) -> tuple[str, list[tuple[str, str]]]:
        entry = checked.entry
        original = str(entry.path.resolve())
        source = self.copies.names.get(id(entry), original)
        pairs = [] if source == original else [(source, original)]
        own = (self.root / entry.objects.file).resolve()
        location = str(own)
        if checked.annotation_changed or not _is_all(own, entry):
            name = f"{FOLDER}/{self.copies.stems[id(entry)]}{CHECKED}.xml"
            write_bytes(self.output / name, _voc(checked, PurePosixPath(source).name))
            pairs.append((name, location))
            location = name
        return _manifest_line(entry, source, location), pairs


def _is_all(location: Path, entry: Entry) -> bool:
    """Whether the annotation, with its outlines, is the whole content of that one VOC file."""
    if location.suffix.lower() != ".xml":
        return False
    try:
        own, read = read_voc(location, "", outlines=True), entry.objects
        return own.names == read.names and _drawn(own) == _drawn(read)
    except AnnotationError:
        return False


def _drawn(annotation: Annotation) -> list[bool]:
    """Which objects have an outline."""
    outlines = annotation.outlines or (None,) * len(annotation.names)
    return [one is not None for one in outlines]


def _stems(entries: Sequence[Entry]) -> dict[int, str]:
    """A name for each entry, by its id, that no other has.

    From its source's name, without suffix.
    """
    stems, taken = {}, set()
    for entry in entries:
        stem = (
            PurePosixPath(entry.source.replace("\\", "/"))
            .stem.encode()[:LONGEST_STEM]
            .decode("utf-8", "ignore")
        )
        unique, number = stem, 1
        while unique.casefold() in taken:
            number += 1
            unique = f"{stem}-{number}"
        taken.add(unique.casefold())
        stems[id(entry)] = unique
    return stems


def _encoded(image: Image.Image, kind: str) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, kind, **HOW[kind])
    return encoded.getvalue()


def _voc(checked: Checked, filename: str) -> bytes:
    boxes = shortest_boxes(checked.boxes)
    return voc_xml(
        PictureRow(
            0,
            checked.entry.image_id,
            str(checked.entry.path),
            filename,
            "",
            checked.width,
            checked.height,
            checked.names,
            boxes,
            tuple(checked.ignored.tolist()),
            (0, 0),
            segmentations(checked.outlines),
        )
    )


def _manifest_line(entry: Entry, source: str, location: str) -> str:
    record = {
        "source": source,
        "id": entry.image_id,
        "usage": (entry.usage or "").upper(),
        "annotation": [
            {
                "type": "modelarts/object_detection",
                "annotation-loc": location,
                "annotation-format": "PASCAL VOC",
            }
        ],
        "property": {"@modelarts:data_checked": True},
    }
    if not entry.usage:
        del record["usage"]
    return json.dumps(record, ensure_ascii=False) + "\n"
