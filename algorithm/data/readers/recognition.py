"""Which form the data at a path has, by what is in it: one row per form."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from algorithm.data.readers.annotation import Listing
from algorithm.data.readers.coco import instance_files, read_coco
from algorithm.data.readers.csv_table import csv_files, read_csv
from algorithm.data.readers.instance_masks import mask_folder, read_masks
from algorithm.data.readers.manifest import Resolve, read_manifest
from algorithm.data.readers.tfrecord_files import is_record_file, matching_files, record_files
from algorithm.data.readers.voc_folder import read_folder
from algorithm.data.readers.yolo import read_yolo, yolo_files
from algorithm.errors import DataError

FORMS = (
    "a .manifest, a COCO .json, a YOLO data.yaml or obj.data, a .csv, TFRecords (a file, a pattern such as "
    "'train-*'), or a folder with one of them, with pictures and VOC XML, or with PNGImages and PedMasks"
)


@dataclass(frozen=True)
class Source:
    """What a form's reader may need besides files. work_dir: for pictures that lie in no file of their own."""

    resolve: Resolve | None
    work_dir: Path | None


@dataclass(frozen=True)
class Form:
    """suffixes: of a file of this form. find: its files in a folder, none if the folder has another form.

    read: its reader. single: whether several files are a question to the user and not one dataset. company: names of files
    of another form that may lie beside its own and say the same.
    """

    name: str
    suffixes: tuple[str, ...]
    find: Callable[[Path], list[Path]]
    read: Callable[[list[Path], Source], Listing]
    single: bool = True
    company: tuple[str, ...] = ()


def _mask_folders(folder: Path) -> list[Path]:
    found = mask_folder(folder)
    return [found] if found else []


def _read_records(files: list[Path], source: Source) -> Listing:
    from algorithm.data.readers.tfrecords import (
        read_tfrecords,  # TensorFlow only where there are records
    )

    return read_tfrecords(files, source.work_dir or Path(tempfile.mkdtemp(prefix="efficientdet-")))


FORM_ROWS = (  # a folder that shows several has the first of them
    Form(
        "ModelArts manifest",
        (".manifest",),
        lambda folder: sorted(folder.glob("*.manifest")),
        lambda files, source: read_manifest(files[0], source.resolve),
    ),
    Form(
        "YOLO",
        (".yaml", ".yml", ".data"),
        lambda folder: list(yolo_files(folder)),
        lambda files, source: read_yolo(files[0]),
    ),
    Form(
        "TFRecord",
        (),
        record_files,
        _read_records,
        single=False,
        company=("instances_val2017.json",),
    ),
    Form("COCO", (".json",), instance_files, lambda files, source: read_coco(files), single=False),
    Form("CSV", (".csv",), csv_files, lambda files, source: read_csv(files), single=False),
    Form("Penn-Fudan masks", (), _mask_folders, lambda files, source: read_masks(files[0])),
)


def read_listing(
    path: Path, resolve: Resolve | None = None, work_dir: Path | None = None
) -> Listing:
    """What the file, folder or pattern at `path` lists, in whichever of the known forms it is, all of it read.

    work_dir: gets the pictures of a form that holds them inside its own files, else a new temporary folder does.
    Raises DataError.
    """
    listing = open_listing(path, resolve, work_dir)
    return replace(listing, entries=tuple(listing.entries))


def open_listing(
    path: Path, resolve: Resolve | None = None, work_dir: Path | None = None
) -> Listing:
    """As read_listing, but entries are read as they are asked for. Raises DataError, also while they are."""
    source = Source(resolve, work_dir)
    if not path.exists():
        records = matching_files(str(path)) if set("*?[") & set(path.name) else []
        if not records:
            raise DataError(
                f"expected {FORMS} at data_url, found nothing at {path}: check the path"
            )
        return _read_records(records, source)
    return _open_folder(path, source) if path.is_dir() else _open_file(path, source)


def _open_file(path: Path, source: Source) -> Listing:
    for form in FORM_ROWS:
        if path.suffix.lower() in form.suffixes:
            return form.read([path], source)
    if is_record_file(path):
        return _read_records([path], source)
    if path.stat().st_size == 0:
        raise DataError(
            f"expected one JSON object a line in the manifest {path}, found an empty file"
        )
    return read_manifest(path, source.resolve)


def _open_folder(path: Path, source: Source) -> Listing:
    if not any(path.iterdir()):
        raise DataError(f"expected {FORMS} at data_url, found the empty folder {path}")
    shown = {form: files for form in FORM_ROWS if (files := form.find(path))}
    if not shown:
        return read_folder(path)
    form, files = next(iter(shown.items()))
    if form.single and len(files) > 1:
        raise DataError(
            f"expected one {form.name} in {path}, found {', '.join(file.name for file in files)}: "
            "give the path of the one to use"
        )
    listing = form.read(files, source)
    others = [
        f"{path} is read as {form.name}; {other.name} ({found[0].name}) is there too and is not read"
        for other, found in list(shown.items())[1:]
        if {file.name for file in found} - set(form.company)
    ]
    return replace(listing, warnings=(*listing.warnings, *others))
