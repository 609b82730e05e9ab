"""Hyperparameters from a pipeline.config of the TensorFlow Object Detection API.

It reads those of SSD EfficientDet and RetinaNet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from algorithm.errors import ArgumentError
from algorithm.hyperparameters import ROWS, write_value
from algorithm.hyperparameters.command_line import read_hparams, split_flags
from algorithm.migration.pipeline_augmentation import take_augmentation
from algorithm.migration.pipeline_settings import (
    ALWAYS,
    DIFFERENTLY,
    SAME,
    SSD,
    WITHOUT_EFFECT,
    by_ending,
)
from algorithm.migration.pipeline_training import take_training
from algorithm.migration.published import RECIPES
from algorithm.migration.record_patterns import data_url_of
from algorithm.migration.text_format import flattened, read_text
from algorithm.migration.translation import Translation
from algorithm.migration.unread_settings import Settings

FLAG = "pipeline_config"
_EXTRACTOR = f"{SSD}feature_extractor."
_HEAD = f"{SSD}box_predictor.weight_shared_convolutional_box_predictor."
_TYPES = {
    **{f"ssd_efficientnet-b{number}_bifpn_keras": f"efficientdet-d{number}" for number in range(7)},
    "ssd_resnet50_v1_fpn_keras": "retinanet-resnet50",
    "ssd_resnet101_v1_fpn_keras": "retinanet-resnet101",
    "ssd_mobilenet_v2_fpn_keras": "retinanet-mobilenet-v2",
}
_PLACEHOLDER = "PATH_TO_BE_CONFIGURED"
_D7_SIZE = 1536


def with_pipeline_config(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the flags of a training job that has --pipeline_config.

    Other flags win over what the file asks for, except those that only write a default: a platform
    passes all of them.

    Args:
        argv: The flags. Without --pipeline_config they come back as they are.

    Returns:
        The flags of a training job, and lines to log.

    Raises:
        ArgumentError: A flag or the file's model is not possible here.
        DataError: The file is no protobuf text.
    """
    flags = split_flags(argv)
    file = dict(flags).get(FLAG)
    if not file:
        return list(argv), []
    result = translate(Path(file))
    listed = [
        item for name, text in flags if name == "hparams" for item in read_hparams(text).items
    ]
    for name, text in sorted(
        {(name, text) for name, text in (*flags, *listed) if name in result.values and text}
    ):
        if name not in result.values:  # written twice
            continue
        if not _is_default(name, text):
            result.note(
                f"{name} is given on the command line too, which wins over "
                f"{result.values.pop(name)}"
            )
        elif text != result.values[name]:
            result.note(
                f"{name}={text} on the command line is the default, so the file's "
                f"{result.values[name]} counts"
            )
    own = [f"--{name}={text}" for name, text in flags if name != FLAG and name not in result.values]
    return [*result.arguments(), *own], result.lines


def _is_default(name: str, text: str) -> bool:
    return text == write_value(ROWS[name].default)


def translate(file: Path) -> Translation:
    """Translate a pipeline.config.

    Args:
        file: The file.

    Returns:
        The hyperparameters that it asks for, and a line for each of its settings.

    Raises:
        DataError: It is no protobuf text.
        ArgumentError: Its model is not here.
    """
    settings, result = Settings(flattened(read_text(file))), Translation()
    model = _take_model(settings, result)
    take_training(settings, result, model, RECIPES[model])
    take_augmentation(settings, result)
    _take_start_and_data(settings, result)
    result.values["nms_method"] = "hard"
    for path, value in settings.rest():
        _one(result, path, value)
    return result


def _one(result: Translation, path: str, value: Any) -> None:
    if path in SAME:
        result.take(path, value, **{SAME[path]: value})
    elif path in ALWAYS and ALWAYS[path][0] == value:
        result.take(path, value)
    elif path in ALWAYS:
        result.take_differently(path, value, ALWAYS[path][1])
    elif why := by_ending(path, DIFFERENTLY):
        result.take_differently(path, value, why)
    else:
        result.leave(path, value, by_ending(path, WITHOUT_EFFECT) or "no such setting here")


