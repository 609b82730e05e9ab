"""Classes that starting weights know by name, and their rows of the class predictor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from algorithm.models.weights.coco_label_map import COCO_LABEL_NAMES
from algorithm.models.weights.stored_tensors import WeightSource

# Other names of COCO's classes, as other datasets write them. All in the form of `plain_name`.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "person": ("people", "human", "pedestrian", "人", "行人"),
    "bicycle": ("bike", "cycle", "自行车"),
    "car": ("automobile", "汽车", "轿车"),
    "motorcycle": ("motorbike", "摩托车"),
    "airplane": ("aeroplane", "plane", "aircraft", "飞机"),
    "bus": ("coach", "公交车", "公共汽车"),
    "train": ("火车",),
    "truck": ("lorry", "卡车", "货车"),
    "boat": ("ship", "船"),
    "traffic light": ("trafficlight", "traffic signal", "红绿灯", "交通灯"),
    "bird": ("鸟",),
    "cat": ("猫",),
    "dog": ("狗",),
    "horse": ("马",),
    "sheep": ("羊",),
    "cow": ("cattle", "牛"),
    "bottle": ("瓶子",),
    "cup": ("mug", "杯子"),
    "chair": ("椅子",),
    "couch": ("sofa", "沙发"),
    "potted plant": ("pottedplant", "盆栽"),
    "dining table": ("diningtable", "餐桌"),
    "tv": ("tvmonitor", "tv monitor", "television", "monitor", "电视"),
    "laptop": ("notebook computer", "笔记本电脑"),
    "cell phone": ("cellphone", "mobile phone", "smartphone", "phone", "手机"),
    "refrigerator": ("fridge", "冰箱"),
    "donut": ("doughnut",),
    "hair drier": ("hair dryer", "hairdryer"),
    "book": ("书",),
    "clock": ("钟",),
    "umbrella": ("雨伞",),
    "handbag": ("purse", "手提包"),
    "backpack": ("rucksack", "背包"),
    "suitcase": ("行李箱",),
}
_MEANT = {other: name for name, others in SYNONYMS.items() for other in others}


def classes_of(source: WeightSource) -> tuple[str, ...]:
    """Return the classes that weights were trained for, label 0 first; () where nobody knows."""
    if source.label_names:
        return tuple(source.label_names)
    if source.num_classes == len(COCO_LABEL_NAMES):
        return COCO_LABEL_NAMES
    if source.num_classes == len(COCO_LABEL_NAMES) + 1:
        return ("(background)", *COCO_LABEL_NAMES)  # RetinaNet's output k is category id k
    return ()


def plain_name(name: str) -> str:
    """Return a class name in small letters with single spaces between its words."""
    return re.sub(r"[\s_\-]+", " ", name.strip().lower())


def known_classes(label_names: Sequence[str], known: Sequence[str]) -> dict[int, int]:
    """Find the classes of a dataset among those that weights were trained for.

    A name is the same apart from case, `_` and `-`, a plural s, and the SYNONYMS.

    Args:
        label_names: The dataset's, label 0 first.
        known: Those of the weights, label 0 first.

    Returns:
        The label in the weights for each label of the dataset that has one.
    """
    places = {plain_name(name): place for place, name in enumerate(known)}
    found = {}
    for label, name in enumerate(label_names):
        own = plain_name(name)
        for tried in (
            own,
            _MEANT.get(own),
            own.removesuffix("s"),
            _MEANT.get(own.removesuffix("s")),
        ):
            if tried in places:
                found[label] = places[tried]
                break
    return found


def with_known_rows(
    fresh: np.ndarray, stored: np.ndarray, rows: Mapping[int, int], classes: tuple[int, int]
) -> np.ndarray | None:
    """Return a tensor of the class predictor with the rows of known classes taken over.

    Args:
        fresh: float32 [..., A * K], the detector's own, K classes for each of A anchors.
        stored: float32 [..., A * J], that of the weights, J classes; or a tensor without classes,
            of the shape of `fresh`, which is taken as it is.
        rows: The class in 0..J-1 for each class in 0..K-1 that is known.
        classes: (K, J).

    Returns:
        float32 of fresh's shape; None where the two do not fit.
    """
    own, known = classes
    anchors = fresh.shape[-1] // own
    if fresh.shape[-1] != anchors * own or stored.shape[-1] != anchors * known:
        return stored if fresh.shape == stored.shape else None
    if fresh.shape[:-1] != stored.shape[:-1]:
        return None
    mixed = fresh.reshape(*fresh.shape[:-1], anchors, own).copy()
    source = stored.reshape(*stored.shape[:-1], anchors, known)
    mixed[..., list(rows)] = source[..., list(rows.values())]
    return mixed.reshape(fresh.shape)
