"""The one internal form of an annotated picture, and of a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from algorithm.data.outlines import Outline


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture with its ground truth.

    Attributes:
        image_id: Any string, unique in the dataset.
        path: Local picture file.
        source: What the user called it.
        width: Of the upright picture (EXIF orientation applied), in pixels.
        height: Of the upright picture, in pixels.
        boxes: float32 [N, 4], [ymin, xmin, ymax, xmax] in pixels of the upright picture.
        labels: int32 [N], 0..K-1, index into Dataset.label_names.
        is_crowd: bool [N]; difficult or crowd objects: neither objects nor background in training,
            marked in evaluation.
        usage: "train" or "eval".
        areas: float32 [N], areas of the objects in square pixels where the dataset records them
            (COCO: of the outline), by which small, medium and large are told apart in evaluation;
            None: the boxes' own areas.
        outlines: N outlines, None for an object without one; None where the dataset has none.
        bit_depth: The bits that the picture uses if it is one of 16, as of decode_image.
    """

    image_id: str
    path: str
    source: str
    width: int
    height: int
    boxes: np.ndarray
    labels: np.ndarray
    is_crowd: np.ndarray
    usage: str
    areas: np.ndarray | None = None
    outlines: tuple[Outline | None, ...] | None = None
    bit_depth: int = 16


@dataclass(frozen=True)
class Dataset:
    """Samples split by usage, the label map, and what a person should know about them.

    Attributes:
        category_ids: COCO category id of each label (for datasets that bring ids), else 1..K.
        warnings: Lines to log.
        fingerprint: Changes when samples, boxes, labels or the split change.
        split_rule: What made the split, in words.
        seen: Ids of the samples that a model may have been trained on, by the split that its job
            recorded; None where no record was given.
        same_eval: Whether the evaluation samples are those of that record and no others.
        before: The content, by name, of each picture that the job's starting weights or teacher
            were trained on, see SplitRecord.
        name: For people: the file or folder it was read from; "" where that is not known.
    """

    train: tuple[Sample, ...]
    eval: tuple[Sample, ...]
    label_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    warnings: tuple[str, ...] = field(default=())
    fingerprint: str = ""
    split_rule: str = ""
    seen: frozenset[str] | None = None
    same_eval: bool = False
    name: str = ""
    before: Mapping[str, str] = field(default_factory=dict)

    def seen_among(self, samples: Sequence[Sample]) -> int | None:
        """Return how many samples may have been trained on; None where that is not known."""
        if self.seen is None:
            return None
        return sum(sample.image_id in self.seen for sample in samples)
