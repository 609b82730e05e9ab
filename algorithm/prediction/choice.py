"""Which detections count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from algorithm.errors import ArgumentError
from algorithm.modelarts.exported_file import Thresholds
from algorithm.ops.box_arrays import iou

Found = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Choice:
    """What is asked of a model. `Choice.of` checks it.

    Attributes:
        score: The least score, 0 to 1.
        overlap: The IoU above which the worse box of a class is dropped, or None.
        labels: The classes that count, from 0; None for all.
        most: How many detections to keep at most, the best ones; None for all.
        of_classes: The least score of each class, where classes have one of their own; else empty.
    """

    score: float
    overlap: float | None = None
    labels: tuple[int, ...] | None = None
    most: int | None = None
    of_classes: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        label_names: Sequence[str],
        thresholds: Thresholds,
        score: float | None = None,
        classes: Sequence[str] | None = None,
        most: int | None = None,
    ) -> Choice:
        """Check what is asked for.

        Args:
            label_names: The names of the model's classes.
            thresholds: The model's own.
            score: The least score; None for the model's own.
            classes: Names of the classes that count, None for all.
            most: How many detections to keep at most; None for all.

        Returns:
            The choice.

        Raises:
            ArgumentError: A number is out of range, or a class is unknown.
        """
        if score is not None and not 0 <= score <= 1:
            raise ArgumentError(f"score: expected 0 to 1, found {score}")
        if most is not None and most < 1:
            raise ArgumentError(f"at most so many detections: expected 1 or more, found {most}")
        named = [classes] if isinstance(classes, str) else classes
        unknown = [str(name) for name in named or () if name not in label_names]
        if unknown:
            raise ArgumentError(
                f"classes: expected some of {', '.join(label_names)}, found {', '.join(unknown)}"
            )
        return cls(
            thresholds.confidence if score is None else score,
            thresholds.overlap,
            None if named is None else tuple(list(label_names).index(name) for name in named),
            most,
            tuple(thresholds.per_class.get(name, thresholds.confidence) for name in label_names)
            if score is None and thresholds.per_class
            else (),
        )

    def counting(self, found: Found) -> np.ndarray:
        """Return which detections count, as the service chooses them.

        Args:
            found: boxes [N, 4] yxyx, scores [N], labels [N] from 0, the best first.

        Returns:
            int [M], their indices, the best first.
        """
        least = np.array(self.of_classes)[found["labels"]] if self.of_classes else self.score
        counts = found["scores"] >= least
        if self.labels is not None:
            counts &= np.isin(found["labels"], self.labels)
        kept = np.flatnonzero(counts)
        if self.overlap is not None:
            kept = _without_overlaps(found, kept, self.overlap)
        return kept[: self.most]


def _without_overlaps(found: Found, kept: np.ndarray, most: float) -> np.ndarray:
    """Drop each detection that overlaps a better one of its class by more than `most`."""
    boxes, labels = found["boxes"], found["labels"]
    chosen: list[int] = []
    for index in kept:
        rivals = [other for other in chosen if labels[other] == labels[index]]
        if (iou(boxes[index][None], boxes[rivals]) <= most).all():
            chosen.append(index)
    return np.array(chosen, dtype=int)
