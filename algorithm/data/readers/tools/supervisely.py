"""Supervisely: a project of folders ann/ and img/, one JSON for each picture."""

from __future__ import annotations

import base64
import binascii
import io
import zlib
from collections.abc import Iterator

from PIL import Image

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.json_file import part, read_json, rows_of
from algorithm.data.readers.named_pictures import NamedPicture, named_listing
from algorithm.data.readers.object_list import Box, ObjectList, around, numbers
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.errors import DataError

WHAT = "an annotation of Supervisely"
FOLDER = "ann"
TAGS = ("train", "val", "test")


def recognise(contents: FolderContents) -> Found | None:
    """Find JSON files in folders called ann, named after their pictures."""
    files = [name for name in contents.files(".json") if name.split("/")[-2:-1] == [FOLDER]]
    if not files or b'"geometryType"' not in b"".join(map(contents.head, files[:5])):
        return None
    what = f"{len(files)} annotation(s) of Supervisely"
    return Found(tuple(files), Certainty.CERTAIN, what, frozenset(_meta(contents)), len(files))


def read_supervisely(found: Found, source: Source) -> Listing:
    """Return the listing of the pictures of a project.

    The box of an outline or a bitmap encloses it.
    """
    return named_listing(_pictures(found, source.contents), source)


READER = Reader("Supervisely", (), recognise, read_supervisely)


def _meta(contents: FolderContents) -> list[str]:
    return [name for name in contents.files(".json") if name.rpartition("/")[2] == "meta.json"]


def _pictures(found: Found, contents: FolderContents) -> Iterator[NamedPicture]:
    for file in found.files:
        picture = file.removesuffix(file[-5:])
        folder, _, base = picture.rpartition("/")
        names = (f"{folder.removesuffix(FOLDER)}img/{base}", base)
        try:
            content = read_json(contents.path(file), WHAT)
        except DataError as error:
            yield NamedPicture(names, file, None, problem=str(error))
            continue
        objects = ObjectList(file)
        for row in rows_of(part({"": content}, "").get("objects")):
            try:
                objects.add(row.get("classTitle"), _box(row))
            except ValueError as error:
                objects.refuse(str(error), row.get("classTitle"))
        size = part(content, "size")
        annotation = objects.annotation(size.get("width"), size.get("height"))
        yield NamedPicture(names, file, annotation, _word(content))


def _word(content: object) -> str | None:
    tags = rows_of(content.get("tags")) if isinstance(content, dict) else []
    return next((tag["name"] for tag in tags if tag.get("name") in TAGS), None)


def _box(row: dict) -> Box:
    kind = row.get("geometryType")
    if kind in ("rectangle", "polygon"):
        return around(part(row, "points").get("exterior") or ())
    if kind == "bitmap":
        return _of_bitmap(part(row, "bitmap"))
    raise ValueError(f"expected a rectangle, polygon or bitmap, found a {kind}")


def _of_bitmap(bitmap: dict) -> Box:
    try:
        left, top = numbers(bitmap["origin"], 2)
        data = zlib.decompressobj().decompress(base64.b64decode(bitmap["data"]), 1 << 24)
        width, height = Image.open(io.BytesIO(data)).size
    except (KeyError, TypeError, ValueError, OSError, binascii.Error, zlib.error) as error:
        raise ValueError(f"expected a bitmap with origin and data, found {error}") from error
    return top, left, top + height, left + width
