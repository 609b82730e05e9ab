"""The advice about each finding: one row for each kind of error and each feature.

It is what the platform advises where its method has a knob here, else the nearest that has.
"""

from __future__ import annotations

from dataclasses import dataclass

from algorithm.assessment.advice.setting_steps import (
    KEEP_BEST,
    LARGER_MODEL,
    LARGER_PICTURE,
    LONGER_TRAINING,
    MORE_MINUTES,
    MORE_STEPS,
    Knob,
    choice,
    falling,
    only_with,
    rising,
)
from algorithm.assessment.errors.error_costs import MISSED
from algorithm.assessment.errors.error_kinds import BACKGROUND, BOTH, CLASS, DUPLICATE, POSITION
from algorithm.assessment.masks.mask_analysis import GRID
from algorithm.assessment.masks.mask_fits import CUT, LEAK, MISSED_PART, SPILL
from algorithm.hyperparameters.random_scales import RANDOM


@dataclass(frozen=True)
class AdviceRow:
    """What to do about one kind of finding.

    Attributes:
        key: The kind of error, or the feature.
        knobs: The hyperparameters to turn; those that can still be turned are. None where what to
            do is about the data.
        english: What the finding is called in English.
        chinese: What the finding is called in Chinese.
        do: What to do about it, (English, Chinese).
        weight: The weight of the finding among those of one grade, beside how far they lie beyond
            their own limits.
    """

    key: str
    knobs: tuple[Knob, ...]
    english: str
    chinese: str
    do: tuple[str, str]
    weight: float = 1.0


ENOUGH_EPOCHS = (
    15,
    50,
)  # below the first, much is still to be learned; the default is 100, the published recipe has 300
_MOSAIC = rising("mosaic", 0.3, 0.6)
_SCALES = (rising("jitter_max", RANDOM[1]), falling("jitter_min", RANDOM[0]), _MOSAIC)
_SOFTER = (
    choice("nms_method", "gaussian"),
    only_with("nms_method", "gaussian", rising("nms_sigma", 0.6, 0.8)),
)
_HARDER = (
    only_with("nms_method", "gaussian", falling("nms_sigma", 0.3, 0.2)),
    only_with("nms_method", "hard", falling("nms_iou_threshold", 0.4, 0.3)),
)
_LIGHT = (rising("brightness", 0.2, 0.4), rising("contrast", 0.2, 0.4))
_HIDE = (rising("cutout", 0.3, 0.6),)
_COLOUR = (rising("saturation", 0.3, 0.5), rising("hue", 0.05, 0.1))
_SEE_MORE = (LARGER_PICTURE,)
_MASKS_WEIGH_MORE = rising("mask_loss_weight", 4.0, 6.0)
_MULTI_SCALE = ("train at several scales", "建议训练时使用多尺度训练")
_TRAIN_LIGHT = (
    "vary brightness and contrast in training",
    "建议在训练时添加亮度和对比度的数据增强",
)
_TRAIN_HIDE = (
    "hide parts of the training pictures, so that it relies less on fine detail",
    "建议在训练时遮挡图片的一部分, 减少对细节的依赖",
)
_TRAIN_COLOUR = ("vary the colours in training", "建议在训练时添加颜色的数据增强")
_TRAIN_LARGE = ("let the network see more pixels", "建议增大网络输入的图片")

