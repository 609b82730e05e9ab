"""Hyperparameters: how the gradients change the weights."""

from __future__ import annotations

from algorithm.hyperparameters.learning_rate import HIGHEST_DETECTOR_RATE
from algorithm.hyperparameters.row import Row

OPTIMIZER_ROWS: tuple[Row, ...] = (
    Row(
        "optimizer",
        "string",
        "auto",
        "The optimizer. auto is sgd for 32 pictures per step and more, below that adam at a tenth "
        "of learning_rate, a fifth with use_online_kd and no peer_model",
        "优化器. auto 在每步不少于32张图片时为 sgd, 否则为 adam 且学习率取 learning_rate "
        "的十分之一, use_online_kd 且未设置 peer_model 时为五分之一",
        choices=("auto", "sgd", "adam"),
    ),
    Row(
        "momentum",
        "float",
        0.9,
        "Momentum of sgd, first beta of adam",
        "sgd 的动量, 或 adam 的 beta1",
        interval="[0, 1)",
    ),
    Row(
        "nesterov",
        "boolean",
        False,
        "Nesterov momentum for sgd, as RetinaNet was published with",
        "sgd 是否使用 Nesterov 动量, RetinaNet 公开的训练方式使用该项",
    ),
    Row(
        "weight_decay",
        "float",
        4e-5,
        "L2 penalty on convolution kernels",
        "卷积核的 L2 正则系数",
        interval="[0, inf)",
    ),
    Row(
        "clip_gradients_norm",
        "float",
        10.0,
        "Largest norm of the gradients, 0 for no limit",
        "梯度裁剪的范数上限, 0 表示不裁剪",
        interval="[0, inf)",
    ),
    Row(
        "moving_average_decay",
        "float",
        0.0,
        "Decay of the moving average of the weights, 0 for none",
        "权重滑动平均的衰减系数, 0 表示不使用",
        interval="[0, 1)",
    ),
    Row(
        "gradient_accumulation_steps",
        "integer",
        1,
        "Passes through the network for each training step. A step learns from this many times "
        "train_batch_size pictures, batch normalization sees train_batch_size at a time",
        "每个训练步的前向次数, 每步学习的图片数为该值乘以 train_batch_size, 批归一化每次只看到 "
        "train_batch_size 张",
        interval="[1, 1024]",
    ),
    Row(
        "freeze",
        "regex",
        "",
        "Variables whose name matches this regular expression are not trained. Empty keeps what "
        "the model keeps of pretrained weights, for a ResNet its first layers, none trains "
        "everything",
        "名称匹配该正则表达式的变量不参与训练. 空表示按模型自身的设置, 即 ResNet "
        "固定预训练的最初几层, none 表示全部训练",
    ),
    Row(
        "var_freeze_expr",
        "regex",
        "",
        "Another name of freeze, as published",
        "freeze 的另一个名称",
        alias_of="freeze",
    ),
    Row(
        "freeze_bn",
        "string",
        "auto",
        "Keep batch normalization as loaded. auto does so for a pretrained detector without "
        f"use_online_kd and with a learning_rate up to {HIGHEST_DETECTOR_RATE:g}, a tenth of it "
        "with optimizer adam, and for any pretrained network with fewer than 4 pictures per step",
        "是否保持批归一化加载时的值. auto 时, 从预训练检测器开始, 未使用 use_online_kd "
        f"且 learning_rate 不超过{HIGHEST_DETECTOR_RATE:g}则保持, optimizer 为 adam 时上限为其"
        "十分之一. 预训练网络每步少于4张图片时也保持",
        choices=("auto", "true", "false"),
    ),
)
