"""Random changes to a whole training picture and its boxes.

Every draw comes from the generator that is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from algorithm.data.feeding.augmentations.autoaugment import apply_policy
from algorithm.data.feeding.augmentations.colour import Colour
from algorithm.data.feeding.augmentations.holes import cut_out, grid_mask
from algorithm.data.feeding.augmentations.mosaic import mosaic
from algorithm.hyperparameters.random_scales import RANDOM

# Pixels uint8 [H, W, 3], boxes float32 [N, 4] yxyx pixels and labels int32 [N] of the sample with
# an index.
Load = Callable[[int], tuple[np.ndarray, np.ndarray, np.ndarray]]
HOLE = 0.25  # half the side of a cut-out hole, of the shorter side of the picture


@dataclass(frozen=True)
class Augmentation:
    """What is done to training pictures; the defaults are the published ones.

    Attributes:
        flip: Mirror half of the pictures.
        jitter: Least and greatest scale, relative to the network's input.
        policy: A learned policy ("v0" to "v3"), "randaug", or "" for none.
        grid_mask: Lay a black grid over every picture.
        cutout: Share of the pictures with a grey hole.
        mosaic: Share of the pictures that are made of four.
        mosaic_epochs: Mosaics are made in epochs below this number (counted from 0), None for
            always.
        colour: Largest random changes.
    """

    flip: bool = True
    jitter: tuple[float, float] = RANDOM
    policy: str = ""
    grid_mask: bool = False
    cutout: float = 0.0
    mosaic: float = 0.0
    mosaic_epochs: int | None = None
    colour: Colour = Colour()

    @property
    def whole_picture(self) -> bool:
        """Whether anything is drawn that needs all pixels before the view is cut out of them."""
        return bool(self.policy or self.grid_mask or self.cutout or self.mosaic)

    @property
    def changes(self) -> bool:
        """Whether a picture is another one in every epoch."""
        return self.flip or self.jitter != (1.0, 1.0) or self.whole_picture or self.colour.changes

    @property
    def pictures(self) -> int:
        """How many samples one training picture can show."""
        return 4 if self.mosaic else 1


def augmented(
    index: int,
    *,
    load: Load,
    count: int,
    target: tuple[int, int],
    augmentation: Augmentation,
    epoch: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a sample with all whole-picture changes.

    Args:
        index: The sample.
        load: Gives the pixels, boxes and labels of a sample.
        count: Samples there are (a mosaic takes others).
        target: (height, width) of a mosaic.
        augmentation: What is done.
        epoch: Counted from 0.
        rng: Where all draws come from.

    Returns:
        (pixels uint8 [H, W, 3], boxes float32 [N, 4] yxyx pixels, labels [N]).
    """
    until = augmentation.mosaic_epochs
    if rng.random() < augmentation.mosaic and (until is None or epoch < until):
        others = rng.integers(count, size=3).tolist()
        pixels, boxes, labels = mosaic([load(number) for number in (index, *others)], target, rng)
    else:
        pixels, boxes, labels = load(index)
    picture = Image.fromarray(pixels)
    if augmentation.policy:
        picture, boxes, labels = apply_policy(augmentation.policy, picture, boxes, labels, rng)
    if augmentation.grid_mask:
        picture = grid_mask(picture, rng)
    if rng.random() < augmentation.cutout:
        picture = cut_out(picture, max(1, int(HOLE * min(picture.size))), rng)
    shown = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return np.asarray(picture), boxes[shown], labels[shown]
