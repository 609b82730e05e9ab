"""The detections in one picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from algorithm.data.outlines import RunLengths, rasterised
from algorithm.errors import ArgumentError
from algorithm.pages.box_drawing import draw_detections
from algorithm.pages.mask_drawing import draw_masks
from algorithm.prediction.other_libraries import fiftyone_detections, supervision_detections

if TYPE_CHECKING:
    import fiftyone
    import supervision


@dataclass(frozen=True, eq=False)
class Result:
    """What a model found in one picture or frame, the best score first.

    Attributes:
        source: The file, or "picture" for pixels without one.
        image: uint8 [H, W, 3], RGB, upright.
        boxes: float32 [N, 4], [ymin, xmin, ymax, xmax] in pixels of the image.
        labels: int32 [N], 0..K-1, index into label_names.
        scores: float32 [N], 0 to 1.
        label_names: The names of all K classes of the model.
        seconds: How long the model took.
        frame: The number of the frame in a video, from 0; None for a picture.
        time: Seconds from the beginning of the video; None for a picture.
        masks: The pixels of each detection, N of RunLengths; None where none were asked for.
    """

    source: str
    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    label_names: tuple[str, ...]
    seconds: float = 0.0
    frame: int | None = None
    time: float | None = None
    masks: tuple[RunLengths, ...] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return f"<Result {self.summary()}>"

    @property
    def names(self) -> list[str]:
        """The class name of each detection."""
        return [self.label_names[label] for label in self.labels]

    @property
    def xyxy(self) -> np.ndarray:
        """The boxes as most other libraries write them: [xmin, ymin, xmax, ymax] in pixels."""
        return self.boxes[:, [1, 0, 3, 2]]

    def counts(self) -> str:
        """Return each class with its number of detections and the best score, or "nothing"."""
        best: dict[str, float] = {}
        for name, score in zip(self.names, self.scores.tolist(), strict=True):
            best[name] = max(score, best.get(name, 0.0))
        counts = Counter(self.names)
        found = (f"{counts[name]} {name} {score:.2f}" for name, score in best.items())
        return ", ".join(found) or "nothing"

    def summary(self) -> str:
        """Return a line: the source, of a video with the frame, and `counts`."""
        where = self.source if self.frame is None else f"{self.source} frame {self.frame}"
        return f"{where}: {self.counts()}"

    def plot(self) -> Image.Image:
        """Return the picture with its boxes, class names and scores drawn in, and its masks."""
        size = self.image.shape[:2]
        masks = (rasterised(mask, *size) for mask in self.masks or ())
        image = draw_masks(self.image, masks, self.names) if self.masks else self.image
        drawn = draw_detections(
            image, self.boxes, self.names, self.scores.tolist(), self.label_names
        )
        return Image.fromarray(drawn)

    def crops(self) -> list[Image.Image]:
        """Return what lies in each box, at least one pixel wide and high."""
        height, width = self.image.shape[:2]
        pieces = []
        for ymin, xmin, ymax, xmax in self.boxes.tolist():
            top, left = min(int(ymin), height - 1), min(int(xmin), width - 1)
            bottom, right = max(round(ymax), top + 1), max(round(xmax), left + 1)
            pieces.append(Image.fromarray(self.image[top:bottom, left:right]))
        return pieces

    def cutouts(self) -> Iterator[Image.Image | None]:
        """Cut out each object along its mask, one after the other.

        Yields:
            For each detection the smallest picture that holds its mask, RGBA; outside of the mask
            it is transparent black. None where the mask has no pixels.

        Raises:
            ArgumentError: The result has no masks.
        """
        if self.masks is None:
            raise ArgumentError(
                "cutouts: expected a result with masks, found boxes alone; load a model that was "
                "trained with masks=True by load(..., masks=True)"
            )
        return (self._cutout(mask) for mask in self.masks)

    def _cutout(self, mask: RunLengths) -> Image.Image | None:
        inside = rasterised(mask, *self.image.shape[:2])
        rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return None
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        alpha = inside[window][..., None]
        return Image.fromarray(np.concatenate([self.image[window] * alpha, 255 * alpha], axis=2))

    def to_coco(
        self, image_id: int | str | None = None, category_ids: Sequence[int] | None = None
    ) -> list[dict[str, Any]]:
        """Return the detections as COCO's results, which pycocotools' loadRes reads.

        Args:
            image_id: The id of the picture in the annotation file; None for `source`.
            category_ids: The K ids of the classes; None for 1 to K.

        Returns:
            One {"image_id", "category_id", "bbox": [xmin, ymin, width, height] in pixels, "score"}
            for each detection.
        """
        ids = range(1, len(self.label_names) + 1) if category_ids is None else category_ids
        return [
            {
                "image_id": self.source if image_id is None else image_id,
                "category_id": ids[label],
                "bbox": [xmin, ymin, xmax - xmin, ymax - ymin],
                "score": score,
            }
            for (ymin, xmin, ymax, xmax), label, score in zip(
                self.boxes.tolist(), self.labels.tolist(), self.scores.tolist(), strict=True
            )
        ]

    def to_yolo(self) -> list[str]:
        """Return lines "label x y width height score": the box's centre and size as shares."""
        height, width = self.image.shape[:2]
        return [
            f"{label} {(xmin + xmax) / 2 / width:.6f} {(ymin + ymax) / 2 / height:.6f} "
            f"{(xmax - xmin) / width:.6f} {(ymax - ymin) / height:.6f} {score:.4f}"
            for (ymin, xmin, ymax, xmax), label, score in zip(
                self.boxes.tolist(), self.labels.tolist(), self.scores.tolist(), strict=True
            )
        ]

    def to_reply(self) -> dict[str, Any]:
        """Return what the service would answer: detection_classes, _boxes, _scores and _masks."""
        reply = {
            "detection_classes": self.names,
            "detection_boxes": self.boxes.tolist(),
            "detection_scores": self.scores.tolist(),
        }
        if self.masks is not None:
            reply["detection_masks"] = [
                {"size": [mask.height, mask.width], "counts": mask.counts.decode("ascii")}
                for mask in self.masks
            ]
        return reply

    def to_supervision(self) -> supervision.Detections:
        """Return supervision's Detections.

        Raises:
            ArgumentError: supervision is not installed.
        """
        return supervision_detections(self.xyxy, self.scores, self.labels, self.names)

    def to_fiftyone(self) -> fiftyone.Detections:
        """Return FiftyOne's Detections.

        Raises:
            ArgumentError: FiftyOne is not installed.
        """
        return fiftyone_detections(self.xyxy, self.scores, self.names, self.image.shape[:2])
