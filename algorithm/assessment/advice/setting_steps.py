"""The steps in which hyperparameters are turned: one rule for each way of turning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from algorithm.hyperparameters import ROWS, larger_than, read_value, write_value
from algorithm.hyperparameters.random_scales import SCALES, random_scales

LARGER_PICTURES = 1.25
SIDE_STEP = 64
LONGER = 1.5
LONGEST = 300  # epochs; the published recipes end there


@dataclass(frozen=True)
class Setting:
    """What a job was trained with.

    Attributes:
        values: Text by name of hyperparameter, as in job.json.
        input_sizes: (height, width) of each model's input in pixels, where the caller knows it.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    input_sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def typed(self, name: str) -> Any:
        """Return the value that a hyperparameter had, or its default where the job does not say."""
        if name in SCALES:
            given = {each: self._read(each) for each in (*SCALES, "pretrained")}
            return random_scales(given)[SCALES.index(name)]
        return self._read(name)

    def _read(self, name: str) -> Any:
        return read_value(ROWS[name], self.values.get(name, ""))


@dataclass(frozen=True)
class Change:
    """The change of one hyperparameter.

    Attributes:
        name: Its name.
        before: Its value, as text, the way the platform writes values.
        after: Its next value, in the same way.
    """

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Knob:
    """A hyperparameter and the rule for its next value.

    Attributes:
        name: Its name.
        turned: Takes the setting and the name; returns the next value, or None where the present
            one is far enough.
    """

    name: str
    turned: Callable[[Setting, str], Any]

    def change(self, setting: Setting) -> Change | None:
        """Return the change to make, or None."""
        after = self.turned(setting, self.name)
        return (
            None
            if after is None
            else Change(self.name, write_value(setting.typed(self.name)), write_value(after))
        )


def rising(name: str, *values: float) -> Knob:
    """Return a knob that takes the next higher of the values."""
    return Knob(
        name,
        lambda setting, name: next(
            (value for value in values if value > setting.typed(name)), None
        ),
    )


def falling(name: str, *values: float) -> Knob:
    """Return a knob that takes the next lower of the values, which are given from high to low."""
    return Knob(
        name,
        lambda setting, name: next(
            (value for value in values if value < setting.typed(name)), None
        ),
    )


def choice(name: str, *values: str) -> Knob:
    """Return a knob that takes the value after the present one.

    From a value that is not listed it takes the first; after the last it has none.
    """

    def turned(setting: Setting, name: str) -> str | None:
        now = setting.typed(name)
        rest = values[values.index(now) + 1 :] if now in values else values
        return rest[0] if rest else None

    return Knob(name, turned)


def only_with(name: str, value: str, knob: Knob) -> Knob:
    """Return a knob that turns only where another hyperparameter has a value.

    Args:
        name: The other hyperparameter.
        value: The value it must have.
        knob: The knob.

    Returns:
        The knob with the condition.
    """
    return Knob(
        knob.name,
        lambda setting, own: knob.turned(setting, own) if setting.typed(name) == value else None,
    )


def _larger_model(setting: Setting, name: str) -> str | None:
    return next(iter(larger_than(setting.typed(name))), None)


def _larger_pictures(setting: Setting, name: str) -> tuple[int, int] | None:
    size = setting.typed(name) or setting.input_sizes.get(setting.values.get("model_name", ""))
    if not size:
        return None
    height, width = (math.ceil(side * LARGER_PICTURES / SIDE_STEP) * SIDE_STEP for side in size)
    return height, width


def _longer(setting: Setting, name: str) -> int | None:
    now = setting.typed(name)
    if setting.typed("train_minutes") or setting.typed("num_steps") or now >= LONGEST:
        return None
    return min(LONGEST, math.ceil(now * LONGER))


def _more_minutes(setting: Setting, name: str) -> float | None:
    return setting.typed(name) * LONGER or None


def _more_steps(setting: Setting, name: str) -> int | None:
    return (
        None if setting.typed("train_minutes") else math.ceil(setting.typed(name) * LONGER) or None
    )


LARGER_MODEL = Knob("model_name", _larger_model)
LARGER_PICTURE = Knob("image_size", _larger_pictures)
KEEP_BEST = only_with(
    "mode", "train", choice("mode", "train_and_eval")
)  # of the epochs, instead of the last
LONGER_TRAINING = Knob("num_epochs", _longer)
MORE_MINUTES = Knob("train_minutes", _more_minutes)  # where a time says how long
MORE_STEPS = Knob("num_steps", _more_steps)  # where a number of steps does
