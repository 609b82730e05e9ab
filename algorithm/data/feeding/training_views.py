"""The random view of a sample in a training batch: its pixels, plan, boxes, labels and masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np

from algorithm.data.feeding.augmentation import Augmentation, augmented
from algorithm.data.feeding.flip_crop_scale import View, boxes_in_view, plan_view
from algorithm.data.feeding.outline_views import corners, grid_masks, move_of, moved
from algorithm.data.feeding.picture_reader import Reader
from algorithm.data.sample import Sample

BOX_STEP = 8  # room for boxes is a multiple of this
NO_PIXELS = np.zeros((0, 0, 3), np.uint8)


def box_room(samples: Sequence[Sample], pictures: int = 1) -> int:
    """Return the room for boxes in a batch, the N of [B, N, 4].

    It is the most boxes that `pictures` samples have, crowds too, up to a multiple of 8.
    """
    most = max(len(sample.labels) for sample in samples) * pictures
    return max(1, -(-most // BOX_STEP)) * BOX_STEP


class _Picture(NamedTuple):
    """A picture before it is cropped, scaled and flipped: encoded, or as pixels.

    Attributes:
        encoded: The file, where the graph decodes it.
        pixels: uint8 [height, width, 3], or None with `encoded`.
        size: (height, width).
        boxes: float32 [n, 4] yxyx pixels.
        labels: [n], or objects with their outlines.
    """

    encoded: bytes
    pixels: np.ndarray | None
    size: tuple[int, int]
    boxes: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class TrainingViews:
    """Makes the views. Safe to call from many threads.

    Attributes:
        reader: Reads the samples.
        augmentation: What is done to the pictures.
        image_size: (height, width) of the network's input.
        seed: Of all draws, with epoch, index and copy.
        room: Boxes that a view has place for.
        masks: Whether the views have masks.
    """

    reader: Reader
    augmentation: Augmentation
    image_size: tuple[int, int]
    seed: int
    room: int
    masks: bool

    def view(self, epoch: np.int64, copy: np.int64, index: np.int64) -> tuple:
        """Return what a view is made of.

        Args:
            epoch: Counted from 0.
            copy: How often the sample came before in its epoch.
            index: The sample.

        Returns:
            (the encoded picture or else b"", the pixels of the window or else none, the plan int32
            [8], colour, boxes float32 [room, 4], labels int32 [room]) and, where they are asked
            for, masks.
        """
        rng = np.random.default_rng([self.seed, int(epoch), int(index), int(copy)])
        picture = self._picture(int(epoch), int(index), rng)
        view = plan_view(
            picture.size,
            self.image_size,
            jitter=self.augmentation.jitter,
            flip=self.augmentation.flip,
            reducible=picture.pixels is None,
            rng=rng,
        )
        boxes, labels = boxes_in_view(view, picture.boxes, picture.labels)
        covered = []
        if self.masks:
            objects = moved(labels, move_of(view), corners(0, 0, *view.shape))
            covered = [grid_masks(objects, boxes, self.image_size, self.room)]
            labels = np.array([each.label for each in objects], np.int32)
        return (
            picture.encoded,
            NO_PIXELS if picture.pixels is None else _window(picture.pixels, view),
            _numbers(view),
            self.augmentation.colour.draw(rng),
            *self._padded(boxes, labels),
            *covered,
        )

    def _picture(self, epoch: int, index: int, rng: np.random.Generator) -> _Picture:
        """The picture with all whole-picture changes, encoded only where there are none."""
        truth = self.reader.outlined_truth if self.masks else self.reader.truth
        if self.augmentation.whole_picture:
            pixels, boxes, labels = augmented(
                index,
                load=lambda number: (self.reader.pixels(number), *truth(number)),
                count=len(self.reader.samples),
                target=self.image_size,
                augmentation=self.augmentation,
                epoch=epoch,
                rng=rng,
            )
            return _Picture(b"", pixels, _size(pixels), boxes, labels)
        encoded, size = self.reader.encoded(index)
        if size is not None:
            return _Picture(encoded, None, size, *truth(index))
        pixels = self.reader.pixels(index)
        return _Picture(b"", pixels, _size(pixels), *truth(index))

    def _padded(self, boxes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        all_boxes = np.zeros((self.room, 4), np.float32)
        all_labels = np.full(self.room, -1, np.int32)
        all_boxes[: len(boxes)], all_labels[: len(labels)] = boxes, labels
        return all_boxes, all_labels


def _size(pixels: np.ndarray) -> tuple[int, int]:
    return cast(tuple[int, int], pixels.shape[:2])


def _window(pixels: np.ndarray, view: View) -> np.ndarray:
    top, left, height, width = view.window
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _numbers(view: View) -> np.ndarray:
    return np.array([view.reduction, *view.window, *view.shape, view.flip], np.int32)
