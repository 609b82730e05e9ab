"""Shards as pictures and one annotations.xml of CVAT ("CVAT for images 1.1")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from algorithm.data.conversion.output_files import copy_picture, replaced
from algorithm.data.conversion.picture_row import Box, Classes, PictureRow, shortest
from algorithm.data.outline_corners import single_polygon
from algorithm.data.outlines import Outline

FILE = "annotations.xml"
DIFFICULT = "difficult"  # the attribute of an ignored object


def write_shard(
    rows: Iterable[PictureRow], output: Path, shard: str, classes: Classes
) -> Iterator[str]:
    """Write images/train or images/val; the <image> element of each picture."""
    for row in rows:
        copy_picture(row, output / "images" / row.split / row.name)
        yield element(row)


def finish(parts: list[Path], output: Path, classes: Classes) -> Path:
    """Join the elements into annotations.xml, with the labels in its head; return the folder."""
    with replaced(output / FILE) as stream:
        stream.write(_head(classes).encode())
        for part in parts:
            stream.write(part.read_bytes())
        stream.write(b"</annotations>\n")
    return output


def element(row: PictureRow) -> str:
    """Return the <image> element of a row."""
    facts = {
        "id": row.number,
        "name": row.name,
        "subset": row.split,
        "width": row.width,
        "height": row.height,
    }
    boxes = "".join(
        _shape(name, box, ignored, _points(row, outline))
        for name, box, ignored, outline in zip(
            row.names, row.boxes, row.ignored, row.outlines, strict=True
        )
    )
    return f"  <image {_attributes(facts)}>\n{boxes}  </image>\n"


def _points(row: PictureRow, outline: Outline | None) -> str:
    """The points of an outline as one polygon; "" without one."""
    corners = None if outline is None else single_polygon(outline, row.height, row.width)
    if corners is None:
        return ""
    return ";".join(f"{shortest(x)},{shortest(y)}" for x, y in corners.tolist())


def _shape(name: str, box: Box, ignored: bool, points: str) -> str:
    ymin, xmin, ymax, xmax = box
    sides = {"xtl": xmin, "ytl": ymin, "xbr": xmax, "ybr": ymax}
    kind = "polygon" if points else "box"
    place = {"points": points} if points else sides
    facts = {"label": name, "source": "manual", "occluded": 0, **place, "z_order": 0}
    word = "true" if ignored else "false"
    mark = f'      <attribute name="{DIFFICULT}">{word}</attribute>\n'
    return f"    <{kind} {_attributes(facts)}>\n{mark}    </{kind}>\n"


def _attributes(facts: dict[str, object]) -> str:
    return " ".join(f"{key}={quoteattr(str(value))}" for key, value in facts.items())


def _head(classes: Classes) -> str:
    attribute = (
        f"<attribute><name>{DIFFICULT}</name><mutable>False</mutable><input_type>checkbox"
        "</input_type><default_value>false</default_value><values>false</values></attribute>"
    )
    labels = "".join(
        f"<label><name>{escape(name)}</name><attributes>{attribute}</attributes></label>\n"
        for name in classes.names
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        f"  <meta><task><labels>\n{labels}</labels></task></meta>\n"
    )
