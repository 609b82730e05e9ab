"""Hyperparameters: how training pictures are changed at random.

What the values do is in data.feeding.augmentation and data.feeding.flip_crop_scale.
"""

from __future__ import annotations

from algorithm.hyperparameters.random_scales import PRETRAINED, RANDOM
from algorithm.hyperparameters.row import Row

AUGMENTATION_ROWS: tuple[Row, ...] = (
    Row(
        "input_rand_hflip",
        "boolean",
        True,
        "Flip pictures left to right at random",
        "是否随机水平翻转图片",
    ),
    Row(
        "jitter_min",
        "float",
        None,
        f"Smallest random scale of a training picture, empty for {PRETRAINED[0]:g} with pretrained "
        f"weights and {RANDOM[0]:g} without",
        f"训练图片随机缩放的最小比例, 空表示有预训练权重时为{PRETRAINED[0]:g}, 否则为{RANDOM[0]:g}",
        interval="(0, inf)",
    ),
    Row(
        "jitter_max",
        "float",
        None,
        f"Largest random scale of a training picture, empty for {PRETRAINED[1]:g} with pretrained "
        f"weights and {RANDOM[1]:g} without",
        f"训练图片随机缩放的最大比例, 空表示有预训练权重时为{PRETRAINED[1]:g}, 否则为{RANDOM[1]:g}",
        interval="(0, inf)",
    ),
    Row(
        "autoaugment_policy",
        "string",
        "",
        "Learned augmentation policy for detection, randaug for one random operation, empty for "
        "none",
        "面向检测的自动增强策略, randaug 表示随机选择一种操作, 空表示不使用",
        choices=("", "v0", "v1", "v2", "v3", "randaug"),
    ),
    Row(
        "grid_mask",
        "boolean",
        False,
        "Hide a grid of squares in every training picture",
        "是否在每张训练图片上遮挡网格",
    ),
    Row(
        "cutout",
        "float",
        0.0,
        "Share of training pictures with a grey hole",
        "带有灰色遮挡块的训练图片比例",
        interval="[0, 1]",
    ),
    Row(
        "mosaic",
        "float",
        0.0,
        "Share of training pictures that are put together from four",
        "由四张图片拼接而成的训练图片比例",
        interval="[0, 1]",
    ),
    Row(
        "mosaic_off_epochs",
        "integer",
        15,
        "Epochs at the end of training without mosaics",
        "训练结束前不使用拼接的轮数",
        interval="[0, inf)",
    ),
    Row(
        "brightness",
        "float",
        0.0,
        "Largest random change of brightness, 1 for the whole range",
        "亮度随机变化的最大幅度, 1 表示整个范围",
        interval="[0, 1]",
    ),
    Row(
        "contrast",
        "float",
        0.0,
        "Largest random change of the contrast factor",
        "对比度系数随机变化的最大幅度",
        interval="[0, 1]",
    ),
    Row(
        "saturation",
        "float",
        0.0,
        "Largest random change of the saturation factor",
        "饱和度系数随机变化的最大幅度",
        interval="[0, 1]",
    ),
    Row(
        "hue",
        "float",
        0.0,
        "Largest random turn of the hue, 0.5 for any colour",
        "色相随机变化的最大幅度, 0.5 表示任意颜色",
        interval="[0, 0.5]",
    ),
)
