"""Hyperparameters: which network is trained, from which weights, at which input size."""

from __future__ import annotations

from algorithm.hyperparameters.model_names import MODEL_NAMES
from algorithm.hyperparameters.row import Row

NETWORK_ROWS: tuple[Row, ...] = (
    Row(
        "model_name",
        "string",
        "efficientdet-d0",
        "The model, from small and fast to large and accurate",
        "模型名称, 从小而快到大而准",
        "parameter",
        choices=MODEL_NAMES,
        required=True,
    ),
    Row(
        "pretrained",
        "string",
        "auto",
        "Where the starting weights come from. auto looks for published weights, none starts from "
        "scratch, or a path",
        "初始权重来源. auto 查找公开的预训练权重, none 表示从头训练, 也可以是路径",
        "parameter",
    ),
    Row(
        "fine_tune_checkpoint_type",
        "string",
        "detection",
        "Which part of the starting weights to take. classification is the backbone, detection "
        "adds the neck and heads",
        "使用预训练权重的哪些部分. classification 为主干网络, detection 增加特征融合与检测头, "
        "full 为全部",
        "parameter",
        choices=("classification", "detection", "full"),
    ),
    Row(
        "known_classes",
        "boolean",
        True,
        "Start classes that the weights know by name, as person or car, from what the weights know "
        "of them. False starts every class fresh",
        "预训练权重中已有同名类别 如 person, car 时是否沿用其分类参数. False 时所有类别重新学习",
    ),
    Row(
        "linear_probe",
        "boolean",
        True,
        "Fit the class predictor of new classes to the features of the pretrained detector before "
        "the first step. False starts it fresh",
        "是否在第一步之前先用预训练检测器的特征拟合新类别的分类参数. False 时从头学习",
    ),
    Row(
        "image_size",
        "size",
        None,
        "Network input in pixels as side or height x width. Empty for about as many pixels as the "
        "square of the model has, in the shape of the training pictures. Other sides than "
        "multiples of 32 are padded inside the network",
        "网络输入的像素大小, 边长或高 x 宽. 空表示像素总数与模型自身的正方形输入相近, "
        "形状随训练图片而定. 边长不是 32 的倍数时, 网络内部会补齐",
    ),
    Row(
        "anchor_scale",
        "float",
        0.0,
        "Size of the anchors relative to the stride, 0 for that of the model",
        "锚框相对步长的大小, 0 表示使用模型自身的值",
        interval="[0, inf)",
    ),
    Row(
        "survival_prob",
        "float",
        None,
        "Probability that a residual block survives in training, empty for that of the model",
        "训练时残差块的保留概率, 空表示使用模型自身的值",
        interval="(0, 1]",
    ),
    Row(
        "masks",
        "string",
        "auto",
        "Learn the outlines of objects too, and answer with a mask for each box. Needs data with "
        "outlines. auto is False for now",
        "是否同时学习目标的轮廓并为每个检测框给出掩码, 数据需带有轮廓标注. auto 目前等同于 False",
        choices=("auto", "true", "false"),
    ),
)
