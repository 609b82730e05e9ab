"""The outline of an object: polygons or run lengths, and the pixels they cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask


@dataclass(frozen=True)
class Polygons:
    """An outline as parts whose union the object is. Parts may lie partly outside the picture.

    Attributes:
        parts: Each float32 [n, 2], n >= 3: (x, y) corners in pixels of the upright picture, where
            x = 0 is its left edge and x = width its right one.
    """

    parts: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class RunLengths:
    """An outline as run lengths of its pixels, as COCO counts them.

    Attributes:
        height: Of the upright picture, in pixels.
        width: Of the upright picture, in pixels.
        counts: COCO's compressed text of the run lengths: column by column, zeros first.
    """

    height: int
    width: int
    counts: bytes


Outline = Polygons | RunLengths


def rasterised(outline: Outline, height: int, width: int) -> np.ndarray:
    """Return the pixels that an outline covers, by the rule of pycocotools.

    Args:
        outline: Run lengths must be of the same size.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.

    Returns:
        uint8 [height, width], 1 inside.

    Raises:
        ValueError: Run lengths are of another size.
    """
    return coco_mask.decode(run_lengths(outline, height, width))


def run_lengths(outline: Outline, height: int, width: int) -> dict:
    """Return an outline as pycocotools' {"size": [height, width], "counts": bytes}.

    Args:
        outline: Run lengths must be of the same size.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.

    Raises:
        ValueError: Run lengths are of another size.
    """
    if isinstance(outline, Polygons):
        rows = [part.astype(np.float64).ravel().tolist() for part in outline.parts]
        return coco_mask.merge(coco_mask.frPyObjects(rows, height, width))
    if (outline.height, outline.width) != (height, width):
        raise ValueError(
            f"expected run lengths of {height}x{width} pixels, found {outline.height}x"
            f"{outline.width}"
        )
    return {"size": [height, width], "counts": outline.counts}


def compressed_masks(runs: np.ndarray, height: int, width: int) -> np.ndarray:
    """Compress masks, to keep those of many pictures.

    Args:
        runs: int32 [M, R], of ops.mask_assembly.mask_runs.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.

    Returns:
        An object array [M] of RunLengths.
    """
    masks = np.empty(len(runs), object)
    for place, counts in enumerate(runs):
        used = int(np.flatnonzero(counts)[-1]) + 1
        encoded = coco_mask.frPyObjects(
            {"size": [height, width], "counts": counts[:used].tolist()}, height, width
        )
        masks[place] = RunLengths(height, width, encoded["counts"])
    return masks
