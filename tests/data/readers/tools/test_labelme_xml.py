"""LabelMe 3.0's XML: outlines, boxes of masks, deleted objects."""

from __future__ import annotations

from pathlib import Path

from ..reading import exports, pictures, read, write

POINTS = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((5, 1), (30, 2), (9, 28)))
TEXT = (
    "<annotation><filename>a.png</filename><folder>sub</folder><source><sourceAnnotation>LabelMe "
    "Webtool"
    f"</sourceAnnotation></source><object><name>dog</name><deleted>0</deleted><polygon>{POINTS}</polygon></object>"
    f"<object><name>old</name><deleted>1</deleted><polygon>{POINTS}</polygon></object>"
    "<imagesize><nrows>30</nrows><ncols>40</ncols></imagesize></annotation>"
)


def test_outlines_and_deleted_objects(tmp_path: Path) -> None:
    pictures(tmp_path / "Images" / "sub", "a.png")
    pictures(tmp_path / "Masks" / "sub", "a_mask_0.png")
    write(tmp_path / "Annotations" / "sub" / "a.xml", TEXT)
    found = read(tmp_path)
    assert found.objects == {"Images/sub/a.png": [("dog", [1, 5, 28, 30])]}
    assert found.complaints == []


def test_a_real_export(shared_dir: Path) -> None:
    found = read(exports(shared_dir, "labelme_dataset"))
    objects = found.objects["Images/subset1/img1.png"]
    assert len(objects) == 7
    assert objects[:2] == [("window", [34, 43, 37, 45]), ("license plate", [66, 58, 68, 62])]
