"""The outlines of every form but COCO, by the pixels that they cover in a picture of 40 x 30."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.data.outlines import Polygons, RunLengths, rasterised
from algorithm.data.readers.annotation import Annotation
from algorithm.data.readers.recognition import read_listing

from ..conftest import write_picture
from .reading import pictures, write

CORNERS = [[5, 6], [15, 6], [15, 26], [5, 26]]
HEIGHT, WIDTH = 30, 40


def annotation(path: Path) -> Annotation:
    """The objects of the first picture of a dataset."""
    return next(iter(read_listing(path, outlines=True).entries)).objects


def covered(path: Path) -> list[np.ndarray | None]:
    return [
        None if one is None else rasterised(one, HEIGHT, WIDTH) for one in annotation(path).outlines
    ]


def block(top: int = 6, left: int = 5, bottom: int = 26, right: int = 15) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def same(found: list[np.ndarray | None], *wanted: np.ndarray | None) -> bool:
    assert len(found) == len(wanted)
    return all(
        one is other if one is None or other is None else np.array_equal(one, other)
        for one, other in zip(found, wanted, strict=True)
    )


def png(mask: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    return stream.getvalue()


def test_yolo(tmp_path: Path) -> None:
    write_picture(tmp_path / "images" / "a.png")
    shares = " ".join(f"{x / WIDTH} {y / HEIGHT}" for x, y in CORNERS)
    write(tmp_path / "labels" / "a.txt", f"0 {shares}\n1 0.5 0.5 0.25 0.5\n")
    write(tmp_path / "classes.txt", "cat\ndog\n")
    assert same(covered(tmp_path), block(), None)


def labelme(folder: Path, *shapes: dict, **changes: object) -> Path:
    pictures(folder, "a.png")
    rows = [{"label": "cat", "shape_type": "polygon", "group_id": None, **one} for one in shapes]
    size = {"imageHeight": HEIGHT, "imageWidth": WIDTH}
    write(
        folder / "a.json",
        {"version": "5", "flags": {}, "shapes": rows, "imagePath": "a.png", **size, **changes},
    )
    return folder


def test_labelme(tmp_path: Path) -> None:
    text = base64.b64encode(png(np.ones((20, 10), np.uint8))).decode()
    mask = {"shape_type": "mask", "points": [[5, 6], [14, 25]], "mask": text}  # both inclusive
    parts = [
        {"points": [[1, 1], [3, 1], [3, 3], [1, 3]], "group_id": 4},
        {"points": [[20, 1], [22, 1], [22, 3], [20, 3]], "group_id": 4},
        {"shape_type": "rectangle", "points": [[1, 1], [22, 3]], "group_id": 4},
    ]
    box = {"shape_type": "rectangle", "points": [[5, 6], [15, 26]]}
    circle = {"shape_type": "circle", "points": [[20, 15], [20, 10]]}
    folder = labelme(tmp_path, {"points": CORNERS}, mask, *parts, box, circle)
    *found, disc = covered(folder)
    assert same(found, block(), block(), block(1, 1, 3, 3) | block(1, 20, 3, 22), None)
    assert disc.sum() == pytest.approx(np.pi * 25, abs=4)


@pytest.mark.parametrize(
    ("shape", "changes", "problem"),
    [
        ({"mask": "no"}, {}, "expected the PNG of a mask"),
        ({"mask": None}, {}, "expected the PNG of a mask"),
        ({"mask": base64.b64encode(png(block())).decode()}, {"imageWidth": None}, "the size of a"),
    ],
)
def test_a_mask_of_labelme_that_cannot_be_used(
    tmp_path: Path, shape: dict, changes: dict, problem: str
) -> None:
    mask = {"shape_type": "mask", "points": [[5, 6], [14, 25]], **shape}
    found = annotation(labelme(tmp_path, mask, {"points": CORNERS}, **changes))
    assert (len(found.names), found.outlines[0]) == (2, None)
    assert problem in str(found.outline_complaints[0])


def cvat(folder: Path, *shapes: str) -> Path:
    pictures(folder / "images", "a.png")
    text = f'<image id="0" name="a.png" width="40" height="30">{"".join(shapes)}</image>'
    write(folder / "annotations.xml", f"<annotations><version>1.1</version>{text}</annotations>")
    return folder


def test_cvat(tmp_path: Path) -> None:
    text = ";".join(f"{x},{y}" for x, y in CORNERS)
    polygon = f'<polygon label="cat" points="{text}" z_order="1"/>'
    # 4 wide, 3 high: a row of 1 left and 3 right of nothing, then a whole row, then nothing
    mask = '<mask label="cat" rle="1, 2, 1, 4, 4" left="10" top="20" width="4" height="3"/>'
    box = '<box label="cat" xtl="2" ytl="3" xbr="20" ybr="25"/>'
    found = covered(cvat(tmp_path, polygon, mask, box))
    wanted = block(20, 11, 21, 13) | block(21, 10, 22, 14)
    assert same(found, block(), wanted, None)


def test_parts_of_an_object_of_cvat_have_one_label_and_one_group(tmp_path: Path) -> None:
    left = '<polygon label="cat" points="1,1;3,1;3,3;1,3" group_id="7"/>'
    right = '<mask label="cat" rle="0, 4" left="20" top="1" width="2" height="2" group_id="7"/>'
    dog = '<polygon label="dog" points="1,1;3,1;3,3;1,3" group_id="7"/>'
    single = '<polygon label="cat" points="1,1;3,1;3,3;1,3" group_id="0"/>'
    folder = cvat(tmp_path, left, right, dog, single)
    found = annotation(folder)
    assert found.names == ("cat", "dog", "cat")
    assert found.boxes[0].tolist() == [1, 1, 3, 22]
    assert same(covered(folder), block(1, 1, 3, 3) | block(1, 20, 3, 22), *[block(1, 1, 3, 3)] * 2)


def test_a_mask_of_cvat_that_does_not_fill_its_box(tmp_path: Path) -> None:
    mask = '<mask label="cat" rle="1, 2" left="10" top="20" width="4" height="3"/>'
    found = annotation(cvat(tmp_path, mask))
    assert (found.names, found.outlines) == (("cat",), None)
    assert "expected run lengths of 12 pixels in all (4x3), found 3" in str(
        found.outline_complaints[0]
    )


def packed(mask: np.ndarray, sizes: tuple[int, ...] = (3, 4, 8, 16)) -> list[int]:
    """What a brush writes: red, green, blue and alpha of each pixel, in runs and literals."""
    values = np.repeat(mask.astype(np.uint8).ravel() * 255, 4)
    bits = f"{values.size:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    place = 0
    while place < values.size:
        run = 1
        while place + run < values.size and values[place + run] == values[place]:
            run += 1
        run = min(run, 1 << sizes[3])
        choice = next(number for number, size in enumerate(sizes) if run <= 1 << size)
        is_run = run > 4  # short ones as literals
        bits += f"{int(is_run)}{choice:02b}{run - 1:0{sizes[choice]}b}"
        bits += "".join(f"{values[place]:08b}" for _ in range(1 if is_run else run))
        place += run
    bits += "0" * (-len(bits) % 8)
    return [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]


def label_studio(folder: Path, *values: dict, **more: object) -> Path:
    pictures(folder, "a.png")
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0, **more}
    rows = [{"type": "brushlabels", "value": value, **size} for value in values]
    task = {"id": 1, "data": {"image": "a.png"}, "annotations": [{"result": rows}]}
    write(folder / "export.json", [task])
    return folder


def test_label_studio(tmp_path: Path) -> None:
    speckled = block(10, 10, 12, 20)
    speckled[10, 10:20:2] = 0
    polygon = [[x * 100 / WIDTH, y * 100 / HEIGHT] for x, y in CORNERS]
    folder = label_studio(
        tmp_path,
        {"format": "rle", "rle": packed(block()), "brushlabels": ["cat"]},
        {"format": "rle", "rle": packed(speckled), "brushlabels": ["dog"]},
        {"points": polygon, "polygonlabels": ["cat"]},
        {"x": 5, "y": 10, "width": 45, "height": 70, "rectanglelabels": ["cat"]},
    )
    assert same(covered(folder), block(), speckled, block(), None)
    assert annotation(folder).boxes[:2].tolist() == [[6, 5, 26, 15], [10, 10, 12, 20]]
    boxes = next(iter(read_listing(folder).entries)).objects
    assert (boxes.names, boxes.outlines) == (("cat", "dog", "cat", "cat"), None)


def test_the_published_beginning_of_a_brush(tmp_path: Path) -> None:
    """3332 x 2527 pixels of four values: 33,679,856."""
    assert packed(np.zeros((2, 2)))[:4] == [0, 0, 0, 16]
    rle = [2, 1, 233, 240, *packed(block())[4:]]
    found = annotation(label_studio(tmp_path, {"rle": rle, "brushlabels": ["cat"]}))
    assert "the 4800 values of a brush on 40x30 pixels, found 33679856" in str(found.complaints[0])


@pytest.mark.parametrize(
    ("rle", "problem"),
    [
        (packed(block())[:-9], "found them cut off"),
        (packed(block() * 0), "found an empty one"),
        (["a"], "expected bytes of a brush"),
    ],
)
def test_a_brush_that_cannot_be_used(tmp_path: Path, rle: list, problem: str) -> None:
    found = annotation(label_studio(tmp_path, {"rle": rle, "brushlabels": ["cat"]}))
    assert found.names == ()
    assert problem in str(found.complaints[0])


def test_a_picture_turned_in_label_studio_keeps_its_boxes_only(tmp_path: Path) -> None:
    value = {"points": [[10, 10], [20, 10], [20, 30]], "polygonlabels": ["cat"]}
    found = annotation(label_studio(tmp_path, value, image_rotation=90))
    assert (found.names, found.outlines) == (("cat",), None)
    assert "expected image_rotation 0" in str(found.outline_complaints[0])


def corner_tags(corners: list[list[int]]) -> str:
    return "".join(
        f"<x{place}>{x}</x{place}><y{place}>{y}</y{place}>"
        for place, (x, y) in enumerate(corners, start=1)
    )


BNDBOX = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"


def voc(*positions: str) -> str:
    objects = "".join(f"<object><name>cat</name>{one}</object>" for one in positions)
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    return f"<annotation><segmented>1</segmented>{size}{objects}</annotation>"


def test_modelarts_image_segmentation(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    closed = corner_tags([*CORNERS, CORNERS[0]])
    box = BNDBOX.format(2, 3, 20, 25)
    colour = "<mask_color>193,243,53</mask_color>"
    write(tmp_path / "a.xml", voc(f"{colour}<polygon>{closed}</polygon>", box))
    kind = {"type": "modelarts/image_segmentation", "annotation-loc": "a.xml"}
    line = {"source": "a.png", "annotation": [kind]}
    write(tmp_path / "V1.manifest", json.dumps(line))
    found = annotation(tmp_path)
    assert found.boxes.tolist() == [[6, 5, 26, 15], [3, 2, 25, 20]]
    assert same(covered(tmp_path), block(), None)


def test_polygons_of_xml(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in CORNERS)
    both = BNDBOX.format(5, 6, 15, 26) + f"<polygon>{corner_tags(CORNERS)}</polygon>"
    circle = "<circle><cx>20</cx><cy>15</cy><r>5</r></circle>"
    write(tmp_path / "a.xml", voc(both, f"<polygon>{points}</polygon>", circle))
    *found, disc = covered(tmp_path)
    assert same(found, block(), block())
    assert disc.sum() == pytest.approx(np.pi * 25, abs=4)


def voc_masks(folder: Path, mask: np.ndarray) -> Path:
    pictures(folder / "JPEGImages", "a.jpg")
    boxes = [BNDBOX.format(20, 5, 30, 15), BNDBOX.format(5, 6, 15, 26), BNDBOX.format(1, 1, 4, 4)]
    (folder / "Annotations").mkdir()
    write(folder / "Annotations" / "a.xml", voc(*boxes))
    for name in ("SegmentationObject", "SegmentationClass"):
        (folder / name).mkdir()
        image = Image.fromarray(mask)
        image.putpalette([value for number in range(256) for value in (number, 0, 255 - number)])
        image.save(folder / name / "a.png")
    return folder


def test_voc_masks_go_to_the_objects_whose_boxes_fit(tmp_path: Path) -> None:
    """The first number is the second object; 255 is the border; the third has no number."""
    mask = np.full((HEIGHT, WIDTH), 0, np.uint8)
    mask[5:27, 4:16] = 255
    mask[6:26, 5:15] = 1
    mask[5:15, 20:30] = 2
    folder = voc_masks(tmp_path, mask)
    assert same(covered(folder), block(5, 20, 15, 30), block(), None)
    assert next(iter(read_listing(folder).entries)).objects.outlines is None


def test_a_voc_mask_of_no_object_is_told(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[0:2, 30:39] = 5
    found = annotation(voc_masks(tmp_path, mask))
    assert (len(found.names), found.outlines) == (3, None)
    assert "instance 5: expected an object whose box fits" in str(found.outline_complaints[0])


def test_penn_fudan(tmp_path: Path) -> None:
    write_picture(tmp_path / "PNGImages" / "a.png")
    (tmp_path / "PedMasks").mkdir()
    holed = block()
    holed[10:12, 8:10] = 0
    mask = holed + 2 * block(0, 20, 3, 24) + 2 * block(5, 20, 6, 24)
    (tmp_path / "PedMasks" / "a_mask.png").write_bytes(png(mask.astype(np.uint8)))
    found = annotation(tmp_path)
    assert all(isinstance(one, RunLengths) for one in found.outlines)
    assert same(covered(tmp_path), holed, block(0, 20, 3, 24) | block(5, 20, 6, 24))


def test_a_jpeg_is_no_mask(tmp_path: Path) -> None:
    """Its noise would be objects of a few pixels each."""
    write_picture(tmp_path / "PNGImages" / "a.png")
    (tmp_path / "PedMasks").mkdir()
    Image.fromarray(block()).save(tmp_path / "PedMasks" / "a_mask.jpg")
    (entry,) = read_listing(tmp_path).entries
    assert "expected a mask without loss, as PNG, found JPEG" in str(entry.complaints[0])


def test_via(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    xs, ys = zip(*CORNERS, strict=True)
    shapes = [
        {"name": "polygon", "all_points_x": xs, "all_points_y": ys},
        {"name": "rect", "x": 2, "y": 3, "width": 18, "height": 22},
        {"name": "circle", "cx": 20, "cy": 15, "r": 5},
    ]
    regions = [{"shape_attributes": one, "region_attributes": {"type": "cat"}} for one in shapes]
    write(tmp_path / "via.json", {"a.png9": {"filename": "a.png", "size": 9, "regions": regions}})
    *found, disc = covered(tmp_path)
    assert same(found, block(), None)
    assert disc.sum() == pytest.approx(np.pi * 25, abs=4)


def test_supervisely(tmp_path: Path) -> None:
    data = base64.b64encode(zlib.compress(png(np.ones((20, 10), bool)))).decode()
    hole = [[8, 10], [10, 10], [10, 12], [8, 12]]
    rows = [
        {"geometryType": "polygon", "points": {"exterior": CORNERS, "interior": []}},
        {"geometryType": "polygon", "points": {"exterior": CORNERS, "interior": [hole]}},
        {"geometryType": "bitmap", "bitmap": {"origin": [5, 6], "data": data}},
        {"geometryType": "rectangle", "points": {"exterior": [[2, 3], [20, 25]]}},
    ]
    content = {
        "size": {"width": WIDTH, "height": HEIGHT},
        "objects": [{"classTitle": "cat", **row} for row in rows],
    }
    pictures(tmp_path / "img", "a.png")
    write(tmp_path / "ann" / "a.png.json", content)
    holed = block()
    holed[10:12, 8:10] = 0
    assert same(covered(tmp_path), block(), holed, block(), None)
    assert isinstance(annotation(tmp_path).outlines[0], Polygons)
