"""One PASCAL VOC XML file to an Annotation."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from algorithm.data.readers.annotation import Annotation, Complaint, as_boxes
from algorithm.data.readers.text_file import GUESSED, encoding_of, note_guess
from algorithm.data.readers.voc.voc_position import BLANKS, enclosing_box, outline_of

MAX_BYTES = 16_000_000  # of the XML of one picture; its tree takes about ten times as much memory
# gb18030 reads everything that is written as one of the others
SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "gb_2312-80": "gb18030"}


class AnnotationError(ValueError):
    """The whole annotation cannot be used; `complaint` says where and why."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(str(complaint))
        self.complaint = complaint


def read_voc(path: Path, name: str, outlines: bool = False) -> Annotation:
    """Return the annotation in the file `path`, which the user knows as `name`.

    Args:
        path: The file.
        name: As the user knows it.
        outlines: Whether the polygons of objects are kept.

    Raises:
        AnnotationError: As parse_voc.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(name, f"the annotation cannot be read: {error.strerror or error}") from error
    return parse_voc(data, name, outlines)


def parse_voc(data: bytes, name: str, outlines: bool = False) -> Annotation:
    """Return the annotation in the bytes of an XML file.

    Objects that cannot be used become complaints.

    Args:
        data: The bytes of the file.
        name: As the user knows it.
        outlines: Whether the polygons of objects are kept.

    Raises:
        AnnotationError: It is too large, is not XML, declares a DTD or is no VOC annotation.
    """
    root, text = _parsed(data, name)
    if root.tag != "annotation":
        raise _refused(name, f"expected the root element <annotation>, found <{root.tag}>")
    objects = [thing for thing in root.findall("object") if thing.findtext("deleted") != "1"]
    lines = _object_lines(text, len(objects))
    kept, complaints, outline_complaints = [], [], []
    for number, (thing, line) in enumerate(zip(objects, lines, strict=True), start=1):
        label = (thing.findtext("name") or "").strip(BLANKS)
        title = f"object {number} '{label}'" if label else f"object {number}"
        try:
            if not label:
                raise ValueError("expected a class name in <name>, found none")
            box, outline = enclosing_box(thing), None
        except ValueError as error:
            complaints.append(Complaint(name, str(error), line, title))
            continue
        try:
            outline = outline_of(thing) if outlines else None
        except ValueError as error:
            outline_complaints.append(Complaint(name, str(error), line, title))
        difficult = _is_true(thing.findtext("difficult"))
        kept.append((label, box, difficult, title, line, outline))
    names, boxes, ignored, titles, kept_lines, drawn = (
        zip(*kept, strict=True) if kept else ((),) * 6
    )
    return Annotation(
        names,
        as_boxes(list(boxes)),
        np.array(ignored, bool),
        _length(root, "size/width") or _length(root, "imagesize/ncols"),
        _length(root, "size/height") or _length(root, "imagesize/nrows"),
        name,
        titles,
        kept_lines,
        tuple(complaints),
        outlines=drawn if any(drawn) else None,
        outline_complaints=tuple(outline_complaints),
    )


def _parsed(data: bytes, name: str) -> tuple[Element, str]:
    if len(data) > MAX_BYTES:
        raise _refused(
            name,
            f"expected the annotation of one picture in at most {MAX_BYTES} bytes, found more: "
            "split the picture, or convert the set to COCO",
        )
    try:
        text = decoded(data)
        if not _is_told(data) and encoding_of(data) == GUESSED:
            note_guess(name)
        root = fromstring(text, forbid_dtd=True)
        for element in root.iter():
            if isinstance(element.tag, str):  # a default namespace says nothing here
                element.tag = element.tag.rpartition("}")[2]
        return root, text
    except DefusedXmlException as error:
        raise _refused(
            name, "the annotation declares a DTD or entities, which are refused: remove them"
        ) from error
    except ParseError as error:
        line, column = error.position
        raise _refused(
            name, f"the annotation is not XML: {error.msg} (column {column + 1})", line
        ) from error
    except (LookupError, ValueError) as error:
        raise _refused(name, f"the annotation cannot be parsed: {error}") from error


def decoded(data: bytes, *, whole: bool = True) -> str:
    """Return the text of an XML file without its declaration.

    The declaration tells the encoding; where there is none, or it says UTF-8 and cannot be true,
    the bytes do. Expat by itself reads few encodings (no GBK).

    Args:
        data: The file, or its beginning.
        whole: Whether it is all of it; else a sign that is cut at the end is left out.

    Raises:
        LookupError: The declared encoding is unknown.
        ValueError: The bytes are in none that could be meant.
    """
    encoding = _declared(data) if _is_told(data) else encoding_of(data, whole=whole)
    data = data.removeprefix(codecs.BOM_UTF8)
    sixteen = encoding.replace("_", "-").startswith(("utf-16", "utf16", "ucs-2", "unicode"))
    if sixteen and b"\0" not in data:  # it can only be UTF-8
        encoding = "utf-8"
    text = codecs.getincrementaldecoder(SUPERSETS.get(encoding, encoding))().decode(data, whole)
    return re.sub(
        r"^\s*<\?xml.*?\?>", lambda match: "\n" * match.group().count("\n"), text, flags=re.DOTALL
    )


def _declared(data: bytes) -> str:
    """The encoding that the declaration of an XML names, in lower case, "" for none."""
    found = re.match(rb"\s*<\?xml[^>]*encoding\s*=\s*[\"']([\w.:-]+)", data[:400])
    return found[1].decode().lower() if found else ""


def _is_told(data: bytes) -> bool:
    """Whether the declaration of an XML tells its encoding.

    A byte order mark counts before it, and UTF-8 has to be true.
    """
    declared = _declared(data)
    if declared not in ("utf-8", "utf8"):
        return bool(declared) and not data.startswith(codecs.BOM_UTF8)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _object_lines(text: str, count: int) -> Sequence[int | None]:
    starts = [match.start() for match in re.finditer(r"<object[\s>/]", text)]
    if (
        len(starts) != count
    ):  # a comment or a nested element looks like an object: rather no line than a wrong one
        return [None] * count
    line, before, lines = 1, 0, []
    for start in starts:
        line, before = line + text.count("\n", before, start), start
        lines.append(line)
    return lines


def _is_true(text: str | None) -> bool:
    return (text or "").strip(BLANKS).lower() in ("1", "1.0", "true")


def _length(root: Element, side: str) -> int | None:
    try:
        length = int(float(root.findtext(side) or 0))
    except (ValueError, OverflowError):
        return None
    return length if length > 0 else None


def _refused(name: str, problem: str, line: int | None = None) -> AnnotationError:
    return AnnotationError(Complaint(name, problem, line))