ERROR_ADVICE = (
    AdviceRow(CLASS, _SCALES, "Detections of the wrong class", "类别误检", _MULTI_SCALE),
    AdviceRow(
        POSITION,
        (choice("iou_loss_type", "giou", "diou", "ciou"),),
        "Detections in the wrong place",
        "位置误检",
        ("train with a box loss by overlap, GIoU or DIoU", "建议训练时使用 GIoU 或 DIoU 损失"),
    ),
    AdviceRow(
        BOTH,
        (LONGER_TRAINING, MORE_MINUTES, MORE_STEPS),
        "Detections of the wrong class in the wrong place",
        "类别与位置同时误检",
        ("train longer", "建议延长训练"),
    ),
    AdviceRow(
        DUPLICATE,
        _HARDER,
        "Objects detected twice",
        "重复检测",
        ("suppress overlapping detections more", "建议加强重叠检测框的抑制"),
    ),
    AdviceRow(
        BACKGROUND,
        (rising("gamma", 2.0, 2.5),),
        "Background taken for objects",
        "背景误检",
        ("let the class loss weigh hard background more", "建议让分类损失更关注难以区分的背景"),
    ),
    AdviceRow(
        MISSED,
        (LONGER_TRAINING, MORE_MINUTES, MORE_STEPS, rising("alpha", 0.35, 0.5)),
        "Objects that nothing was detected at",
        "漏检",
        (
            "train longer, and let objects weigh more against background",
            "建议延长训练, 并提高目标相对背景的权重",
        ),
    ),
)
FEATURE_ADVICE = (
    AdviceRow(
        "box_aspect",
        (LARGER_MODEL,),
        "",
        "",
        ("use a larger model, with more BiFPN layers", "建议使用更大的模型, 增加 BiFPN 的重复次数"),
    ),
    AdviceRow("box_area", _SEE_MORE, "", "", _TRAIN_LARGE),
    AdviceRow(
        "margin",
        (rising("label_smoothing", 0.05, 0.1), rising("box_loss_weight", 75.0, 100.0)),
        "",
        "",
        ("smooth the labels and weigh the box loss more", "建议使用标签平滑并提高边框损失的权重"),
    ),
    AdviceRow(
        "overlap", _SOFTER, "", "", ("use soft NMS at inference", "建议在推理时使用 soft-NMS")
    ),
    AdviceRow("box_brightness", _LIGHT, "", "", _TRAIN_LIGHT),
    AdviceRow("box_clarity", _HIDE, "", "", _TRAIN_HIDE),
    AdviceRow("resolution", _SEE_MORE, "", "", _TRAIN_LARGE),
    AdviceRow(
        "picture_aspect",
        (_MOSAIC,),
        "",
        "",
        ("train on mosaics of four pictures", "建议训练时使用四图拼接"),
    ),
    AdviceRow("brightness", _LIGHT, "", "", _TRAIN_LIGHT),
    AdviceRow("saturation", _COLOUR, "", "", _TRAIN_COLOUR),
    AdviceRow("clarity", _HIDE, "", "", _TRAIN_HIDE),
    AdviceRow("colourfulness", _COLOUR, "", "", _TRAIN_COLOUR),
    AdviceRow(
        "quantity",
        (_MOSAIC,),
        "",
        "",
        (
            "train on mosaics of four pictures, which hold more objects",
            "建议训练时使用四图拼接, 增加每张图片的目标数量",
        ),
    ),
    AdviceRow("area_spread", _SCALES, "", "", _MULTI_SCALE),
)
# The advice where recall is lowest at high values of the feature and that asks for something else.
UPPER_ADVICE = {
    "box_area": AdviceRow(
        "box_area", _SCALES, "", "", _MULTI_SCALE
    ),  # large objects gain nothing from more pixels
}
MASK_ADVICE = (
    AdviceRow(
        LEAK,
        (_MASKS_WEIGH_MORE, LONGER_TRAINING, MORE_MINUTES),
        "Masks that leak onto a neighbour",
        "掩码漏到相邻目标上",
        (
            "let masks weigh more and train longer, so that neighbours are told apart",
            "建议提高掩码损失的权重并延长训练, 以区分相邻目标",
        ),
    ),
    AdviceRow(
        SPILL,
        (_MASKS_WEIGH_MORE, LONGER_TRAINING, MORE_MINUTES),
        "Masks that spill onto the background",
        "掩码溢出到背景",
        ("let masks weigh more and train longer", "建议提高掩码损失的权重并延长训练"),
    ),
    AdviceRow(
        CUT,
        (choice("iou_loss_type", "giou", "diou", "ciou"), rising("box_loss_weight", 75.0, 100.0)),
        "Masks that their box cuts off",
        "掩码被检测框截断",
        (
            "improve the boxes: by overlap, and let them weigh more",
            "建议改进检测框: 使用重叠度损失并提高边框损失的权重",
        ),
    ),
    AdviceRow(
        MISSED_PART,
        (LONGER_TRAINING, MORE_MINUTES, _MASKS_WEIGH_MORE),
        "Parts of objects that their mask leaves out",
        "掩码缺少目标的一部分",
        ("train longer, and let masks weigh more", "建议延长训练, 并提高掩码损失的权重"),
    ),
    AdviceRow(GRID, _SEE_MORE, "The grid that masks are drawn on", "掩码的网格", _TRAIN_LARGE),
)
LOOSE_EDGES = AdviceRow(
    "mask_edges",
    (),
    "Masks that miss the edges of their objects",
    "掩码未贴合目标的边缘",
    (
        "look at the worst masks; where the outlines are drawn loosely or with few corners, draw "
        "them tighter, and where they are exact, train longer",
        "建议查看最差的掩码: 轮廓标注松散或顶点过少时重新标注, 标注准确时延长训练",
    ),
)
OVERCONFIDENT = AdviceRow(
    "overconfident",
    (rising("label_smoothing", 0.05, 0.1),),
    "Scores are too high",
    "置信度偏高",
    ("smooth the labels", "建议使用标签平滑"),
    weight=0.1,
)  # scores that are off cost no AP
UNDERCONFIDENT = AdviceRow(
    "underconfident",
    (falling("gamma", 1.0, 0.5),),
    "Scores are too low",
    "置信度偏低",
    ("lower the focal loss's exponent", "建议降低 focal loss 的指数"),
    weight=0.1,
)
FEW_EPOCHS = AdviceRow(
    "epochs",
    (rising("num_epochs", *ENOUGH_EPOCHS, 100), KEEP_BEST),
    "Trained for few epochs",
    "训练轮数较少",
    ("train longer, before judging anything else", "建议先延长训练, 再判断其他因素"),
    weight=100.0,
)
ALL_ADVICE = (
    *ERROR_ADVICE,
    *FEATURE_ADVICE,
    *UPPER_ADVICE.values(),
    *MASK_ADVICE,
    LOOSE_EDGES,
    OVERCONFIDENT,
    UNDERCONFIDENT,
    FEW_EPOCHS,
)
