"""Supervisely's projects: rectangles, outlines and bitmaps."""

from __future__ import annotations

import base64
import io
import zlib
from pathlib import Path

from PIL import Image

from ..reading import pictures, read, write


def test_a_project(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("1", (6, 7), 1).save(stream, "PNG")
    data = base64.b64encode(zlib.compress(stream.getvalue())).decode()
    objects = [
        {
            "classTitle": "cat",
            "geometryType": "rectangle",
            "points": {"exterior": [[20, 25], [2, 3]]},
        },
        {
            "classTitle": "dog",
            "geometryType": "polygon",
            "points": {"exterior": [[5, 1], [30, 28]]},
        },
        {"classTitle": "sun", "geometryType": "bitmap", "bitmap": {"origin": [4, 5], "data": data}},
        {"classTitle": "nose", "geometryType": "point", "points": {"exterior": [[1, 2]]}},
    ]
    write(tmp_path / "meta.json", {"classes": []})
    for folder in ("ds0", "ds1"):
        pictures(tmp_path / folder / "img", "a.png")
        content = {"size": {"width": 40, "height": 30}, "objects": objects, "tags": []}
        write(tmp_path / folder / "ann" / "a.png.json", content)
    found = read(tmp_path)
    boxes = [("cat", [3, 2, 25, 20]), ("dog", [1, 5, 28, 30]), ("sun", [5, 4, 12, 10])]
    assert found.objects == {"ds0/img/a.png": boxes, "ds1/img/a.png": boxes}
    assert len(found.complaints) == 2
    assert "expected a rectangle, polygon or bitmap, found a point" in found.complaints[0]


def test_tags_are_the_split(tmp_path: Path) -> None:
    row = {
        "classTitle": "cat",
        "geometryType": "rectangle",
        "points": {"exterior": [[2, 3], [20, 25]]},
    }
    for name, tag in (("a", "train"), ("b", "val")):
        pictures(tmp_path / "ds" / "img", f"{name}.png")
        content = {"size": {}, "objects": [row], "tags": [{"name": tag}]}
        write(tmp_path / "ds" / "ann" / f"{name}.png.json", content)
    assert read(tmp_path).usages == {"ds/img/a.png": "train", "ds/img/b.png": "eval"}
