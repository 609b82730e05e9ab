"""The strokes of Label Studio's brush: run lengths packed in bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from algorithm.data.readers.outline_forms import size_of

CHANNELS = 4  # red, green, blue and alpha of each pixel
COUNT_BITS, WORD_BITS, SIZE_BITS, SIZES, CHOICE_BITS = 32, 5, 4, 4, 2


class _Bits:
    """Reads numbers from a row of bits, the highest bit first."""

    def __init__(self, data: np.ndarray) -> None:
        self.bits = np.unpackbits(data)
        self.place = 0

    def number(self, length: int) -> int:
        return int(self.numbers(1, length)[0])

    def numbers(self, count: int, length: int) -> np.ndarray:
        end = self.place + count * length
        if end > len(self.bits):
            raise ValueError("expected whole run lengths of a brush, found them cut off")
        rows = self.bits[self.place : end].reshape(count, length).astype(np.int64)
        self.place = end
        return rows @ (1 << np.arange(length - 1, -1, -1, dtype=np.int64))


def brush_mask(data: Any, height: Any, width: Any) -> np.ndarray:
    """Return the pixels that a brush covered.

    The bits hold the number of values, the bits of a value less one, four lengths less one; then
    packets: whether it is a run, which length its count has, the count less one, and its value, or
    as many values.

    Args:
        data: Numbers 0..255.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.

    Returns:
        bool [height, width], where alpha is not 0.

    Raises:
        ValueError: They are no such numbers, or of a picture of another size.
    """
    high, wide = size_of(height, width)
    wanted = high * wide * CHANNELS
    try:
        bits = _Bits(np.asarray(data, np.int64).astype(np.uint8).reshape(-1))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"expected bytes of a brush, found {str(data)[:60]!r}") from error
    found = bits.number(COUNT_BITS)
    if found != wanted:
        raise ValueError(
            f"expected the {wanted} values of a brush on {wide}x{high} pixels, found {found}"
        )
    word = bits.number(WORD_BITS) + 1
    sizes = [bits.number(SIZE_BITS) + 1 for _ in range(SIZES)]
    values = np.zeros(wanted, np.uint8)
    place = 0
    while place < wanted:
        is_run = bits.number(1)
        count = bits.number(sizes[bits.number(CHOICE_BITS)]) + 1
        if place + count > wanted:
            raise ValueError(f"expected {wanted} values of a brush, found more")
        values[place : place + count] = bits.numbers(1 if is_run else count, word) != 0
        place += count
    return values.reshape(high, wide, CHANNELS)[..., CHANNELS - 1] != 0
