"""Which form the data at a path has: every reader is asked, and the surest one reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.coco import coco
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.modelarts import manifest
from algorithm.data.readers.pictures.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.readers.public_sets import dota, kitti, penn_fudan_masks, visdrone, wider_face
from algorithm.data.readers.reader import Certainty, Found, Reader, Resolve, Source
from algorithm.data.readers.records import tfrecord_files
from algorithm.data.readers.records.tfrecord_files import is_record_file, matching_files
from algorithm.data.readers.tables import box_lists, csv_table
from algorithm.data.readers.text_file import guess_lines, noting_guesses
from algorithm.data.readers.tools import (
    createml,
    cvat,
    label_studio,
    labelme_json,
    supervisely,
    unread_forms,
    via,
    vott,
)
from algorithm.data.readers.voc import voc_folder
from algorithm.data.readers.yolo import yolo
from algorithm.errors import DataError

READERS = (  # of two that are equally sure and describe as many pictures, the first reads
    manifest.READER,
    dota.READER,  # Roboflow lays a data.yaml beside it
    yolo.READER,
    tfrecord_files.READER,
    coco.READER,
    csv_table.READER,
    box_lists.READER,
    via.READER,
    labelme_json.READER,
    label_studio.READER,
    cvat.READER,
    vott.READER,
    createml.READER,
    supervisely.READER,
    kitti.READER,
    visdrone.READER,
    wider_face.READER,
    penn_fudan_masks.READER,
    voc_folder.READER,
    unread_forms.READER,
)
NAMES = ", ".join(reader.name for reader in READERS if reader.read)
FORMS = f"a dataset ({NAMES}): its folder, or the file that describes it"
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
UNREAD_PICTURES = (
    ".heic",
    ".heif",
    ".avif",
    ".jp2",
    ".dng",
    ".cr2",
    ".nef",
    ".arw",
    ".psd",
    ".svg",
)
TELLING = (".csv", ".tsv", ".json", ".yaml", ".yml", ".xml", ".manifest", *ARCHIVES)
# What `data clean` leaves beside the manifest that it writes, of which nobody need be told.
OF_CLEANING = ("cleaning_report.json", "path_map.json")


def read_listing(
    path: Path,
    resolve: Resolve | None = None,
    work_dir: Path | None = None,
    *,
    outlines: bool = False,
) -> Listing:
    """Return what the file, folder or pattern at a path lists, all of it read; as open_listing."""
    with noting_guesses() as guesses:
        listing = open_listing(path, resolve, work_dir, outlines=outlines)
        entries = tuple(listing.entries)
    warnings = (*listing.warnings, *guess_lines(guesses))
    return replace(listing, entries=entries, warnings=warnings)


def open_listing(
    path: Path,
    resolve: Resolve | None = None,
    work_dir: Path | None = None,
    *,
    outlines: bool = False,
) -> Listing:
    """Return what the file, folder or pattern at a path lists.

    Entries are read as they are asked for.

    Args:
        path: The folder of a dataset, the file that describes it, or a pattern of TFRecords.
        resolve: Local paths of the obs:// and s3:// addresses of a manifest.
        work_dir: Gets the pictures of a form that holds them inside its own files; None for a new
            temporary folder.
        outlines: Whether the outlines of objects are read too.

    Raises:
        DataError: Nothing is there, or nothing that a reader knows; also while entries are read.
    """
    if path.is_dir():
        return _open_folder(Source(FolderContents(path), resolve, work_dir, outlines))
    if path.exists():
        return _open_file(path, resolve, work_dir, outlines)
    records = matching_files(str(path)) if set("*?[") & set(path.name) else []
    if not records:
        raise DataError(f"expected {FORMS} at data_url, found nothing at {path}: check the path")
    contents = FolderContents(records[0].parent)
    names = tuple(file.relative_to(contents.root).as_posix() for file in records)
    found = Found(names, Certainty.DECLARED, f"{len(names)} TFRecord file(s)")
    return _read(tfrecord_files.READER, found, Source(contents, resolve, work_dir, outlines))


def recognised(
    contents: FolderContents, readers: tuple[Reader, ...] = READERS
) -> list[tuple[Reader, Found]]:
    """Return the readers that know something in a folder and what they found, the surest first."""
    with noting_guesses():  # of files that may turn out to be no part of the dataset
        rows = [(reader, found) for reader in readers if (found := reader.recognise(contents))]
    return sorted(rows, key=lambda row: (-row[1].certainty, -row[1].pictures))


def _open_folder(source: Source) -> Listing:
    contents = source.contents
    if not contents.files_at_all:
        raise DataError(f"expected {FORMS} at data_url, found the empty folder {contents.root}")
    rows = recognised(contents)
    if not rows:
        raise _unknown(contents)
    reader, found = rows[0]
    listing = _read(reader, found, source)
    return replace(listing, warnings=(*listing.warnings, *_beside(contents, rows)))


def _open_file(
    path: Path, resolve: Resolve | None, work_dir: Path | None, outlines: bool
) -> Listing:
    suffix = path.suffix.lower()
    _refuse_lone_file(path)
    contents = _contents_around(path)
    name = path.relative_to(contents.root).as_posix()
    readers = tuple(reader for reader in READERS if suffix in reader.suffixes)
    whole = Found((name,), Certainty.LIKELY, f"the file {path.name}")
    if not readers:
        readers = (tfrecord_files.READER if is_record_file(path) else manifest.READER,)
        rows = []
    else:
        rows = [row for row in recognised(contents, readers) if name in row[1].files]
    reader, found = rows[0] if rows else (readers[0], whole)
    return _read(reader, found, Source(contents, resolve, work_dir, outlines))


def _read(reader: Reader, found: Found, source: Source) -> Listing:
    if found.certainty == Certainty.HINT or reader.read is None:
        raise _refused(source.contents, reader, found)
    return reader.read(found, source)


def _refuse_lone_file(path: Path) -> None:
    """Refuse a file that is no dataset.

    Raises:
        DataError: It is an archive, a picture or a part of a dataset; it says what to give instead.
    """
    suffix = path.suffix.lower()
    if suffix in ARCHIVES:
        raise DataError(
            f"expected {FORMS} at data_url, found the archive {path}: unpack it and give the folder"
        )
    if suffix in PICTURE_SUFFIXES:
        kind = "a picture, which is no dataset"
    elif suffix == ".txt" and not _is_told(path):
        kind = "a text file, which is a part of a dataset"
    elif suffix == ".xml" and b"<annotations" not in _beginning(path):
        kind = "the XML of one picture, which is a part of a dataset"
    else:
        return
    raise DataError(
        f"expected {FORMS} at data_url, found {path}, {kind}: give the folder that holds the "
        "pictures and their annotations"
    )


def _is_told(path: Path) -> bool:
    """Whether a text is a table or a list of boxes."""
    contents = _contents_around(path)
    readers = tuple(reader for reader in READERS if ".txt" in reader.suffixes)
    name = path.relative_to(contents.root).as_posix()
    return any(name in found.files for _, found in recognised(contents, readers))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(4096)


def _contents_around(path: Path) -> FolderContents:
    """The folder of a file that is given, or the one above it where only that has pictures."""
    contents = FolderContents(path.parent, alone=path.name)
    if contents.picture_names or path.parent.parent == path.parent:
        return contents
    above = FolderContents(path.parent.parent, alone=f"{path.parent.name}/{path.name}")
    return above if above.picture_names else contents


def _beside(contents: FolderContents, rows: list[tuple[Reader, Found]]) -> list[str]:
    """Lines to log: what lies in the folder and is not read."""
    (reader, found), *others = rows
    known = {*found.files, *found.belongs, *OF_CLEANING}
    lines = []
    for other, its in others:
        if set(its.files) - known:
            shown = ", ".join(its.files[:3]) + (" ..." if len(its.files) > 3 else "")
            lines.append(
                f"{contents.root} is read as {reader.name} ({found.what}); {other.name} ({shown}) "
                "is there too and is not read"
            )
            known |= {*its.files, *its.belongs}
    for suffix in UNREAD_PICTURES:
        if count := len(contents.files(suffix)):
            lines.append(f"{count} {suffix} file(s) cannot be read as pictures: save them as JPEG")
    strays = [name for name in contents.files(*TELLING) if name not in known]
    if strays:
        shown = ", ".join(strays[:5]) + (" ..." if len(strays) > 5 else "")
        lines.append(f"{len(strays)} file(s) beside the dataset are not read: {shown}")
    return lines


def _unknown(contents: FolderContents) -> DataError:
    lies = f"expected {FORMS} at data_url, found in {contents.root} {contents.described()}"
    archives = contents.files(*ARCHIVES)
    if archives and not contents.picture_names:
        return DataError(f"{lies}: unpack the archive {archives[0]} and give the folder")
    if contents.picture_names:
        return DataError(
            f"{lies}: pictures without annotations that a reader knows; add them, or give the "
            "folder above, if they lie there"
        )
    return DataError(f"{lies}: no pictures; give the folder that holds them and their annotations")


def _refused(contents: FolderContents, reader: Reader, found: Found) -> DataError:
    return DataError(
        f"expected {FORMS} at data_url, found in {contents.root} {contents.described()}: looks "
        f"like {reader.name}, {found.what}"
    )
