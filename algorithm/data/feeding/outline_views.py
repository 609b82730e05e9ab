"""Outlines as a training view shows them: moved by coordinates, rasterised once.

What is done to a picture (a mosaic, a window, a scale, a flip) is done to the corners of its
outlines. Only what the network sees in the end becomes pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from algorithm.data.feeding.flip_crop_scale import View
from algorithm.data.outlines import Outline, Polygons, rasterised
from algorithm.data.sample import Sample
from algorithm.ops.mask_grid import MASK_STRIDE, mask_grid

_STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class OutlinedObject:
    """An object on its way into a training picture; it goes beside its box in place of its label.

    Attributes:
        label: 0..K-1, or one below 0 that is ignored.
        outline: As it was annotated, or None.
        move: float64 [2, 3], what takes (x, y, 1) of the annotated picture to (x, y) here.
        windows: float64 [4, 2] each: corners here of rectangles outside of which nothing of it
            shows.
    """

    label: int
    outline: Outline | None
    move: np.ndarray
    windows: tuple[np.ndarray, ...]


def outlined_objects(sample: Sample, labels: np.ndarray) -> np.ndarray:
    """Return the objects of a sample as an object array [N] of OutlinedObject.

    Args:
        sample: The sample.
        labels: int32 [N], what they train as; one below 0 has no mask.
    """
    outlines = sample.outlines or (None,) * len(sample.labels)
    window = corners(0, 0, sample.height, sample.width)
    found = np.empty(len(labels), object)
    found[:] = [
        OutlinedObject(int(label), outline if label >= 0 else None, _STILL, (window,))
        for label, outline in zip(labels, outlines, strict=True)
    ]
    return found


def moved(objects: np.ndarray, move: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Move objects along with their picture.

    Args:
        objects: Object array [N] of OutlinedObject; labels alone are returned as they are.
        move: float64 [2, 3], what takes (x, y, 1) to (x, y) after the move.
        window: float64 [4, 2], corners, after the move, of what is left of the picture.

    Returns:
        An array of the same length.
    """
    if objects.dtype != object:
        return objects
    after = np.empty(len(objects), object)
    after[:] = [
        replace(
            each,
            move=move[:, :2] @ each.move + [[0, 0, move[0, 2]], [0, 0, move[1, 2]]],
            windows=(*(_at(move, corner) for corner in each.windows), window),
        )
        for each in objects
    ]
    return after


def move_of(view: View) -> np.ndarray:
    """Return what takes (x, y, 1) of the whole picture to (x, y) in a view, float64 [2, 3]."""
    top, left, height, width = view.window
    down, right = view.shape[0] / height, view.shape[1] / width
    move = np.array(
        [[right / view.reduction, 0, -left * right], [0, down / view.reduction, -top * down]]
    )
    if view.flip:
        move[0] = -move[0]
        move[0, 2] += view.shape[1]
    return move


def corners(top: float, left: float, bottom: float, right: float) -> np.ndarray:
    """Return the corners of a rectangle, float64 [4, 2] of (x, y)."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def grid_masks(
    objects: np.ndarray, boxes: np.ndarray, image_size: tuple[int, int], room: int
) -> np.ndarray:
    """Return the share of each cell that each object covers, inside its box.

    Args:
        objects: Object array [N] of OutlinedObject, moved into the network's input.
        boxes: float32 [N, 4], yxyx in network pixels.
        image_size: (height, width) of the network's input.
        room: Rows of the result.

    Returns:
        uint8 [room, rows, columns], shares times 255; zeros for an object without an outline.
    """
    grid = mask_grid(image_size)
    masks = np.zeros((room, *grid), np.uint8)
    for mask, each, box in zip(masks, objects, boxes, strict=False):
        if each.outline is None:
            continue
        top, left = (max(0, int(edge // MASK_STRIDE)) for edge in box[:2])
        bottom, right = (
            min(count, int(-(-edge // MASK_STRIDE)))
            for count, edge in zip(grid, box[2:], strict=True)
        )
        size = (bottom - top) * MASK_STRIDE, (right - left) * MASK_STRIDE
        if min(size) > 0:
            pixels = _pixels(each, each.outline, np.array([left, top]) * MASK_STRIDE, size)
            mask[top:bottom, left:right] = _shares(pixels)
    return masks


def _pixels(
    each: OutlinedObject, outline: Outline, corner: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """uint8 [*size]: what the object covers of the part of the input that begins at `corner`."""
    move = each.move - [[0, 0, corner[0]], [0, 0, corner[1]]]
    if isinstance(outline, Polygons):
        pixels = rasterised(Polygons(tuple(_at(move, part) for part in outline.parts)), *size)
    else:
        annotated = rasterised(outline, outline.height, outline.width)
        # OpenCV counts from the middle of a pixel
        move = move + [[0, 0, move[0, :2].sum() / 2 - 0.5], [0, 0, move[1, :2].sum() / 2 - 0.5]]
        pixels = cv2.warpAffine(annotated, move, size[::-1], flags=cv2.INTER_NEAREST)
    for window in each.windows:
        inside = window - corner
        if not _covers(inside, corners(0, 0, *size)):
            pixels = pixels * rasterised(Polygons((inside,)), *size)
    return pixels


def _covers(window: np.ndarray, points: np.ndarray) -> bool:
    """Return whether points [n, 2] all lie in a convex window [4, 2]."""
    edges = np.roll(window, -1, axis=0) - window
    to_points = points[:, None] - window
    sides = edges[:, 0] * to_points[..., 1] - edges[:, 1] * to_points[..., 0]
    return bool((sides >= 0).all() or (sides <= 0).all())


def _shares(pixels: np.ndarray) -> np.ndarray:
    cells = pixels.reshape(
        pixels.shape[0] // MASK_STRIDE, MASK_STRIDE, pixels.shape[1] // MASK_STRIDE, MASK_STRIDE
    )
    return (cells.mean(axis=(1, 3), dtype=np.float32) * 255 + 0.5).astype(np.uint8)


def _at(move: np.ndarray, points: Sequence | np.ndarray) -> np.ndarray:
    return np.asarray(points, np.float64) @ move[:, :2].T + move[:, 2]
