"""VoTT: the JSON export of a project."""

from __future__ import annotations

from collections.abc import Iterator

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.json_file import (
    likely_files,
    part,
    read_json,
    rows_of,
    told_pictures,
)
from algorithm.data.readers.object_list import Box, ObjectList, around, numbers
from algorithm.data.readers.pictures.named_pictures import NamedPicture, named_listing, sided
from algorithm.data.readers.reader import Certainty, Found, Reader, Source

WHAT = "a JSON export of VoTT"
MARKS = (b'"assets"', b'"regions"')


def recognise(contents: FolderContents) -> Found | None:
    """Find exports of VoTT, and the files of single pictures where there is no export."""
    files = [
        name
        for name in likely_files(contents)
        if all(mark in contents.head(name) for mark in MARKS)
    ]
    single = [name for name in contents.files(".json") if name.endswith("-asset.json")]
    if not files and not (single and b'"regions"' in contents.head(single[0])):
        return None
    files, what = (files, "export") if files else (single, "asset")
    return Found(
        tuple(files),
        Certainty.CERTAIN,
        f"{len(files)} {what} file(s) of VoTT",
        frozenset(single),
        told_pictures(contents, files, b'"asset"'),
    )


def read_vott(found: Found, source: Source) -> Listing:
    """Return the listing of the pictures of an export.

    A region with several tags is an object of each.

    Raises:
        DataError: A file cannot be read.
    """
    rows = [row for name in found.files for row in _pictures(source.contents, name)]
    return named_listing(sided(rows, found.files), source)


READER = Reader("VoTT JSON", (".json",), recognise, read_vott)


def _pictures(contents: FolderContents, name: str) -> Iterator[NamedPicture]:
    content = read_json(contents.path(name), WHAT)
    for asset in rows_of(part(content, "assets") or [content]):
        objects = ObjectList(name)
        for region in rows_of(asset.get("regions")):
            tags = region.get("tags") or [""]
            for tag in tags if isinstance(tags, list) else [tags]:
                try:
                    objects.add(tag, _box(region))
                except ValueError as error:
                    objects.refuse(str(error), tag)
        size = part(asset, "asset", "size")
        called = (part(asset, "asset").get(key) for key in ("name", "path"))
        names = tuple(str(one).removeprefix("file:") for one in called if one)
        annotation = objects.annotation(size.get("width"), size.get("height"))
        yield NamedPicture(names or ("",), name, annotation)


def _box(region: dict) -> Box:
    box = part(region, "boundingBox")
    if not box:
        return around((point.get("x"), point.get("y")) for point in rows_of(region.get("points")))
    left, top, width, height = numbers(
        (box.get(key) for key in ("left", "top", "width", "height")), 4
    )
    return top, left, top + height, left + width
