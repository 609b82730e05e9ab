"""Hyperparameters: how long training lasts, early stop, and the learning rate."""

from __future__ import annotations

from algorithm.hyperparameters.learning_rate import DETECTOR_RATE, REFERENCE_BATCH, USUAL_RATE
from algorithm.hyperparameters.row import Row

SCHEDULE_ROWS: tuple[Row, ...] = (
    Row(
        "num_epochs",
        "integer",
        100,
        "Passes over the training data at most. A job that is run again goes on until this number",
        "最大训练轮数. 再次运行同一作业时会继续训练到该轮数",
        "parameter",
        interval="[1, 100000]",
        required=True,
        shapes_training=False,
    ),
    Row(
        "num_steps",
        "integer",
        0,
        "Training steps in all, 0 for num_epochs passes over the data",
        "训练的总步数, 0 表示按 num_epochs 训练",
        interval="[0, 100000000]",
        shapes_training=False,
    ),
    Row(
        "train_minutes",
        "float",
        0.0,
        "Minutes that training takes, from its first step to the end of its last evaluation, "
        "instead of num_epochs. Steps, evaluations and learning rate are planned from the speed "
        "that is measured. 0 for num_epochs",
        "训练时长, 单位为分钟, 从第一步开始到最后一次评估结束, 代替 num_epochs. 步数, "
        "评估次数和学习率按实际测得的速度安排, 0 表示按 num_epochs 训练",
        interval="[0, 100000]",
        shapes_training=False,
    ),
    Row(
        "steps_per_epoch",
        "integer",
        0,
        "Steps from one checkpoint and evaluation to the next, 0 for a pass over the data",
        "两次保存与评估之间的步数, 0 表示遍历一次训练数据",
        interval="[0, 100000000]",
    ),
    Row(
        "early_stop_patience",
        "integer",
        0,
        "Stop after this many evaluations without a better AP, 0 for never",
        "连续多少次评估AP没有提高时停止, 0 表示不提前停止",
        interval="[0, inf)",
        shapes_training=False,
    ),
    Row(
        "learning_rate",
        "float",
        0.0,
        f"Learning rate for {REFERENCE_BATCH} pictures per step, scaled in proportion to the real "
        f"number. 0 chooses {USUAL_RATE:g}, {DETECTOR_RATE:g} where freeze_bn keeps a pretrained "
        "detector, or more than both for a small lite model from an ImageNet backbone",
        f"每步{REFERENCE_BATCH}张图片时的学习率, 按实际批大小等比缩放. 0 表示自动选择, "
        f"一般为{USUAL_RATE:g}, freeze_bn 保持预训练检测器时为{DETECTOR_RATE:g}, "
        "从 ImageNet 主干网络开始的小模型取更高的值",
        interval="[0, inf)",
    ),
    Row(
        "backbone_lr_factor",
        "float",
        1.0,
        "Factor on the learning rate of the backbone. 0 keeps its weights as they are",
        "主干网络的学习率倍数. 0 表示不改变其权重",
        interval="[0, inf)",
    ),
    Row(
        "fresh_lr_factor",
        "float",
        0.0,
        "Factor on the learning rate of layers that start fresh beside a pretrained detector, such "
        "as the class predictor of new classes. 0 chooses 16 for that where there are several, and "
        "12 for a mask head, with adam, and 1 with sgd",
        "预训练检测器中从头学习的层的学习率倍数, 例如新类别的类别预测层. 0 表示自动选择, "
        "使用 adam 时多个类别的类别预测层为16, 掩码头为12, 使用 sgd 时为1",
        interval="[0, inf)",
    ),
    Row(
        "lr_warmup_init",
        "float",
        0.008,
        "Learning rate at the start of the warm-up, scaled the same way",
        "预热开始时的学习率, 同样等比缩放",
        interval="[0, inf)",
    ),
    Row(
        "lr_warmup_epoch",
        "float",
        1.0,
        "Length of the warm-up in epochs",
        "预热的轮数",
        interval="[0, inf)",
    ),
    Row(
        "lr_decay_method",
        "string",
        "cosine",
        "How the learning rate falls after the warm-up",
        "预热之后学习率的下降方式",
        choices=("cosine", "stepwise", "polynomial", "constant"),
    ),
    Row(
        "first_lr_drop_epoch",
        "float",
        200.0,
        "Stepwise decay, epoch from which a tenth of the learning rate is used",
        "stepwise 方式第一次降低学习率的轮数",
        interval="(0, inf)",
    ),
    Row(
        "second_lr_drop_epoch",
        "float",
        250.0,
        "Stepwise decay, epoch from which a hundredth is used",
        "stepwise 方式第二次降低学习率的轮数",
        interval="(0, inf)",
    ),
    Row(
        "poly_lr_power",
        "float",
        0.9,
        "Exponent of the polynomial decay",
        "polynomial 方式的指数",
        interval="(0, inf)",
    ),
)
