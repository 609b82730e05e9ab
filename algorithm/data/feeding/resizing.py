"""Resizing of decoded pictures outside the TensorFlow graph, in whole numbers.

The pixels go straight into the network's input. The graph's own resize gives float32: several times
the bytes to write, to pad, to batch and to copy to a device.
"""

from __future__ import annotations

import cv2
import numpy as np

from algorithm.ops.image import FINE_STEPS

# Bytes: TensorFlow takes over an array that starts at a multiple of it, and copies any other.
_ALIGNMENT = 64
cv2.setNumThreads(
    1
)  # tf.data runs many of these side by side; threads of OpenCV's own would only compete with them


def place(
    pixels: np.ndarray,
    shape: tuple[int, int],
    target: tuple[int, int],
    *,
    fine: bool,
    flip: bool = False,
) -> np.ndarray:
    """Resize a picture to `shape` into the top left corner of the target, zeros elsewhere.

    Args:
        pixels: uint8 [H, W, 3], resized bilinearly as ops.image.resize does.
        shape: (height, width) of the resized picture.
        target: (height, width) of the result.
        fine: Give uint16 in 1/256 of a grey level, within 0.02 grey levels of that; else uint8,
            within one.
        flip: Mirror left to right.

    Returns:
        [*target, 3], uint16 if `fine`, else uint8.
    """
    canvas = _aligned((*target, 3), np.uint16 if fine else np.uint8)
    if fine:
        pixels = np.multiply(pixels, np.uint16(FINE_STEPS), dtype=np.uint16)
    if flip:
        pixels = cv2.flip(pixels, 1)
    cv2.resize(
        pixels, shape[::-1], dst=canvas[: shape[0], : shape[1]], interpolation=cv2.INTER_LINEAR
    )
    canvas[shape[0] :] = 0
    canvas[: shape[0], shape[1] :] = 0
    return canvas


def _aligned(shape: tuple[int, ...], kind: type[np.generic]) -> np.ndarray:
    size = np.dtype(kind).itemsize * int(np.prod(shape))
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(kind).reshape(shape)
