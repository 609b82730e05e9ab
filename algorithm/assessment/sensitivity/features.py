"""The features of objects and pictures whose influence is looked at, one row each.

Each row has the feature's values for every object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from algorithm.assessment.sensitivity.picture_measures import PictureMeasures
from algorithm.evaluation.records import Records
from algorithm.ops.box_arrays import pairwise_iou

BOX, PICTURE = "box", "picture"
Measures = Sequence[PictureMeasures | None]


@dataclass(frozen=True)
class Feature:
    """A feature of objects or pictures.

    Attributes:
        key: Its name in files.
        scope: BOX or PICTURE.
        english: The platform's name in English.
        chinese: The platform's name in Chinese.
        low: What low values are called, (English, Chinese).
        high: What high values are called, (English, Chinese).
        values: Takes the records and measures; returns float64 [T], a value for each object.
    """

    key: str
    scope: str
    english: str
    chinese: str
    low: tuple[str, str]
    high: tuple[str, str]
    values: Callable[[Records, Measures], np.ndarray]


def _sides(records: Records) -> tuple[np.ndarray, np.ndarray]:
    height, width = (records.truth_boxes[:, 2:] - records.truth_boxes[:, :2]).T
    return height, width


def _box_aspect(records: Records, _: Measures) -> np.ndarray:
    height, width = _sides(records)
    return height / np.maximum(width, 1e-9)


def _box_area(records: Records, _: Measures) -> np.ndarray:
    height, width = _sides(records)
    return height * width / records.sizes[records.truth_pictures].prod(axis=1)


def _margin(records: Records, _: Measures) -> np.ndarray:
    """Return the distance of the box's centre from the picture's, over half the diagonal.

    It is 0 in the middle and 1 in a corner.
    """
    size = records.sizes[records.truth_pictures]
    centre = (records.truth_boxes[:, :2] + records.truth_boxes[:, 2:]) / 2
    return np.hypot(*(centre - size / 2).T) / np.hypot(*(size / 2).T)


def _overlap(records: Records, _: Measures) -> np.ndarray:
    """Return the largest share of a box that one other box of its picture covers, 0 to 1."""
    values = np.zeros(len(records.truth_labels))
    ends = np.searchsorted(records.truth_pictures, np.arange(len(records.names) + 1))
    for start, stop in zip(ends, ends[1:], strict=False):
        boxes = records.truth_boxes[start:stop]
        if len(boxes) > 1:
            covered = pairwise_iou(boxes, boxes, np.ones(len(boxes), bool))
            np.fill_diagonal(covered, 0)
            values[start:stop] = covered.max(axis=1)
    return values


def _of_boxes(name: str) -> Callable[[Records, Measures], np.ndarray]:
    def values(records: Records, measures: Measures) -> np.ndarray:
        counts = np.bincount(records.truth_pictures, minlength=len(records.names))
        parts = [
            np.full(count, np.nan) if row is None else getattr(row, name)
            for count, row in zip(counts, measures, strict=True)
        ]
        return np.concatenate([np.zeros(0), *parts])

    return values


def _of_pictures(
    value: Callable[[PictureMeasures], float],
) -> Callable[[Records, Measures], np.ndarray]:
    def values(records: Records, measures: Measures) -> np.ndarray:
        table = np.array([np.nan if row is None else value(row) for row in measures] or [np.nan])
        return table[records.truth_pictures]

    return values


def _picture_area(records: Records, _: Measures) -> np.ndarray:
    return records.sizes.prod(axis=1)[records.truth_pictures]


def _picture_aspect(records: Records, _: Measures) -> np.ndarray:
    return (records.sizes[:, 0] / records.sizes[:, 1])[records.truth_pictures]


def _quantity(records: Records, _: Measures) -> np.ndarray:
    return np.bincount(records.truth_pictures, minlength=len(records.names))[
        records.truth_pictures
    ].astype(float)


def _area_spread(records: Records, measures: Measures) -> np.ndarray:
    """Return the standard deviation of the area ratios of a picture's boxes."""
    shares, count = _box_area(records, measures), len(records.names)
    number = np.maximum(np.bincount(records.truth_pictures, minlength=count), 1)
    mean = np.bincount(records.truth_pictures, shares, count) / number
    square = (
        np.bincount(records.truth_pictures, (shares - mean[records.truth_pictures]) ** 2, count)
        / number
    )
    return np.sqrt(square)[records.truth_pictures]


