"""Pictures with a PASCAL VOC XML each, in whatever folders, to a Listing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import unescape

from algorithm.data.readers.annotation import Complaint, Entry, LazyEntries, Listing
from algorithm.data.readers.folder_contents import PEEK, FolderContents
from algorithm.data.readers.pictures.pairing import Pairs, folder_words, paired
from algorithm.data.readers.pictures.picture_lookup import stem_of, suffix_of
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.data.readers.split_lists import usages_of
from algorithm.data.readers.voc.voc_masks import mask_of, object_masks, with_masks
from algorithm.data.readers.voc.voc_xml import AnnotationError, decoded, read_voc
from algorithm.data.split_names import usage_of_path

ROOT = re.compile(r"<(?:\w+:)?annotation[\s>/]")
SAMPLES = 8  # XML that a recogniser looks into
NO_XML = (
    "expected an XML of the same name, found none (an empty picture has an XML without objects)"
)


def read_folder(contents: FolderContents, files: list[str], outlines: bool = False) -> Listing:
    """Return the listing of the pictures that XML files belong to.

    XML is read when entries are asked for. An XML belongs to the picture of its own name; where
    there are several, to the nearest by folder; else to the one that its <filename> names. Lists in
    ImageSets/Main, or folders called after a split, give the split; pictures that no list names are
    left out with a word.

    Args:
        contents: The folder of the dataset.
        files: Relative names of the XML.
        outlines: Whether polygons, and masks in SegmentationObject, are kept.
    """
    pairs = paired(contents.pictures, files, lambda file: _named(contents, file))
    kept = sorted([*pairs.of_picture, *pairs.bare])
    usages, complaints, warnings = usages_of(contents, kept, pairs.of_picture)
    complaints += pairs.complaints
    for file, problem in pairs.orphans.items():
        if _is_voc(contents, file):
            complaints.append(Complaint(file, problem, usage=usage_of_path(file)))
        else:
            warnings.append(f"{file} is no PASCAL VOC XML and is not read")
    warnings += folder_words(pairs.left_out, "an XML")
    if any("<robndbox>" in contents.text(file) for file in _samples(files)):
        warnings.append("turned boxes (robndbox) become the upright boxes around them")
    rows = [(name, usages[name]) for name in kept if name in usages]
    masks = object_masks(contents.pictures.all_names()) if outlines else None
    return Listing(
        LazyEntries(lambda: (_entry(contents, name, pairs, usage, masks) for name, usage in rows)),
        tuple(complaints),
        tuple(warnings),
    )


def _entry(
    contents: FolderContents,
    name: str,
    pairs: Pairs,
    usage: str | None,
    masks: dict[tuple[str, str], str] | None,
) -> Entry:
    """The entry of a picture; masks are None where outlines are not wanted."""
    file, path = pairs.of_picture.get(name), contents.path(name)
    if file is None:
        return Entry(name, name, path, usage, None, (Complaint(name, NO_XML),))
    try:
        annotation = read_voc(contents.path(file), file, masks is not None)
    except AnnotationError as error:
        return Entry(name, name, path, usage, None, (error.complaint,))
    mask = mask_of(name, masks or {})
    if mask is not None:
        annotation = with_masks(annotation, contents.path(mask), mask)
    return Entry(name, name, path, usage, annotation)


def _named(contents: FolderContents, file: str) -> str:
    """The picture that an XML names in <filename>, "" if it names none."""
    try:
        head = contents.head(file)
        text = decoded(head, whole=len(head) < PEEK)
    except (LookupError, ValueError):
        return ""
    match = re.search(r"<filename>\s*([^<]+?)\s*</filename>", text)
    return unescape(match[1], {"&apos;": "'", "&quot;": '"'}) if match else ""


def _is_voc(contents: FolderContents, file: str) -> bool:
    return ROOT.search(contents.text(file)) is not None


def _samples(files: list[str]) -> Iterator[str]:
    step = max(1, len(files) // SAMPLES)
    return iter(files[::step][:SAMPLES])


def _recognised(contents: FolderContents) -> Found | None:
    files = contents.files(".xml")
    certain = any(_is_voc(contents, file) for file in _samples(files))
    if not certain and not contents.picture_names:
        return None
    stems = {name.rpartition("/")[2][: -len(suffix_of(name))] for name in files}
    fitting = sum(stem_of(name) in stems for name in contents.picture_names)
    if not certain and not fitting:
        return None
    if not contents.picture_names:
        lacks = f"but there are {len(files)} XML and no pictures: give the folder that holds both"
        return Found(tuple(files), Certainty.HINT, lacks)
    belongs = frozenset((*files, *contents.files(".pbtxt")))
    what = f"{len(files)} XML for {len(contents.picture_names)} pictures"
    sure = Certainty.CERTAIN if certain else Certainty.LIKELY
    return Found(tuple(files), sure, what, belongs, fitting)


def _read(found: Found, source: Source) -> Listing:
    return read_folder(source.contents, list(found.files), source.outlines)


READER = Reader("VOC XML", (), _recognised, _read)
