"""The networks that the tiny presets were chosen from: rows of the same Detector, each with
the lever it tries.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from algorithm.models import zoo
from algorithm.models.zoo import BACKBONES, PRESETS, BackboneSpec, Preset

REFERENCE = "d0"


@dataclass(frozen=True)
class Candidate:
    """name: size and what differs. preset: its row. start: "coco" where the published lite0
    detector fits it, "imagenet" where only the backbone does, "" for neither. lever: what is tried,
    in words."""

    name: str
    preset: Preset
    start: str
    lever: str


_B0_PLAIN = BackboneSpec(1.0, 1.0, squeeze_excite=False, survival_probability=0.0)
_B0_RELU6 = BackboneSpec(1.0, 1.0, activation="relu6", survival_probability=0.0)
# Backbones that only the search builds.
_BACKBONES = {
    "efficientnet-b0plain": _B0_PLAIN,
    "efficientnet-b0relu6": _B0_RELU6,
    "efficientnet-lite0w75": dataclasses.replace(BACKBONES["efficientnet-lite0"], width=0.75),
    "efficientnet-lite0w50": dataclasses.replace(BACKBONES["efficientnet-lite0"], width=0.5),
}


def _d0(name: str, lever: str, start: str = "", **changes) -> Candidate:
    return Candidate(name, dataclasses.replace(PRESETS["efficientdet-d0"], **changes), start, lever)


def _lite(
    size: int,
    lever: str,
    cells: int = 3,
    repeats: int = 3,
    start: str = "coco",
    suffix: str = "",
    **changes,
) -> Candidate:
    row = dataclasses.replace(
        PRESETS["efficientdet-lite0"],
        image_size=size,
        fpn_cells=cells,
        head_repeats=repeats,
        **changes,
    )
    return Candidate(f"{size}-c{cells}-h{repeats}{suffix}", row, start, lever)


CANDIDATES = {each.name: each for each in (
    _d0(REFERENCE, "reference: D0"),
    _d0("d0-relu6", "D0, relu6 for swish everywhere", backbone="efficientnet-b0relu6"),
    _d0("d0-nose", "D0, no squeeze-and-excite", backbone="efficientnet-b0plain"),
    _lite(512, "lite backbone (no squeeze-and-excite, relu6) in D0"),
    _lite(512, "fast normalised fusion", suffix="-fastattn", start="imagenet", fusion="fastattn"),
    _lite(448, "input size"),
    _lite(384, "input size"),
    _lite(320, "input size (lite0 itself)"),
    _lite(256, "input size"),
    _lite(448, "BiFPN repeats 2, head depth 2", 2, 2),
    _lite(384, "BiFPN repeats 2", 2, 3),
    _lite(384, "head depth 2", 3, 2),
    _lite(384, "BiFPN repeats 2, head depth 2", 2, 2),
    _lite(384, "BiFPN repeats 1, head depth 1", 1, 1),
    _lite(320, "BiFPN repeats 2, head depth 2", 2, 2),
    _lite(384, "head width 32", suffix="-hw32", start="imagenet", head_channels=32),
    _lite(384, "BiFPN and head width 48", suffix="-w48", start="imagenet", fpn_channels=48),
    _lite(384, "backbone width 0.75", suffix="-b75", start="", backbone="efficientnet-lite0w75"),
    _lite(384, "backbone width 0.5", suffix="-b50", start="", backbone="efficientnet-lite0w50"),
)}  # fmt: skip


def put_in_place(candidate: Candidate, model_name: str) -> None:
    """Makes `model_name` mean this candidate in this process."""
    zoo.BACKBONES.update(_BACKBONES)
    zoo.PRESETS[model_name] = dataclasses.replace(candidate.preset, name=model_name)
