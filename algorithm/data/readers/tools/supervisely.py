"""Supervisely: a project of folders ann/ and img/, one JSON for each picture."""

from __future__ import annotations

import base64
import binascii
import io
import zlib
from collections.abc import Iterator
from functools import partial

import numpy as np
from PIL import Image

from algorithm.data.outline_geometry import of_pixels
from algorithm.data.outlines import Outline, rasterised
from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.json_file import part, read_json, rows_of
from algorithm.data.readers.object_list import Box, ObjectList, around, numbers
from algorithm.data.readers.outline_forms import of_cut_out, polygons, size_of
from algorithm.data.readers.pictures.named_pictures import NamedPicture, named_listing
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
    return named_listing(_pictures(found, source), source)


READER = Reader("Supervisely", (), recognise, read_supervisely)


def _meta(contents: FolderContents) -> list[str]:
    return [name for name in contents.files(".json") if name.rpartition("/")[2] == "meta.json"]


def _pictures(found: Found, source: Source) -> Iterator[NamedPicture]:
    for file in found.files:
        picture = file.removesuffix(file[-5:])
        folder, _, base = picture.rpartition("/")
        names = (f"{folder.removesuffix(FOLDER)}img/{base}", base)
        try:
            content = read_json(source.contents.path(file), WHAT)
        except DataError as error:
            yield NamedPicture(names, file, None, problem=str(error))
            continue
        objects = ObjectList(file, source.outlines)
        size = part(content, "size")
        for row in rows_of(part({"": content}, "").get("objects")):
            try:
                outline = partial(_outline, row, size)
                objects.add(row.get("classTitle"), _box(row), outline=outline)
            except ValueError as error:
                objects.refuse(str(error), row.get("classTitle"))
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
    left, top, picture = _opened(bitmap)
    width, height = picture.size
    return top, left, top + height, left + width


def _opened(bitmap: dict) -> tuple[float, float, Image.Image]:
    """(left, top, the picture, not yet decoded) of a bitmap."""
    try:
        left, top = numbers(bitmap["origin"], 2)
        data = zlib.decompressobj().decompress(base64.b64decode(bitmap["data"]), 1 << 24)
        return left, top, Image.open(io.BytesIO(data))
    except (KeyError, TypeError, ValueError, OSError, binascii.Error, zlib.error) as error:
        raise ValueError(f"expected a bitmap with origin and data, found {error}") from error


def _outline(row: dict, size: dict) -> Outline | None:
    """The outline of a polygon, without its holes, or of a bitmap, in a picture of `size`."""
    kind = row.get("geometryType")
    if kind == "polygon":
        points = part(row, "points")
        outer, holes = polygons([points.get("exterior") or ()]), points.get("interior") or ()
        if not holes:
            return outer
        height, width = size_of(size.get("height"), size.get("width"))
        inner = rasterised(polygons(holes), height, width)
        return of_pixels(rasterised(outer, height, width) * (1 - inner))
    if kind == "bitmap":
        left, top, picture = _opened(part(row, "bitmap"))
        size_of(picture.height, picture.width)
        whole = size_of(size.get("height"), size.get("width"))
        return of_cut_out(_inside(picture), round(left), round(top), whole)
    return None


def _inside(picture: Image.Image) -> np.ndarray:
    """The pixels of a bitmap, not 0 inside: by its alpha, where it has one."""
    pixels = np.asarray(picture)
    if picture.mode == "RGBA":
        return pixels[..., 3]
    return pixels if pixels.ndim == 2 else np.max(pixels, axis=-1)
