"""Rendered scenes with exact boxes: the dataset of the demonstration and of the tests."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from algorithm.data.conversion.voc_writer import add_polygon
from algorithm.data.outline_geometry import of_pixels
from algorithm.data.synthetic.shapes import DRAWINGS, draw_background, draw_distractor
from algorithm.storage.atomic_files import write_bytes

CLASSES = tuple(DRAWINGS)
LEAST_VISIBLE = 0.5  # of an object's pixels; a placement that hides more of any object is not made
TRIES = 12  # placements tried for one object before the scene goes without it
EVAL_EVERY = 5  # every fifth picture is for evaluation
EMPTY_SHARE = 0.04  # of the pictures show no object at all
CHINESE_NAME = 3  # the picture with this number gets a Chinese file name


@dataclass(frozen=True)
class Scene:
    """A rendered picture and its objects.

    Attributes:
        pixels: uint8 [H, W, 3].
        names: The class of each object.
        boxes: int [N, 4] yxyx, pixel edges of the visible part.
        masks: bool [N, H, W], the visible part.
    """

    pixels: np.ndarray
    names: tuple[str, ...]
    boxes: np.ndarray
    masks: np.ndarray


def write_sample_dataset(
    output: str | os.PathLike[str],
    *,
    count: int,
    seed: int = 0,
    size: int = 208,
    classes: tuple[str, ...] = CLASSES,
) -> Path:
    """Write rendered pictures with VOC XML and a manifest (80 % TRAIN, 20 % EVAL).

    Each object has its box and its outline, a polygon along the edges of the pixels that show. The
    same seed gives the same bytes. The manifest is written last.

    Args:
        output: The folder to write.
        count: How many pictures.
        seed: Another one gives other pictures.
        size: Typical side of a picture in pixels; sides vary by about a quarter around it.
        classes: The class names.

    Returns:
        The path of the manifest.
    """
    output = Path(output)
    lines = []
    for index in range(count):
        stem = f"场景-{index:04d}" if index == CHINESE_NAME else f"scene-{index:04d}"
        scene = render_scene(np.random.default_rng([seed, index]), size=size, classes=classes)
        encoded = io.BytesIO()
        Image.fromarray(scene.pixels).save(encoded, "JPEG", quality=90)
        write_bytes(output / f"images/{stem}.jpg", encoded.getvalue())
        write_bytes(output / f"annotations/{stem}.xml", _voc_xml(f"{stem}.jpg", scene))
        lines.append(_manifest_line(stem, index))
    manifest = output / "sample.manifest"
    write_bytes(manifest, "".join(lines).encode())
    return manifest


def render_scene(
    rng: np.random.Generator, *, size: int, classes: tuple[str, ...] = CLASSES
) -> Scene:
    """Render one scene of one to four objects (or, now and then, none) among distractors."""
    width, height = (int(size * side) for side in rng.uniform(0.77, 1.23, 2))
    canvas = draw_background(rng, width, height)
    owner = np.zeros((height, width), np.int32)  # which object shows at a pixel, counted from 1
    full: list[int] = []  # whole pixel count of each object
    names: list[str] = []  # and its class
    for _ in range(rng.integers(2, 7)):
        _place(
            rng, canvas, owner, draw_distractor(rng), full, mark=0, share=rng.uniform(0.08, 0.35)
        )
    wanted = 0 if rng.random() < EMPTY_SHARE else rng.integers(1, 5)
    for _ in range(wanted):
        name = str(rng.choice(classes))
        upright = name == "box"
        share = float(np.exp(rng.uniform(np.log(0.22), np.log(0.55))))
        if _place(
            rng,
            canvas,
            owner,
            DRAWINGS[name](rng),
            full,
            mark=len(full) + 1,
            share=share,
            upright=upright,
        ):
            names.append(name)
    for _ in range(rng.integers(0, 3)):
        _place(rng, canvas, owner, draw_distractor(rng), full, mark=0, share=rng.uniform(0.1, 0.3))
    masks = owner == np.arange(1, len(full) + 1)[:, None, None]
    boxes = np.array([_extent(mask) for mask in masks], np.int64).reshape(-1, 4)
    return Scene(_photographed(rng, canvas), tuple(names), boxes, masks)


def _place(
    rng: np.random.Generator,
    canvas: np.ndarray,
    owner: np.ndarray,
    shape: Image.Image,
    full: list[int],
    *,
    mark: int,
    share: float,
    upright: bool = False,
) -> bool:
    """Paint the shape where it hides no object too much, False if nowhere.

    Changes canvas, owner and full.
    """
    height, width = owner.shape
    turn = rng.uniform(-25, 25) if upright else rng.uniform(0, 360)
    shape = shape.rotate(turn, Image.Resampling.BICUBIC, expand=True)
    shape = shape.crop(shape.getbbox())
    scale = share * min(width, height) / max(shape.size)
    wide, high = (max(2, round(side * scale)) for side in shape.size)
    shape = shape.resize((wide, high), Image.Resampling.LANCZOS)
    pixels = np.asarray(shape, np.float32)
    solid = pixels[..., 3] > 127
    for _ in range(TRIES):
        top = int(rng.integers(-solid.shape[0] // 5, height - solid.shape[0] * 4 // 5))
        left = int(rng.integers(-solid.shape[1] // 5, width - solid.shape[1] * 4 // 5))
        rows = slice(max(top, 0), min(top + solid.shape[0], height))
        columns = slice(max(left, 0), min(left + solid.shape[1], width))
        part = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        trial = owner.copy()
        trial[rows, columns][solid[part]] = mark
        whole = [*full, int(solid.sum())] if mark else full
        shown = np.bincount(trial.ravel(), minlength=len(whole) + 1)[1:]
        if all(
            seen >= LEAST_VISIBLE * pixel_count
            for seen, pixel_count in zip(shown, whole, strict=False)
        ):
            alpha = pixels[part][..., 3:] / 255
            canvas[rows, columns] += alpha * (pixels[part][..., :3] - canvas[rows, columns])
            owner[:], full[:] = trial, whole
            return True
    return False


def _photographed(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """uint8 pixels after a change of light (strength, direction, colour cast) and sensor noise."""
    height, width, _ = canvas.shape
    slope_y, slope_x = rng.uniform(-0.25, 0.25, 2)
    rows, columns = (
        np.linspace(-1, 1, height)[:, None, None],
        np.linspace(-1, 1, width)[None, :, None],
    )
    light = (
        rng.uniform(0.6, 1.15)
        * (1 + slope_y * rows + slope_x * columns)
        * rng.uniform(0.92, 1.08, 3)
    )
    noise = rng.normal(0, rng.uniform(0, 7), canvas.shape)
    return np.clip(canvas * light + noise, 0, 255).astype(np.uint8)


def _extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


def _voc_xml(filename: str, scene: Scene) -> bytes:
    height, width, depth = scene.pixels.shape
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = filename
    _children(ElementTree.SubElement(root, "size"), width=width, height=height, depth=depth)
    for name, (ymin, xmin, ymax, xmax), mask in zip(
        scene.names, scene.boxes, scene.masks, strict=True
    ):
        thing = ElementTree.SubElement(root, "object")
        _children(thing, name=name, difficult=0)
        _children(
            ElementTree.SubElement(thing, "bndbox"), xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax
        )
        add_polygon(thing, of_pixels(mask), height, width)
    ElementTree.indent(root)
    return ElementTree.tostring(root, "utf-8", xml_declaration=True)


def _children(parent: ElementTree.Element, **texts: object) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(parent, tag).text = str(text)


def _manifest_line(stem: str, index: int) -> str:
    annotation = {
        "type": "modelarts/object_detection",
        "annotation-loc": f"annotations/{stem}.xml",
        "annotation-format": "PASCAL VOC",
        "annotated-by": "machine/rendered",
    }
    usage = "EVAL" if index % EVAL_EVERY == EVAL_EVERY - 1 else "TRAIN"
    record = {
        "source": f"images/{stem}.jpg",
        "usage": usage,
        "id": f"{index:04d}",
        "annotation": [annotation],
    }
    return json.dumps(record, ensure_ascii=False) + "\n"
