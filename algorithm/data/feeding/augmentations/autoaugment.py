"""Carrying out a learned policy: what each operation does to a picture and its objects."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from algorithm.data.feeding.augmentations import enhance
from algorithm.data.feeding.augmentations.holes import cut_out, cut_out_in_box
from algorithm.data.feeding.augmentations.policies import POLICIES
from algorithm.data.feeding.augmentations.warp import (
    move_from,
    rotation,
    shear,
    translation,
    warp,
    warped_boxes,
)
from algorithm.data.feeding.outline_views import corners, moved


class Changed(NamedTuple):
    """What an operation makes of a picture.

    Attributes:
        picture: Of the same size.
        source: Where its pixels come from, as of `warp`; None where nothing moved.
    """

    picture: Image.Image
    source: np.ndarray | None = None


# A picture (RGB), boxes float32 [N, 4] yxyx pixels, strength 0..10 and a generator to what is made
# of them.
Operation = Callable[[Image.Image, np.ndarray, float, np.random.Generator], Changed]

SHIFT, SHIFT_IN_BOX = 250, 120  # pixels at the greatest strength
HOLE, HOLE_IN_BOX = 100, 50  # half the side of a hole, in pixels
HOLE_SHARE = 0.75  # of a box's sides
SHEAR, TURN = 0.3, 30.0  # pixels per pixel, degrees
BOX_ONLY_SHARE = (
    1 / 3
)  # of the probability, for each box, where only the content of boxes is changed


def apply_policy(
    name: str,
    picture: Image.Image,
    boxes: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
) -> tuple[Image.Image, np.ndarray, np.ndarray]:
    """Change the picture and its objects by one sub-policy, drawn at random.

    Args:
        name: The policy.
        picture: RGB.
        boxes: float32 [N, 4] yxyx pixels.
        labels: Labels or OutlinedObject [N].
        rng: Where the draws come from.

    Returns:
        (picture, boxes, labels). A box that left the picture has no area.
    """
    policy = POLICIES[name]
    for operation, probability, strength in policy[rng.integers(len(policy))]:
        if operation in BOX_ONLY:
            picture, labels = _in_boxes(
                BOX_ONLY[operation],
                picture,
                boxes,
                labels,
                probability * BOX_ONLY_SHARE,
                strength,
                rng,
            )
        elif rng.random() < probability:
            picture, source = OPERATIONS[operation](picture, boxes, strength, rng)
            if source is not None:
                width, height = picture.size
                boxes = warped_boxes(boxes, source, picture.size)
                labels = moved(labels, move_from(source), corners(0, 0, height, width))
    return picture, boxes, labels


def _signed(greatest: float, strength: float, rng: np.random.Generator) -> float:
    return float(rng.choice([-1, 1])) * greatest * strength / enhance.GREATEST


def _values(
    change: Callable, picture: Image.Image, _: np.ndarray, strength: float, __: np.random.Generator
) -> Changed:
    return Changed(change(picture, strength))


def _moved(picture: Image.Image, source: np.ndarray) -> Changed:
    return Changed(warp(picture, source), source)


def _translate(
    picture: Image.Image,
    _: np.ndarray,
    strength: float,
    rng: np.random.Generator,
    *,
    axis: int,
    greatest: int,
) -> Changed:
    shift = int(_signed(greatest, strength, rng))
    return _moved(picture, translation(*((shift, 0) if axis == 0 else (0, shift))))


def _shear(
    picture: Image.Image, _: np.ndarray, strength: float, rng: np.random.Generator, *, axis: int
) -> Changed:
    amount = _signed(SHEAR, strength, rng)
    return _moved(picture, shear(*((amount, 0) if axis == 0 else (0, amount))))


def _rotate(
    picture: Image.Image, _: np.ndarray, strength: float, rng: np.random.Generator
) -> Changed:
    return _moved(picture, rotation(_signed(TURN, strength, rng), picture.size))


def _cut_out(
    picture: Image.Image,
    _: np.ndarray,
    strength: float,
    rng: np.random.Generator,
    *,
    greatest: int,
) -> Changed:
    return Changed(cut_out(picture, int(greatest * strength / enhance.GREATEST), rng))


def _cut_out_in_box(
    picture: Image.Image, boxes: np.ndarray, strength: float, rng: np.random.Generator
) -> Changed:
    return Changed(cut_out_in_box(picture, boxes, HOLE_SHARE * strength / enhance.GREATEST, rng))


def _flip(picture: Image.Image, _: np.ndarray, __: float, ___: np.random.Generator) -> Changed:
    """Only for the content of a box."""
    return Changed(ImageOps.mirror(picture), np.array([[-1, 0, picture.width], [0, 1, 0]], float))


def _in_boxes(
    operation: Operation,
    picture: Image.Image,
    boxes: np.ndarray,
    labels: np.ndarray,
    probability: float,
    strength: float,
    rng: np.random.Generator,
) -> tuple[Image.Image, np.ndarray]:
    """Do the operation to the content of each box alone, each with this probability.

    The box stays; the outline of its object moves within it. Others that lie there too keep theirs.
    """
    picture, labels = picture.copy(), labels.copy()
    nothing = np.zeros((0, 4), np.float32)
    for number in rng.permutation(len(boxes)):
        top, left, bottom, right = (int(edge) for edge in boxes[number].round())
        if rng.random() < probability and top < bottom and left < right:
            content = picture.crop((left, top, right, bottom))
            changed, source = operation(content, nothing, strength, rng)
            picture.paste(changed, (left, top))
            if source is not None:
                corner = np.array([left, top])
                move = move_from(source)
                move[:, 2] += corner - move[:, :2] @ corner
                one = slice(number, number + 1)
                labels[one] = moved(labels[one], move, corners(top, left, bottom, right))
    return picture, labels


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
