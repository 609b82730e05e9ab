"""The anchor grid of EfficientDet and RetinaNet (focal loss paper, section 4), scaled per model."""

from __future__ import annotations

import math

import numpy as np

ASPECT_RATIOS = (1.0, 2.0, 0.5)
SCALES_PER_OCTAVE = 3
BACKBONE_STRIDE = 32  # pixels of a cell of P5, the last feature map of every backbone


def padded_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """Return the size that a network works at: each side up to the next multiple of 32.

    Where a feature map of the backbone has an odd side, the convolution that halves it looks half a
    cell further up and left than on an even one (SAME padding), and the anchors no longer lie where
    the network was trained to see them.

    Args:
        image_size: (height, width) of the network's input in pixels.

    Returns:
        (height, width) in pixels.
    """
    height, width = (-(-side // BACKBONE_STRIDE) * BACKBONE_STRIDE for side in image_size)
    return height, width


def feature_sizes(image_size: tuple[int, int], max_level: int) -> list[tuple[int, int]]:
    """List the sizes of the pyramid levels; each is half the one before, rounded up.

    Args:
        image_size: (height, width) of the network's input in pixels.
        max_level: The highest level.

    Returns:
        (height, width) of levels 0 to max_level.
    """
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
    """Lay the anchors over a network's input.

    A cell's centre is (index + 0.5) * stride, with stride = image size / feature size.

    Args:
        image_size: (height, width) in pixels.
        min_level: The lowest pyramid level.
        max_level: The highest one.
        anchor_scale: Side of the smallest square anchor, in strides.
        aspect_ratios: width / height of the anchors of a cell.
        scales_per_octave: Sizes of anchors between one level and the next.

    Returns:
        float32 [A, 4], [ymin, xmin, ymax, xmax] in network pixels, not clipped. A runs over levels,
        rows, columns, then the anchors of a cell: scales outermost, then aspect ratios.
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
