"""How far to turn a hyperparameter: one rule for each way of turning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from algorithm.hyperparameters import ROWS, larger_than, read_value, write_value

LARGER_PICTURES = 1.25
SIDE_STEP = 64
LONGER = 1.5
LONGEST = 300  # epochs; the published recipes end there


@dataclass(frozen=True)
class Setting:
    """What a job was trained with. values: text by name of row, as in job.json. preset_sizes:
    network input of each model, in pixels, where the caller knows it."""

    values: Mapping[str, str] = field(default_factory=dict)
    preset_sizes: Mapping[str, int] = field(default_factory=dict)

    def typed(self, name: str) -> Any:
        """The typed value of a row, its default where the job does not say."""
        return read_value(ROWS[name], self.values.get(name, ""))


@dataclass(frozen=True)
class Change:
    """before, after: as text, the way the platform writes values."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Knob:
    """A hyperparameter and the rule that gives its next value from the present one, None where it
    is turned far enough.
    """

    name: str
    turned: Callable[[Setting, str], Any]

    def change(self, setting: Setting) -> Change | None:
        """The change to make, or None."""
        after = self.turned(setting, self.name)
        return (
            None
            if after is None
            else Change(self.name, write_value(setting.typed(self.name)), write_value(after))
        )


def rising(name: str, *values: float) -> Knob:
    """The next higher of the values."""
    return Knob(
        name,
        lambda setting, name: next(
            (value for value in values if value > setting.typed(name)), None
        ),
    )


def falling(name: str, *values: float) -> Knob:
    """The next lower of the values, which are given from high to low."""
    return Knob(
        name,
        lambda setting, name: next(
            (value for value in values if value < setting.typed(name)), None
        ),
    )


def choice(name: str, *values: str) -> Knob:
    """The value after the present one, or the first; none after the last."""

    def turned(setting: Setting, name: str) -> str | None:
        now = setting.typed(name)
        rest = values[values.index(now) + 1 :] if now in values else values
        return rest[0] if rest else None

    return Knob(name, turned)


def only_with(name: str, value: str, knob: Knob) -> Knob:
    """The knob, where another hyperparameter has a value."""
    return Knob(
        knob.name,
        lambda setting, own: knob.turned(setting, own) if setting.typed(name) == value else None,
    )


def _larger_model(setting: Setting, name: str) -> str | None:
    return next(iter(larger_than(setting.typed(name))), None)


def _larger_pictures(setting: Setting, name: str) -> tuple[int, int] | None:
    preset = setting.preset_sizes.get(setting.values.get("model_name", ""))
    size = setting.typed(name) or (preset and (preset, preset))
    if not size:
        return None
    height, width = (math.ceil(side * LARGER_PICTURES / SIDE_STEP) * SIDE_STEP for side in size)
    return height, width


def _longer(setting: Setting, name: str) -> int | None:
    now = setting.typed(name)
    return min(LONGEST, math.ceil(now * LONGER)) if now < LONGEST else None


LARGER_MODEL = Knob("model_name", _larger_model)
LARGER_PICTURE = Knob("image_size", _larger_pictures)
KEEP_BEST = only_with(
    "mode", "train", choice("mode", "train_and_eval")
)  # of the epochs, instead of the last
LONGER_TRAINING = Knob("num_epochs", _longer)
