"""LabelMe 3.0, the web tool of MIT: one XML with outlines for each picture."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.named_pictures import NamedPicture, named_listing
from algorithm.data.readers.object_list import Box, ObjectList, around, numbers
from algorithm.data.readers.reader import Certainty, Found, Reader, Source

MARKS = (b"<imagesize>", b"<sourceAnnotation>", b"<pt>")
OTHERS = ("masks", "scribbles")  # folders with pictures of single objects


def recognise(contents: FolderContents) -> Found | None:
    """XML with the outlines of LabelMe, told by the first ones."""
    files = contents.files(".xml")
    told = [name for name in files[:5] if sum(mark in contents.head(name) for mark in MARKS) > 1]
    if not told:
        return None
    what = f"{len(files)} XML of LabelMe"
    return Found(tuple(files), Certainty.CERTAIN, what, pictures=len(files))


def read_labelme_xml(found: Found, source: Source) -> Listing:
    """Listing of LabelMe's XML; the box of an outline encloses it, deleted objects are none."""
    return named_listing(_pictures(found, source.contents), source)


READER = Reader("LabelMe XML", (), recognise, read_labelme_xml)


def _pictures(found: Found, contents: FolderContents) -> Iterator[NamedPicture]:
    for file in found.files:
        stem = file.removesuffix(file[-4:])
        try:
            root = parse(contents.path(file), forbid_dtd=True).getroot()
        except (OSError, ValueError, ParseError, DefusedXmlException) as error:
            problem = f"expected XML of LabelMe, found {error}"
            yield NamedPicture((stem,), file, None, problem=problem)
            continue
        folder, name = root.findtext("folder") or "", (root.findtext("filename") or stem).strip()
        objects = ObjectList(file)
        for thing in root.findall("object"):
            if (thing.findtext("deleted") or "").strip() != "1":
                try:
                    objects.add(thing.findtext("name"), _box(thing))
                except ValueError as error:
                    objects.refuse(str(error), thing.findtext("name"))
        size = (root.findtext("imagesize/ncols"), root.findtext("imagesize/nrows"))
        yield NamedPicture((f"Images/{folder}/{name}", stem), file, objects.annotation(*size))


def _box(thing: Element) -> Box:
    points = thing.findall("polygon/pt")
    if points:
        return around((point.findtext("x"), point.findtext("y")) for point in points)
    box = thing.find("segm/box")
    if box is None:
        raise ValueError("expected a <polygon> or a <segm> with a box, found none")
    return numbers((box.findtext(side) for side in ("ymin", "xmin", "ymax", "xmax")), 4)
