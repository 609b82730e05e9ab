"""Shards as pictures with VOC XML and lines of a ModelArts manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from algorithm.data.conversion.output_files import copy_picture, replaced, write_whole
from algorithm.data.conversion.picture_row import Classes, PictureRow, shortest
from algorithm.data.outline_corners import single_polygon
from algorithm.data.outlines import Outline

MANIFEST = "dataset.manifest"
TEST = (
    "test"  # the folder of a test part, a dataset of its own whose samples are all for evaluation
)


def write_shard(
    rows: Iterable[PictureRow], output: Path, shard: str, classes: Classes
) -> Iterator[str]:
    """Write images/ and annotations/ of the rows, those of a test part below test/.

    Args:
        rows: The pictures.
        output: The folder of the dataset.
        shard: The shard's name.
        classes: The classes.

    Yields:
        The manifest line of each picture.
    """
    for row in rows:
        folder = output / TEST if row.usage == "test" else output
        copy_picture(row, folder / "images" / row.name)
        write_whole(folder / "annotations" / f"{row.stem}.xml", voc_xml(row))
        annotation = {
            "type": "modelarts/object_detection",
            "annotation-loc": f"annotations/{row.stem}.xml",
            "annotation-format": "PASCAL VOC",
        }
        usage = "TRAIN" if row.usage == "train" else "EVAL"
        record = {
            "source": f"images/{row.name}",
            "usage": usage,
            "id": row.image_id,
            "annotation": [annotation],
        }
        yield json.dumps(record, ensure_ascii=False) + "\n"


def finish(parts: list[Path], output: Path, classes: Classes) -> Path:
    """Join the lines of all shards into the manifest, those of a test part into test/'s own.

    Args:
        parts: The files with the lines of the shards.
        output: The folder of the dataset.
        classes: The classes.

    Returns:
        The path of the first manifest.
    """
    tested = [part for part in parts if part.name.startswith("test-")]
    own = [part for part in parts if part not in tested]
    for manifest, some in ((output / TEST / MANIFEST, tested), (output / MANIFEST, own)):
        if some:
            with replaced(manifest) as stream:
                for part in some:
                    stream.writelines(part.read_bytes().splitlines(keepends=True))
    return output / MANIFEST


def voc_xml(row: PictureRow) -> bytes:
    """Return the UTF-8 VOC XML of a row; an ignored object is a difficult one.

    An object with an outline has it as a polygon beside its box, as ModelArts writes polygons.
    """
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = row.name
    _children(ElementTree.SubElement(root, "size"), width=row.width, height=row.height, depth=3)
    for name, (ymin, xmin, ymax, xmax), ignored, outline in zip(
        row.names, row.boxes, row.ignored, row.outlines, strict=True
    ):
        thing = ElementTree.SubElement(root, "object")
        _children(thing, name=name, difficult=int(ignored))
        _children(
            ElementTree.SubElement(thing, "bndbox"), xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax
        )
        if outline is not None:
            add_polygon(thing, outline, row.height, row.width)
    ElementTree.indent(root)
    return ElementTree.tostring(root, "utf-8", xml_declaration=True)


def add_polygon(thing: ElementTree.Element, outline: Outline, height: int, width: int) -> None:
    """Add the outline of an object to its element, as one polygon.

    Args:
        thing: The element of the object.
        outline: Its outline.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
    """
    corners = single_polygon(outline, height, width)
    if corners is not None:
        polygon = ElementTree.SubElement(thing, "polygon")
        for place, (x, y) in enumerate(corners.tolist(), start=1):
            _children(polygon, **{f"x{place}": shortest(x), f"y{place}": shortest(y)})


def _children(parent: ElementTree.Element, **texts: object) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(parent, tag).text = str(text)
