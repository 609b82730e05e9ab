"""The anchor grid of EfficientDet and RetinaNet (focal loss paper, section 4, with a scale per preset)."""

from __future__ import annotations

import math

import numpy as np

ASPECT_RATIOS = (1.0, 2.0, 0.5)
SCALES_PER_OCTAVE = 3


def feature_sizes(image_size: tuple[int, int], max_level: int) -> list[tuple[int, int]]:
    """(height, width) of levels 0..max_level; each level is half the one before, rounded up."""
    sizes = [image_size]
    for _ in range(max_level):
        height, width = sizes[-1]
        sizes.append(((height - 1) // 2 + 1, (width - 1) // 2 + 1))
    return sizes


def anchor_grid(
    image_size: tuple[int, int],
    min_level: int = 3,
    max_level: int = 7,
    anchor_scale: float = 4.0,
    aspect_ratios: tuple[float, ...] = ASPECT_RATIOS,
    scales_per_octave: int = SCALES_PER_OCTAVE,
) -> np.ndarray:
    """Anchors float32 [A, 4], [ymin, xmin, ymax, xmax] in network pixels, not clipped.

    A runs over levels, rows, columns, then the anchors of a cell: scales outermost, then aspect
    ratios (width / height). A cell's centre is (index + 0.5) * stride, with stride = image size /
    feature size.
    """
    sizes = feature_sizes(image_size, max_level)
    levels = [
        _level_anchors(image_size, sizes[level], anchor_scale, aspect_ratios, scales_per_octave)
        for level in range(min_level, max_level + 1)
    ]
    return np.concatenate(levels).astype(np.float32)


def _level_anchors(
    image_size, feature_size, anchor_scale, aspect_ratios, scales_per_octave
) -> np.ndarray:
    stride_y, stride_x = image_size[0] / feature_size[0], image_size[1] / feature_size[1]
    halves = np.array(
        [
            (
                anchor_scale * stride_y * 2 ** (octave / scales_per_octave) / math.sqrt(aspect) / 2,
                anchor_scale * stride_x * 2 ** (octave / scales_per_octave) * math.sqrt(aspect) / 2,
            )
            for octave in range(scales_per_octave)
            for aspect in aspect_ratios
        ]
    )
    ys = (np.arange(feature_size[0]) + 0.5) * stride_y
    xs = (np.arange(feature_size[1]) + 0.5) * stride_x
    centres = np.stack(np.meshgrid(ys, xs, indexing="ij"), axis=-1)[:, :, None, :]
    return np.concatenate([centres - halves, centres + halves], axis=-1).reshape(-1, 4)
