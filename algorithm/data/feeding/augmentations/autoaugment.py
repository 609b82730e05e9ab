"""Carrying out a learned policy: what each published operation does to a picture and its boxes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageOps

from algorithm.data.feeding.augmentations import enhance
from algorithm.data.feeding.augmentations.holes import cut_out, cut_out_in_box
from algorithm.data.feeding.augmentations.policies import POLICIES
from algorithm.data.feeding.augmentations.warp import rotation, shear, translation, warp

# A picture (RGB), boxes float32 [N, 4] yxyx pixels, strength 0..10 and a generator to a picture of
# the same size and as many boxes; one that left the picture has no area.
Operation = Callable[
    [Image.Image, np.ndarray, float, np.random.Generator], tuple[Image.Image, np.ndarray]
]

SHIFT, SHIFT_IN_BOX = 250, 120  # pixels at the greatest strength
HOLE, HOLE_IN_BOX = 100, 50  # half the side of a hole, in pixels
HOLE_SHARE = 0.75  # of a box's sides
SHEAR, TURN = 0.3, 30.0  # pixels per pixel, degrees
BOX_ONLY_SHARE = (
    1 / 3
)  # of the probability, for each box, where only the content of boxes is changed


def apply_policy(
    name: str, picture: Image.Image, boxes: np.ndarray, rng: np.random.Generator
) -> tuple[Image.Image, np.ndarray]:
    """Change the picture and its boxes by one sub-policy, drawn at random.

    Args:
        name: The policy.
        picture: RGB.
        boxes: float32 [N, 4] yxyx pixels.
        rng: Where the draws come from.

    Returns:
        (picture, boxes). A box that left the picture has no area.
    """
    policy = POLICIES[name]
    for operation, probability, strength in policy[rng.integers(len(policy))]:
        if operation in BOX_ONLY:
            picture = _in_boxes(
                BOX_ONLY[operation], picture, boxes, probability * BOX_ONLY_SHARE, strength, rng
            )
        elif rng.random() < probability:
            picture, boxes = OPERATIONS[operation](picture, boxes, strength, rng)
    return picture, boxes


def _signed(greatest: float, strength: float, rng: np.random.Generator) -> float:
    return float(rng.choice([-1, 1])) * greatest * strength / enhance.GREATEST


def _values(
    change: Callable,
    picture: Image.Image,
    boxes: np.ndarray,
    strength: float,
    _: np.random.Generator,
) -> tuple[Image.Image, np.ndarray]:
    return change(picture, strength), boxes


def _translate(
    picture: Image.Image,
    boxes: np.ndarray,
    strength: float,
    rng: np.random.Generator,
    *,
    axis: int,
    greatest: int,
) -> tuple[Image.Image, np.ndarray]:
    shift = int(_signed(greatest, strength, rng))
    return warp(picture, boxes, translation(*((shift, 0) if axis == 0 else (0, shift))))


def _shear(
    picture: Image.Image, boxes: np.ndarray, strength: float, rng: np.random.Generator, *, axis: int
) -> tuple[Image.Image, np.ndarray]:
    amount = _signed(SHEAR, strength, rng)
    return warp(picture, boxes, shear(*((amount, 0) if axis == 0 else (0, amount))))


def _rotate(
    picture: Image.Image, boxes: np.ndarray, strength: float, rng: np.random.Generator
) -> tuple[Image.Image, np.ndarray]:
    return warp(picture, boxes, rotation(_signed(TURN, strength, rng), picture.size))


def _cut_out(
    picture: Image.Image,
    boxes: np.ndarray,
    strength: float,
    rng: np.random.Generator,
    *,
    greatest: int,
) -> tuple[Image.Image, np.ndarray]:
    return cut_out(picture, int(greatest * strength / enhance.GREATEST), rng), boxes


def _cut_out_in_box(
    picture: Image.Image, boxes: np.ndarray, strength: float, rng: np.random.Generator
) -> tuple[Image.Image, np.ndarray]:
    return cut_out_in_box(picture, boxes, HOLE_SHARE * strength / enhance.GREATEST, rng), boxes


def _flip(
    picture: Image.Image, boxes: np.ndarray, _: float, __: np.random.Generator
) -> tuple[Image.Image, np.ndarray]:
    """Only for the content of a box, where there are no other boxes to move."""
    return ImageOps.mirror(picture), boxes


def _in_boxes(
    operation: Operation,
    picture: Image.Image,
    boxes: np.ndarray,
    probability: float,
    strength: float,
    rng: np.random.Generator,
) -> Image.Image:
    """Do the operation to the content of each box alone, each with this probability."""
    picture = picture.copy()
    nothing = np.zeros((0, 4), np.float32)
    for number in rng.permutation(len(boxes)):
        top, left, bottom, right = (int(edge) for edge in boxes[number].round())
        if rng.random() < probability and top < bottom and left < right:
            content = picture.crop((left, top, right, bottom))
            picture.paste(operation(content, nothing, strength, rng)[0], (left, top))
    return picture


OPERATIONS: dict[str, Operation] = {
    "AutoContrast": partial(_values, enhance.auto_contrast),
    "Brightness": partial(_values, enhance.brightness),
    "Color": partial(_values, enhance.color),
    "Contrast": partial(_values, enhance.contrast),
    "Equalize": partial(_values, enhance.equalize),
    "Posterize": partial(_values, enhance.posterize),
    "Sharpness": partial(_values, enhance.sharpness),
    "Solarize": partial(_values, enhance.solarize),
    "SolarizeAdd": partial(_values, enhance.solarize_add),
    "BBox_Cutout": _cut_out_in_box,
    "Cutout": partial(_cut_out, greatest=HOLE),
    "Rotate_BBox": _rotate,
    "ShearX_BBox": partial(_shear, axis=0),
    "ShearY_BBox": partial(_shear, axis=1),
    "TranslateX_BBox": partial(_translate, axis=0, greatest=SHIFT),
    "TranslateY_BBox": partial(_translate, axis=1, greatest=SHIFT),
}
BOX_ONLY: dict[str, Operation] = {
    "Cutout_Only_BBoxes": partial(_cut_out, greatest=HOLE_IN_BOX),
    "Equalize_Only_BBoxes": OPERATIONS["Equalize"],
    "Flip_Only_BBoxes": _flip,
    "Rotate_Only_BBoxes": _rotate,
    "ShearX_Only_BBoxes": OPERATIONS["ShearX_BBox"],
    "ShearY_Only_BBoxes": OPERATIONS["ShearY_BBox"],
    "Solarize_Only_BBoxes": OPERATIONS["Solarize"],
    "TranslateX_Only_BBoxes": partial(_translate, axis=0, greatest=SHIFT_IN_BOX),
    "TranslateY_Only_BBoxes": partial(_translate, axis=1, greatest=SHIFT_IN_BOX),
}
