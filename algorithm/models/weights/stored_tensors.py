"""Tensors under their published names, as every reader hands them on.

They are read when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from algorithm.models.detector import ANCHORS_PER_CELL
from algorithm.models.zoo import PRESETS

CLASS_PREDICTOR = "class_net/class-predict/"
CLASS_FILTER = f"{CLASS_PREDICTOR}depthwise_kernel"
BOX_PREDICTOR = "box_net/box-predict/"
MASK_HEAD = ("mask_net/", "proto_net/")
_BACKBONE = re.compile(r"(efficientnet-[a-z0-9]+|resnet\d+|mobilenet-v2)/")
_DETECTOR_ROOT = re.compile(
    r"(?:resample_p\d+|fpn_cells|fpn|class_net|box_net|mask_net|proto_net)/"
)
# A second model built in one process of the published code has its stem renamed, and a classifier
# trained alone stands in an extra scope `model`.
_STEM = re.compile(
    r"^(efficientnet-[a-z0-9]+)/stem(?:_\d+)?/(conv2d|tpu_batch_normalization)(?:_\d+)?/"
)
_MODEL_SCOPE = re.compile(r"^(efficientnet-[a-z0-9]+)/model/")


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file.

    Attributes:
        shape: As the detector wants it.
        read: Returns the array of that shape.
    """

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


@dataclass(frozen=True)
class WeightSource:
    """An opened file of weights.

    Attributes:
        kind: What it was recognised as, in words.
        tensors: By published name, without ":0".
        averaged: How many of them are exponential moving averages.
        label_names: Class 1 first; None when the file's folder does not tell.
    """

    path: str
    kind: str
    tensors: Mapping[str, StoredTensor]
    averaged: int = 0
    label_names: tuple[str, ...] | None = None

    @property
    def backbone(self) -> str | None:
        """Name of the backbone inside, e.g. "efficientnet-b0"; None when there is none."""
        return next((match[1] for match in map(_BACKBONE.match, self.tensors) if match), None)

    @property
    def has_detector(self) -> bool:
        """True when there is more than a backbone."""
        return any(map(_DETECTOR_ROOT.match, self.tensors))

    @property
    def has_masks(self) -> bool:
        """True when there is a mask head inside."""
        return any(name.startswith(MASK_HEAD) for name in self.tensors)

    @property
    def num_classes(self) -> int | None:
        """Number of classes the class predictor was trained for; None without one."""
        kernel = self.tensors.get(f"{CLASS_PREDICTOR}pointwise_kernel") or self.tensors.get(
            f"{CLASS_PREDICTOR}kernel"
        )
        return kernel.shape[-1] // ANCHORS_PER_CELL if kernel else None

    @property
    def fitting_models(self) -> tuple[str, ...]:
        """Names of the models whose backbone, neck width and neck cells agree with the file."""
        neck = self.tensors.get("resample_p6/bn/gamma") or self.tensors.get("fpn/p6-bn/gamma")
        cells = {name.split("/")[1] for name in self.tensors if name.startswith("fpn_cells/")}
        return tuple(
            row.name
            for row in PRESETS.values()
            if row.backbone == self.backbone
            and (neck is None or neck.shape == (row.fpn_channels,))
            and len(cells) in (0, row.fpn_cells)
        )


def published_name(name: str) -> str | None:
    """Return the name a detector knows a checkpoint's variable by.

    None means that it is no weight of a detector or classifier.
    """
    name = name.removesuffix(":0")
    name = _MODEL_SCOPE.sub(r"\1/", name)
    name = _STEM.sub(r"\1/stem/\2/", name)
    return name if _BACKBONE.match(name) or _DETECTOR_ROOT.match(name) else None
