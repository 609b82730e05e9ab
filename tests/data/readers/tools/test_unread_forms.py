"""Forms that are not read are refused by name, with the way to one that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.errors import DataError

from ..reading import exports, pictures, read, write


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.ndjson", '{"data_row": {"id": 1}}', "Labelbox.*COCO"),
        ("boxes.xlsx", "PK", "Excel workbook, which is not read: save the sheet as CSV"),
        ("a.json", '[{"Labeled Data": "x", "Label": {}}]', "Labelbox.*COCO"),
        ("a.json", '{"info": {}, "categories": {}, "items": []}', "Datumaro.*datum convert"),
        ("a.json", '[{"name": "a.png", "labels": [{"box2d": {}}]}]', "BDD100K"),
    ],
)
def test_files(tmp_path: Path, name: str, text: str, said: str) -> None:
    pictures(tmp_path, "a.png")
    write(tmp_path / name, text)
    with pytest.raises(DataError, match=said):
        read(tmp_path)


def test_masks_of_classes(tmp_path: Path, shared_dir: Path) -> None:
    for folder in ("images", "masks"):
        pictures(tmp_path / folder, "a.png")
    with pytest.raises(DataError, match="masks of classes, which do not tell one object"):
        read(tmp_path)
    with pytest.raises(DataError, match="masks of classes"):
        read(exports(shared_dir, "kaggle_dataset/image_mask_with_labelmap"))


@pytest.mark.parametrize("name", ["image_csv", "image_csv_multi_label", "image_txt"])
def test_tables_of_classification(shared_dir: Path, name: str) -> None:
    with pytest.raises(DataError, match="whole pictures their classes"):
        read(exports(shared_dir, f"kaggle_dataset/{name}"))
