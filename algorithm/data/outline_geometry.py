"""Where an outline lies, and outlines that are moved with their picture."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coco_mask

from algorithm.data.outlines import Outline, Polygons, RunLengths, rasterised, run_lengths


def extent(outline: Outline) -> tuple[float, float, float, float]:
    """Return the box (ymin, xmin, ymax, xmax) around an outline, in pixels."""
    if isinstance(outline, Polygons):
        corners = np.concatenate(outline.parts)
        (xmin, ymin), (xmax, ymax) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return ymin, xmin, ymax, xmax
    packed = run_lengths(outline, outline.height, outline.width)
    left, top, width, height = coco_mask.toBbox(packed).tolist()
    return top, left, top + height, left + width


def covered_pixels(outline: Outline, height: int, width: int) -> int:
    """Return how many pixels of a picture an outline covers, by the rule of pycocotools."""
    return int(coco_mask.area(run_lengths(outline, height, width)))


def scaled(outline: Outline, height: int, width: int, down: float, across: float) -> Outline:
    """Return an outline in its picture at another scale.

    Args:
        outline: The outline.
        height: Of the picture that results, in pixels.
        width: Of the picture that results, in pixels.
        down: The factor of rows.
        across: The factor of columns.
    """
    if isinstance(outline, Polygons):
        factors = np.array([across, down], np.float32)
        return Polygons(tuple(part * factors for part in outline.parts))
    mask = rasterised(outline, outline.height, outline.width)
    rows = ((np.arange(height) + 0.5) * outline.height / height).astype(int)
    columns = ((np.arange(width) + 0.5) * outline.width / width).astype(int)
    return of_pixels(mask[rows][:, columns])


def upright(outline: Outline, width: int, height: int, orientation: int) -> Outline:
    """Return an outline turned with its picture.

    Args:
        outline: In pixels of the picture as it is stored.
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
        orientation: Of the picture's EXIF, 5 to 8.
    """
    mirror_x, mirror_y = orientation in (6, 7), orientation in (7, 8)
    if isinstance(outline, Polygons):
        return Polygons(
            tuple(_turned(part, width, height, mirror_x, mirror_y) for part in outline.parts)
        )
    mask = rasterised(outline, outline.height, outline.width).T
    mask = mask[:, ::-1] if mirror_x else mask
    return of_pixels(mask[::-1] if mirror_y else mask)


def _turned(
    corners: np.ndarray, width: int, height: int, mirror_x: bool, mirror_y: bool
) -> np.ndarray:
    x, y = corners[:, 1], corners[:, 0]  # rows become columns
    x = width - x if mirror_x else x
    y = height - y if mirror_y else y
    return np.stack([x, y], axis=1).astype(np.float32)


def of_pixels(mask: np.ndarray) -> RunLengths:
    """Return the outline of the pixels of a mask [height, width] that are not 0."""
    height, width = mask.shape
    packed = coco_mask.encode(np.asfortranarray(mask != 0, np.uint8))
    return RunLengths(height, width, packed["counts"])