def _take_model(settings: Settings, result: Translation) -> str:
    kind = settings.take(f"{_EXTRACTOR}type", None)
    if kind not in _TYPES:
        raise ArgumentError(
            f"pipeline_config: expected model.ssd.feature_extractor.type of {', '.join(_TYPES)}, "
            f"found {kind!r}; choose the nearest model_name and give its settings as flags"
        )
    model, size = _TYPES[kind], _take_size(settings, result)
    if model == "efficientdet-d6" and max(size) >= _D7_SIZE:
        model = "efficientdet-d7"
    result.take(f"{_EXTRACTOR}type", kind, model_name=model)
    recipe = RECIPES[model]
    for path, own in (
        (f"{_EXTRACTOR}bifpn.num_filters", recipe.width),
        (f"{_EXTRACTOR}bifpn.num_iterations", recipe.cells),
        (f"{_HEAD}depth", recipe.width),
        (f"{_HEAD}num_layers_before_predictor", recipe.layers),
        (f"{SSD}anchor_generator.multiscale_anchor_generator.scales_per_octave", recipe.scales),
    ):
        value = settings.take(path, own)
        if value == own:
            result.take(path, value)
        else:
            result.take_differently(path, value, f"{model} has {own}")
    return model


def _take_size(settings: Settings, result: Translation) -> tuple[int, int]:
    resizer = f"{SSD}image_resizer."
    sides = [
        settings.take(f"{resizer}keep_aspect_ratio_resizer.{side}", None)
        for side in ("min_dimension", "max_dimension")
    ]
    fixed = [
        settings.take(f"{resizer}fixed_shape_resizer.{side}", None) for side in ("height", "width")
    ]
    if None not in fixed:
        result.take_differently(
            f"{resizer}fixed_shape_resizer",
            tuple(fixed),
            "pictures keep their shape and are padded",
            image_size=tuple(fixed),
        )
        return tuple(fixed)
    if sides[1] is None:
        raise ArgumentError(
            "pipeline_config: expected keep_aspect_ratio_resizer or fixed_shape_resizer in "
            f"{resizer[:-1]}, found neither"
        )
    size = (sides[1], sides[1])
    if sides[0] in (None, sides[1]):
        result.take(f"{resizer}keep_aspect_ratio_resizer", sides[1], image_size=size)
    else:
        result.take_differently(
            f"{resizer}keep_aspect_ratio_resizer",
            tuple(sides),
            "the longer side fits a square",
            image_size=size,
        )
    return size


def _take_start_and_data(settings: Settings, result: Translation) -> None:
    kind = settings.take("train_config.fine_tune_checkpoint_type", None)
    path = settings.take("train_config.fine_tune_checkpoint", "")
    if kind:
        result.take("train_config.fine_tune_checkpoint_type", kind, fine_tune_checkpoint_type=kind)
    if _PLACEHOLDER in path:
        result.take_differently(
            "train_config.fine_tune_checkpoint",
            path,
            "no place yet: published weights",
            pretrained="auto",
        )
    elif path:
        result.take_differently(
            "train_config.fine_tune_checkpoint",
            path,
            "published weights and those of this package are read, "
            "TFOD's own object checkpoints are not: then give --pretrained=auto",
            pretrained=path,
        )
    else:
        result.values["pretrained"] = "none"
    patterns = [
        settings.take(f"{side}_input_reader.tf_record_input_reader.input_path", "")
        for side in ("train", "eval")
    ]
    for side, pattern in zip(("train", "eval"), patterns, strict=True):
        if _PLACEHOLDER in pattern:
            result.leave(
                f"{side}_input_reader.tf_record_input_reader.input_path",
                pattern,
                "no place yet: give --data_url",
            )
        elif pattern:
            result.take_differently(
                f"{side}_input_reader.tf_record_input_reader.input_path",
                pattern,
                "the folder; its files' names say train or val",
                data_url=data_url_of(
                    *(re.sub(f".*{_PLACEHOLDER}.*", "", each) for each in patterns)
                ),
            )
