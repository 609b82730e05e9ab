"""The names that model_name and peer_model accept. A test compares them with models.zoo."""

from __future__ import annotations

MODEL_NAMES = (
    *(f"efficientdet-d{level}" for level in ("0", "1", "2", "3", "4", "5", "6", "7", "7x")),
    *(f"efficientdet-lite{level}" for level in ("0", "1", "2", "3", "3x", "4")),
    *(f"efficientdet-t{level}" for level in ("0", "1", "2")),
    *("retinanet-resnet50", "retinanet-resnet101", "retinanet-mobilenet-v2"),
)
