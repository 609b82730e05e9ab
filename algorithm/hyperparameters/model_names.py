"""The names that model_name and peer_model accept, and their order by size.

The networks themselves are in models.zoo; a test compares names and order with it. The names stand
here because rooms that cannot import models (data, and the assessment that a model folder carries)
need them too.
"""

from __future__ import annotations

_D = tuple(f"efficientdet-d{level}" for level in ("0", "1", "2", "3", "4", "5", "6", "7", "7x"))
_LITE = tuple(f"efficientdet-lite{level}" for level in ("0", "1", "2", "3", "3x", "4"))
_TINY = tuple(f"efficientdet-t{level}" for level in ("0", "1", "2"))
_RESNET = ("retinanet-resnet50", "retinanet-resnet101")
_MOBILENET = ("retinanet-mobilenet-v2",)

MODEL_NAMES = (*_D, *_LITE, *_TINY, *_RESNET, *_MOBILENET)
# Each from small to large, by parameters, then input size: of the tiny models t2 is the smallest.
FAMILIES = (_D, _LITE, _TINY[::-1], _RESNET, _MOBILENET)


def larger_than(model_name: str) -> tuple[str, ...]:
    """Return the larger models of the same family.

    Args:
        model_name: A name of the table; another one has no family.

    Returns:
        Names, the next larger one first; empty for the largest of its family.
    """
    for family in FAMILIES:
        if model_name in family:
            return family[family.index(model_name) + 1 :]
    return ()
