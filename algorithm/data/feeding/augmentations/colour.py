"""Random brightness, contrast, saturation and hue, on the pixels the network is about to see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from algorithm.ops.image import pad_bottom_right


@dataclass(frozen=True)
class Colour:
    """Largest changes.

    Attributes:
        brightness: Of the range of values.
        contrast: Of a factor 1.
        saturation: Of a factor 1.
        hue: Of the circle.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    @property
    def changes(self) -> bool:
        """Whether anything is changed at all."""
        return any((self.brightness, self.contrast, self.saturation, self.hue))

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the changes of a picture.

        Returns:
            float32 [4]: what is added to brightness, factors of contrast and saturation, and the
            turn of the hue.
        """
        limits = np.array([self.brightness, self.contrast, self.saturation, self.hue])
        return (rng.uniform(-limits, limits) + [0, 1, 1, 0]).astype(np.float32)


def recolour(image: tf.Tensor, extent: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    """Change the colours of the picture inside the extent; zeros stand outside of it.

    Args:
        image: uint8 [H, W, 3].
        extent: int32 [2], the rows and columns that are picture.
        drawn: float32 [4], the changes of Colour.draw, made in the order they stand there.

    Returns:
        uint8 [H, W, 3].
    """
    brightness, contrast, saturation, hue = tf.unstack(drawn, 4)
    scaled = tf.cast(image[: extent[0], : extent[1]], tf.float32) / 255.0
    scaled = tf.clip_by_value(scaled + brightness, 0.0, 1.0)
    scaled = tf.clip_by_value(tf.image.adjust_contrast(scaled, contrast), 0.0, 1.0)
    scaled = tf.image.adjust_hue(tf.image.adjust_saturation(scaled, saturation), hue)
    changed = tf.cast(tf.round(255.0 * tf.clip_by_value(scaled, 0.0, 1.0)), tf.uint8)
    return pad_bottom_right(changed, tuple(image.shape[:2]))
