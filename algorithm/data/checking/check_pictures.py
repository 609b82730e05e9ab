"""Pictures of a dataset with boxes and outlines drawn in, chosen to show it all with few."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from algorithm.data.feeding.decoding import PictureError, decode_image
from algorithm.data.outlines import rasterised
from algorithm.data.sample import Dataset, Sample
from algorithm.pages.box_drawing import class_colour, draw_detections

LONGEST_SIDE = 640  # pixels of a drawn picture
TINT = 0.4  # share of the colour of a class in what an outline covers
LOOKED_AT = 5_000  # samples among which pictures are chosen


def report_pictures(dataset: Dataset, count: int) -> list[np.ndarray]:
    """Return up to `count` pictures with their boxes and outlines.

    The same dataset gives the same pictures.

    Returns:
        uint8 [H, W, 3] of each, at most LONGEST_SIDE a side.

    Raises:
        DataError: As of reading a picture.
    """
    return [drawn(sample, dataset.label_names) for sample in chosen_samples(dataset, count)]


def chosen_samples(dataset: Dataset, count: int) -> list[Sample]:
    """Choose samples that show every class.

    Those of the rarest class come first, then the fullest ones and one without objects.
    """
    samples = _some((*dataset.train, *dataset.eval))
    pictures = np.bincount(
        np.concatenate(
            [np.unique(sample.labels) for sample in samples] + [np.zeros(0, int)]
        ).astype(np.int64),
        minlength=len(dataset.label_names),
    )
    chosen: list[Sample] = []
    seen: set[int] = set()
    for label in np.argsort(pictures, kind="stable"):
        if len(chosen) < count and pictures[label] and int(label) not in seen:
            sample = max(
                (one for one in samples if label in one.labels),
                key=lambda one: len(set(one.labels.tolist()) - seen),
            )
            chosen.append(sample)
            seen |= set(sample.labels.tolist())
    left = [sample for sample in samples if not any(sample is one for one in chosen)]
    empty = [sample for sample in left if not len(sample.labels)][:1]
    fullest = sorted(
        (sample for sample in left if len(sample.labels)), key=lambda one: -len(one.labels)
    )
    spread = fullest[:: max(1, len(fullest) // max(1, count - len(chosen)))]
    return [*chosen, *empty, *spread][:count]


def drawn(sample: Sample, label_names: Sequence[str]) -> np.ndarray:
    """Return the picture, made smaller, with its boxes; ignored objects are marked as such.

    What an outline covers is tinted in the colour of its class.

    Returns:
        uint8 [H, W, 3].
    """
    pixels = Image.fromarray(_tinted(_pixels(sample), sample, label_names))
    scale = min(1.0, LONGEST_SIDE / max(pixels.size))
    width, height = (max(1, round(side * scale)) for side in pixels.size)
    pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
    labels = [
        label_names[label] + (" (ignored)" if crowd else "")
        for label, crowd in zip(sample.labels, sample.is_crowd, strict=True)
    ]
    return draw_detections(
        np.asarray(pixels), sample.boxes * scale, labels, label_names=label_names
    )


def _pixels(sample: Sample) -> np.ndarray:
    """Return the picture, or a red one of its size where it cannot be read.

    So the rest of the page still shows.
    """
    try:
        return decode_image(Path(sample.path).read_bytes(), sample.path, sample.bit_depth)
    except (OSError, PictureError):
        return np.full((sample.height, sample.width, 3), (160, 0, 0), np.uint8)


def _tinted(pixels: np.ndarray, sample: Sample, label_names: Sequence[str]) -> np.ndarray:
    """The pixels with those that outlines cover in a mixture with the colour of the class."""
    if sample.outlines is None or pixels.shape[:2] != (sample.height, sample.width):
        return pixels
    tinted = pixels.copy()
    for label, outline in zip(sample.labels, sample.outlines, strict=True):
        if outline is not None:
            inside = rasterised(outline, sample.height, sample.width).astype(bool)
            colour = np.array(class_colour(label_names[label]), np.float32)
            tinted[inside] = (1 - TINT) * tinted[inside] + TINT * colour
    return tinted


def _some(samples: Sequence[Sample]) -> Sequence[Sample]:
    return samples if len(samples) <= LOOKED_AT else samples[:: -(-len(samples) // LOOKED_AT)]
