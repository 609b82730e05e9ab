"""Forms that are known and not read: each is refused by name, with the way to a form that is."""

from __future__ import annotations

from dataclasses import dataclass

from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.reader import Certainty, Found, Reader

LOOKED_AT = 20  # files of a suffix that are opened


@dataclass(frozen=True)
class UnreadForm:
    """A form that is refused.

    Attributes:
        name: What people call it.
        suffix: Of its files.
        marks: What the beginning of a file holds, all of them.
        how: What to do instead.
    """

    name: str
    suffix: str
    marks: tuple[bytes, ...]
    how: str


FORMS = (
    UnreadForm(
        "Labelbox", ".ndjson", (b'"data_row"',), "convert it to COCO, as Labelbox describes"
    ),
    UnreadForm("Labelbox", ".json", (b'"Labeled Data"',), "export it from Labelbox as COCO"),
    UnreadForm(
        "Datumaro", ".json", (b'"items"', b'"categories"', b'"infos"'), "datum convert -f coco"
    ),
    UnreadForm(
        "Datumaro", ".json", (b'"items"', b'"categories"', b'"info"'), "datum convert -f coco"
    ),
    UnreadForm(
        "V7 Darwin", ".json", (b'"annotations"', b'"bounding_box"'), "export it from V7 as COCO"
    ),
    UnreadForm("BDD100K", ".json", (b'"labels"', b'"box2d"'), "convert it with BDD100K's to_coco"),
    UnreadForm(
        "Cityscapes", ".json", (b'"imgHeight"', b'"objects"'), "convert its polygons to COCO"
    ),
    UnreadForm(
        "Dataloop", ".json", (b'"annotations"', b'"coordinates"', b'"metadata"'), "export COCO"
    ),
    UnreadForm("an Excel workbook", ".xlsx", (), "save the sheet as CSV in UTF-8"),
    UnreadForm("an Excel workbook", ".xls", (), "save the sheet as CSV in UTF-8"),
    UnreadForm("a spreadsheet", ".ods", (), "save the sheet as CSV in UTF-8"),
    UnreadForm("Parquet", ".parquet", (), "write the table as CSV"),
    UnreadForm("MATLAB", ".mat", (), "write its boxes as CSV or COCO"),
    UnreadForm("a pickle", ".pkl", (), "write its boxes as CSV or COCO"),
    UnreadForm("COCO captions", ".json", (b'"images"', b'"caption"'), "give COCO's instances JSON"),
)
MASKS = ("masks", "mask", "segmentationclass", "segmentationobject")


def recognise(contents: FolderContents) -> Found | None:
    """Find the first form that a file shows, or a folder of masks beside one of pictures."""
    for form in FORMS:
        for name in contents.files(form.suffix)[:LOOKED_AT]:
            if all(mark in contents.head(name) for mark in form.marks):
                what = f"{name} is of {form.name}, which is not read: {form.how}"
                return Found((name,), Certainty.HINT, what)
    folders = [name for name in contents.folders if name.rpartition("/")[2].lower() in MASKS]
    if folders and contents.picture_names:
        what = (
            f"{min(folders)} holds masks of classes, which do not tell one object from another: "
            f"export boxes, "
            "outlines (COCO) or masks of instances"
        )
        return Found((), Certainty.HINT, what)
    return None


READER = Reader("a form that is not read", (), recognise)