FEATURES = (
    Feature(
        "box_aspect",
        BOX,
        "Aspect Ratio of Bounding Boxes",
        "目标框高宽比",
        ("wide", "宽扁"),
        ("tall", "细高"),
        _box_aspect,
    ),
    Feature(
        "box_area",
        BOX,
        "Area Ratio of Bounding Boxes",
        "目标框面积占比",
        ("small", "小目标"),
        ("large", "大目标"),
        _box_area,
    ),
    Feature(
        "margin",
        BOX,
        "Marginalization Value of Bounding Boxes",
        "目标框边缘化程度",
        ("central", "居中"),
        ("marginal", "靠边"),
        _margin,
    ),
    Feature(
        "overlap",
        BOX,
        "Overlap Score of Bounding Boxes",
        "目标框重叠比例",
        ("free", "不重叠"),
        ("overlapped", "重叠"),
        _overlap,
    ),
    Feature(
        "box_brightness",
        BOX,
        "Brightness of Bounding Boxes",
        "目标框亮度",
        ("dark", "暗"),
        ("bright", "亮"),
        _of_boxes("box_brightness"),
    ),
    Feature(
        "box_clarity",
        BOX,
        "Clarity of Bounding Boxes",
        "目标框清晰度",
        ("blurred", "模糊"),
        ("sharp", "清晰"),
        _of_boxes("box_clarity"),
    ),
    Feature(
        "resolution",
        PICTURE,
        "Resolution",
        "图像分辨率",
        ("low resolution", "低分辨率"),
        ("high resolution", "高分辨率"),
        _picture_area,
    ),
    Feature(
        "picture_aspect",
        PICTURE,
        "Aspect Ratio",
        "图像高宽比",
        ("landscape", "横图"),
        ("portrait", "竖图"),
        _picture_aspect,
    ),
    Feature(
        "brightness",
        PICTURE,
        "Brightness",
        "图像亮度",
        ("dark picture", "暗图"),
        ("bright picture", "亮图"),
        _of_pictures(lambda row: row.brightness),
    ),
    Feature(
        "saturation",
        PICTURE,
        "Saturation",
        "图像饱和度",
        ("pale", "低饱和"),
        ("saturated", "高饱和"),
        _of_pictures(lambda row: row.saturation),
    ),
    Feature(
        "clarity",
        PICTURE,
        "Clarity",
        "图像清晰度",
        ("blurred picture", "模糊图"),
        ("sharp picture", "清晰图"),
        _of_pictures(lambda row: row.clarity),
    ),
    Feature(
        "colourfulness",
        PICTURE,
        "Colorfulness",
        "图像色彩丰富程度",
        ("grey", "色彩单调"),
        ("colourful", "色彩丰富"),
        _of_pictures(lambda row: row.colourfulness),
    ),
    Feature(
        "quantity",
        PICTURE,
        "Bounding Box Quantity",
        "目标框数量",
        ("few objects", "目标少"),
        ("crowded", "目标密集"),
        _quantity,
    ),
    Feature(
        "area_spread",
        PICTURE,
        "Standard Deviation of Bounding Boxes",
        "目标框面积标准差",
        ("even sizes", "大小一致"),
        ("mixed sizes", "大小不一"),
        _area_spread,
    ),
)
FEATURE_ROWS = {row.key: row for row in FEATURES}


def feature_values(records: Records, measures: Measures) -> dict[str, np.ndarray]:
    """Return the values of each feature that is known for at least one object.

    Args:
        records: Truths and detections.
        measures: The measures of each picture, None where its file could not be read.

    Returns:
        float64 [T] by feature, NaN where a value is not known.
    """
    columns = {row.key: row.values(records, measures) for row in FEATURES}
    return {key: values for key, values in columns.items() if np.isfinite(values).any()}
