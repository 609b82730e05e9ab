"""All objects of a dataset as arrays, the way a network of a given input size sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from algorithm.data.checking.anchor_fit import AnchorFit
from algorithm.data.cleaning.rules.box_rules import sides
from algorithm.data.sample import Sample
from algorithm.ops.box_arrays import box_area

MATCH = 0.5  # IoU from which an anchor is trained towards a box, as in ops.anchor_matching
MOST_BOXES = 20_000  # compared with anchors; more are sampled


@dataclass(frozen=True)
class BoxTable:
    """Objects that are trained or evaluated on, as arrays of one length.

    Crowds are no targets and left out.

    Attributes:
        network: float32 [N, 4] yxyx in network pixels.
        sizes: [N, 2] height and width in network pixels.
        filled: [N] share of the picture's area.
        labels: [N].
        picture: [N] index into the samples.
        best: float32 [N] IoU with the best anchor, NaN where not compared.
    """

    network: np.ndarray
    sizes: np.ndarray
    filled: np.ndarray
    labels: np.ndarray
    picture: np.ndarray
    best: np.ndarray

    @property
    def compared(self) -> np.ndarray:
        """bool [N], which were compared with the anchors."""
        return np.isfinite(self.best)

    @property
    def matched(self) -> float | None:
        """The share of the objects that an anchor can match; None without objects."""
        return float((self.best[self.compared] >= MATCH).mean()) if self.compared.any() else None

    def part(self, chosen: np.ndarray) -> BoxTable:
        """Return the objects at a bool [N]."""
        return BoxTable(*(array[chosen] for array in vars(self).values()))


def network_scale(sample: Sample, image_size: tuple[int, int]) -> float:
    """Return network pixels per picture pixel of a whole picture fitted into `image_size`.

    Args:
        sample: The picture.
        image_size: (height, width) of the network's input.
    """
    return min(image_size[0] / sample.height, image_size[1] / sample.width)


def box_table(samples: Sequence[Sample], image_size: tuple[int, int], fit: AnchorFit) -> BoxTable:
    """Fit the objects of the samples into `image_size` and compare them with the anchors.

    At most MOST_BOXES of them are compared.

    Args:
        samples: The samples.
        image_size: (height, width) of the network's input.
        fit: The anchors.

    Returns:
        The objects as a table.
    """
    singles = [sample.boxes[~sample.is_crowd] for sample in samples]
    counts = [len(rows) for rows in singles]
    boxes = np.concatenate([*singles, np.zeros((0, 4), np.float32)])
    labels = np.concatenate(
        [*(sample.labels[~sample.is_crowd] for sample in samples), np.zeros(0, np.int32)]
    )
    scales = np.repeat([network_scale(sample, image_size) for sample in samples], counts).astype(
        np.float32
    )
    pixels = np.repeat([sample.width * sample.height for sample in samples], counts)
    network = boxes * scales[:, None]
    best, part = np.full(len(boxes), np.nan, np.float32), np.arange(len(boxes))
    if len(part) > MOST_BOXES:
        part = np.sort(np.random.default_rng(0).choice(part, MOST_BOXES, replace=False))
    best[part] = fit.best_iou(network[part])
    return BoxTable(
        network,
        sides(network),
        box_area(boxes) / pixels,
        labels,
        np.repeat(np.arange(len(samples)), counts),
        best,
    )
