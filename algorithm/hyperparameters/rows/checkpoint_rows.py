"""Hyperparameters: which checkpoints are written and kept, and which is the best."""

from __future__ import annotations

from algorithm.hyperparameters.row import Row

CHECKPOINT_ROWS: tuple[Row, ...] = (
    Row(
        "keep_checkpoint_max",
        "integer",
        3,
        "Checkpoints that are kept",
        "保留的检查点数量",
        interval="[1, inf)",
        shapes_training=False,
    ),
    Row(
        "checkpoint_minutes",
        "float",
        20.0,
        "Minutes between two checkpoints within an epoch, 0 for none before its end",
        "同一轮内两次保存检查点的间隔分钟数, 0 表示仅在每轮结束时保存",
        interval="[0, inf)",
        shapes_training=False,
    ),
    Row(
        "best_metric",
        "string",
        "bbox",
        "Whose AP the best checkpoint is chosen by, boxes or masks, which a model with masks has",
        "按边框还是按掩码的AP选择最佳检查点, segm 仅适用于带掩码的模型",
        choices=("bbox", "segm"),
        shapes_training=False,
    ),
)
