"""The worst masks as pictures: the outline, and each pixel coloured by what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw

from algorithm.assessment.advice.wording import MASK_ERROR_NAMES
from algorithm.assessment.masks.boundary import inner_band
from algorithm.assessment.masks.mask_analysis import MaskAnalysis
from algorithm.assessment.masks.mask_fits import (
    CUT,
    KINDS,
    LEAK,
    MISSED_PART,
    SPILL,
    MaskPair,
    mask_pairs,
)
from algorithm.assessment.report.sample_pictures import WIDTH, Drawing, read_picture
from algorithm.data.feeding.decoding import FULL_DEPTH

COLOURS = {
    LEAK: (240, 140, 0),
    SPILL: (220, 30, 30),
    CUT: (160, 60, 200),
    MISSED_PART: (40, 90, 230),
}
RIGHT = (40, 170, 80)
STRENGTH = 0.55  # of a colour over the picture
MARGIN = 0.25  # on each side, in sides of the object


def draw_worst_masks(
    masks: MaskAnalysis, paths: Sequence[str], bit_depth: int = FULL_DEPTH
) -> Iterator[Drawing]:
    """Yield the surroundings of the worst masks.

    A picture that cannot be read is left out.

    Args:
        masks: What was found out about masks.
        paths: Picture files by place, "" where there is none.
        bit_depth: As of decode_image.

    Yields:
        A drawing of each.
    """
    records, fits = masks.masks.records, masks.fits
    for place in masks.worst():
        found = fits.found[place]
        pixels = read_picture(paths[records.pictures[found]], bit_depth)
        if pixels is None:
            continue
        one = slice(place, place + 1)
        (pair,) = mask_pairs(masks.masks, fits.found[one], fits.truth[one], MARGIN)
        kind = MASK_ERROR_NAMES[KINDS[masks.main_kinds[place]]]
        name = records.names[records.pictures[found]]
        label = records.label_names[records.labels[found]]
        yield Drawing(
            _drawn(pixels, pair, records.boxes[found]),
            (
                f"{name}: {label}, IoU {fits.iou[place]:.2f}, mostly {kind[0]}",
                f"{name}: {label}, IoU {fits.iou[place]:.2f}, 主要为{kind[1]}",
            ),
        )


def _drawn(pixels: np.ndarray, pair: MaskPair, box: np.ndarray) -> np.ndarray:
    """uint8 [h, w, 3], the longer side WIDTH."""
    (top, left), (height, width) = pair.corner, pair.found.shape
    part = pixels[top : top + height, left : left + width].astype(np.float32)
    areas = {**pair.kinds(), "": pair.found & pair.truth}
    for kind, area in areas.items():
        colour = np.array(COLOURS.get(kind, RIGHT), np.float32)
        part[area] = part[area] * (1 - STRENGTH) + colour * STRENGTH
    scale = WIDTH / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = Image.fromarray(part.round().astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    truth = Image.fromarray(pair.truth).resize(size, Image.Resampling.NEAREST)
    drawn = np.array(image)
    drawn[inner_band(np.array(truth, bool), 1)] = 255
    image = Image.fromarray(drawn)
    y1, x1, y2, x2 = (np.asarray(box) - [top, left, top, left]) * scale
    ImageDraw.Draw(image).rectangle((x1, y1, x2 - 1, y2 - 1), outline=COLOURS[CUT])
    return np.array(image)
