"""The data_augmentation_options of a pipeline.config."""

from __future__ import annotations

import math

from algorithm.migration.translation import Translation, number
from algorithm.migration.unread_settings import Settings

_OPTIONS = "train_config.data_augmentation_options."
_COLOURS = {"brightness": "random_adjust_brightness", "hue": "random_adjust_hue"}
_FACTORS = {"contrast": "random_adjust_contrast", "saturation": "random_adjust_saturation"}
_DEFAULT_DELTAS = {"brightness": 0.2, "hue": 0.02}
_DEFAULT_FACTORS = (0.8, 1.25)


def take_augmentation(settings: Settings, result: Translation) -> None:
    """Take what there is here of the options; what a file does not ask for is off."""
    flip = settings.has(f"{_OPTIONS}random_horizontal_flip")
    settings.below(f"{_OPTIONS}random_horizontal_flip")
    result.take(f"{_OPTIONS}random_horizontal_flip", flip, input_rand_hflip=flip)
    _take_scales(settings, result)
    for name, option in _COLOURS.items():
        if settings.has(f"{_OPTIONS}{option}"):
            delta = settings.take(f"{_OPTIONS}{option}.max_delta", _DEFAULT_DELTAS[name])
            settings.below(f"{_OPTIONS}{option}")
            result.take(f"{_OPTIONS}{option}.max_delta", delta, **{name: delta})
    for name, option in _FACTORS.items():
        if settings.has(f"{_OPTIONS}{option}"):
            low, high = (
                settings.take(f"{_OPTIONS}{option}.{side}_delta", default)
                for side, default in zip(("min", "max"), _DEFAULT_FACTORS, strict=True)
            )
            settings.below(f"{_OPTIONS}{option}")
            result.take_differently(
                f"{_OPTIONS}{option}",
                (low, high),
                "as far to both sides",
                **{name: number(min(1.0, max(1 - low, high - 1)))},
            )


def _take_scales(settings: Settings, result: Translation) -> None:
    """Take random scales and crops.

    Random scale and crop together are jitter; a crop alone shows a part of the picture enlarged.
    """
    scale, crop = f"{_OPTIONS}random_scale_crop_and_pad_to_square", f"{_OPTIONS}random_crop_image"
    if settings.has(scale):
        low, high = (
            settings.take(f"{scale}.scale_min", 0.1),
            settings.take(f"{scale}.scale_max", 2.0),
        )
        result.take(scale, (low, high), jitter_min=low, jitter_max=high)
    elif settings.has(crop):
        area = settings.take(f"{crop}.min_area", 0.1)
        result.take_differently(
            crop,
            area,
            "the picture enlarged until so much of it is seen",
            jitter_min=1.0,
            jitter_max=number(round(1 / math.sqrt(area), 3)),
        )
    else:
        result.values |= {"jitter_min": "1", "jitter_max": "1"}
