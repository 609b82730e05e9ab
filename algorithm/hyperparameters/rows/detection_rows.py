"""Hyperparameters: what counts as a detection."""

from __future__ import annotations

from algorithm.hyperparameters.row import Row

DETECTION_ROWS: tuple[Row, ...] = (
    Row(
        "nms_method",
        "string",
        "gaussian",
        "Suppression of overlapping detections",
        "重叠检测框的抑制方式",
        choices=("gaussian", "hard"),
        shapes_training=False,
    ),
    Row(
        "nms_iou_threshold",
        "float",
        0.5,
        "Overlap from which hard suppression drops a detection",
        "hard 方式的重叠阈值",
        interval="[0, 1]",
        shapes_training=False,
    ),
    Row(
        "nms_sigma",
        "float",
        0.5,
        "Width of gaussian suppression",
        "gaussian 方式的宽度",
        interval="(0, inf)",
        shapes_training=False,
    ),
    Row(
        "nms_score_threshold",
        "float",
        0.001,
        "Detections below this score are dropped",
        "低于该分数的检测框被丢弃",
        interval="[0, 1]",
        shapes_training=False,
    ),
    Row(
        "max_nms_inputs",
        "integer",
        5000,
        "Candidates that enter the suppression",
        "进入抑制步骤的候选框数量",
        interval="[1, inf)",
        shapes_training=False,
    ),
    Row(
        "max_detections",
        "integer",
        100,
        "Detections per picture at most",
        "每张图片最多的检测框数量",
        interval="[1, inf)",
        shapes_training=False,
    ),
)
