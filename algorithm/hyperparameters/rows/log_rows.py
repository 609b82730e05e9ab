"""Hyperparameters: how often, in which form and where training is logged."""

from __future__ import annotations

from algorithm.hyperparameters.row import Row

LOG_ROWS: tuple[Row, ...] = (
    Row(
        "log_to",
        "string",
        "tensorboard",
        "Where curves and pictures of the training go, a comma list of tensorboard, mlflow and "
        "wandb",
        "训练曲线和图片的记录位置, 以逗号分隔, 可选 tensorboard, mlflow, wandb",
        "parameter",
        shapes_training=False,
    ),
    Row(
        "log_form",
        "string",
        "",
        "Form of the log lines, tutorial as in the Cloud TPU RetinaNet tutorial, torchvision as "
        "in its detection references, empty for that of this package",
        "日志格式, tutorial 与 Cloud TPU RetinaNet 教程一致, torchvision 与其检测参考脚本一致, "
        "空表示本算法自身的格式",
        choices=("", "tutorial", "torchvision"),
        shapes_training=False,
    ),
    Row(
        "log_every_steps",
        "integer",
        10,
        "Steps between two log lines",
        "两行日志之间的步数",
        interval="[1, inf)",
        shapes_training=False,
    ),
)
