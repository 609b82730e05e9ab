"""Which part of a picture a training step sees, and at what scale.

This is planned before the picture is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithm.data.feeding.jpeg import REDUCTIONS


@dataclass(frozen=True)
class View:
    """A window of a picture, and the size it is resized to.

    Attributes:
        reduction: The picture is decoded at 1/reduction of its size.
        window: (top, left, height, width) in pixels of the reduced picture.
        shape: (height, width) of the window in the network's input.
        flip: Mirrored left to right.
    """

    reduction: int
    window: tuple[int, int, int, int]
    shape: tuple[int, int]
    flip: bool


def plan_view(
    size: tuple[int, int],
    target: tuple[int, int],
    *,
    jitter: tuple[float, float],
    flip: bool,
    reducible: bool,
    rng: np.random.Generator,
) -> View:
    """Draw a random view of a picture for a network input.

    The picture is scaled to fit a rectangle that is `target` times a factor drawn from `jitter`; of
    what is then larger than `target` a random part is taken.

    Args:
        size: (height, width) of the picture.
        target: (height, width) of the network's input.
        jitter: Least and greatest scale, relative to `target`.
        flip: Mirror half of the views.
        reducible: The picture may be decoded at a reduced scale, which is chosen where at most half
            of its resolution is needed.
        rng: Where all draws come from.

    Returns:
        The view.
    """
    factor, *corner = (float(draw) for draw in rng.random(3))
    mirrored = flip and bool(rng.random() < 0.5)
    factor = jitter[0] + (jitter[1] - jitter[0]) * factor
    scale = min(int(factor * side) / length for side, length in zip(target, size, strict=False))
    reduction = max(step for step in REDUCTIONS if step == 1 or (reducible and scale * step <= 1))
    rows, columns = (
        _window(-(-length // reduction), max(1, int(length * scale)), side, draw)
        for length, side, draw in zip(size, target, corner, strict=False)
    )
    return View(
        reduction, (rows[0], columns[0], rows[1], columns[1]), (rows[2], columns[2]), mirrored
    )


def boxes_in_view(
    view: View, boxes: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move boxes into a view; leave out those that do not show.

    Args:
        view: The view.
        boxes: float32 [N, 4] yxyx pixels of the whole picture at its full size.
        labels: [N].

    Returns:
        Boxes float32 [M, 4] in pixels of the network's input, and labels [M].
    """
    top, left, height, width = view.window
    corner = np.array([top, left, top, left], np.float32)
    scale = np.array(view.shape * 2, np.float32) / np.array([height, width] * 2, np.float32)
    moved = np.clip(
        (boxes / np.float32(view.reduction) - corner) * scale,
        0,
        np.array(view.shape * 2, np.float32),
    )
    if view.flip:
        moved = np.stack(
            [moved[:, 0], view.shape[1] - moved[:, 3], moved[:, 2], view.shape[1] - moved[:, 1]],
            axis=1,
        )
    shown = (moved[:, 2:] > moved[:, :2]).all(axis=1)
    return moved[shown].astype(np.float32), labels[shown]


def _window(length: int, scaled: int, target: int, draw: float) -> tuple[int, int, int]:
    """Along one axis: first pixel and number of pixels taken of `length`, and how many they become.

    The window is whole pixels of the picture, so that resizing it alone gives what resizing
    everything would have."""
    if scaled <= target:
        return 0, length, scaled
    taken = min(length, max(1, round(target * length / scaled)))
    return int(draw * (length - taken + 1)), taken, target
