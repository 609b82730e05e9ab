"""Hyperparameters: what the network is punished for."""

from __future__ import annotations

from algorithm.hyperparameters.row import Row

LOSS_ROWS: tuple[Row, ...] = (
    Row(
        "label_smoothing",
        "float",
        0.0,
        "Label smoothing of the class targets",
        "分类标签平滑系数",
        interval="[0, 1)",
    ),
    Row(
        "box_loss_weight",
        "float",
        50.0,
        "Weight of the box loss",
        "边框回归损失的权重",
        interval="[0, inf)",
    ),
    Row(
        "iou_loss_type",
        "string",
        "",
        "An additional box loss by overlap, empty for none",
        "额外的重叠度损失类型, 空表示不使用",
        choices=("", "iou", "giou", "diou", "ciou"),
    ),
    Row(
        "iou_loss_weight",
        "float",
        1.0,
        "Weight of the overlap loss",
        "重叠度损失的权重",
        interval="[0, inf)",
    ),
    Row(
        "mask_loss_weight",
        "float",
        2.5,
        "Weight of the mask loss, with masks only",
        "掩码损失的权重, 仅在训练掩码时使用",
        interval="[0, inf)",
    ),
    Row(
        "alpha",
        "float",
        0.25,
        "Focal loss, weight of positive anchors",
        "focal loss 正样本权重",
        interval="[0, 1]",
    ),
    Row(
        "gamma",
        "float",
        1.5,
        "Focal loss, exponent that plays down easy anchors",
        "focal loss 调节易分样本的指数",
        interval="[0, inf)",
    ),
    Row(
        "delta",
        "float",
        0.1,
        "Huber loss of the boxes, where it turns from square to linear",
        "huber loss 由平方转为线性的阈值",
        interval="(0, inf)",
    ),
    Row(
        "class_weights",
        "string",
        "none",
        "How much the objects of each class count in the loss. none for alike, auto for more where "
        "a class is rare, or names and weights as the documentation shows",
        "各类别目标在损失中的权重, none 表示相同, auto 表示目标少的类别权重更大, "
        "也可按文档写类别名和权重",
    ),
)
