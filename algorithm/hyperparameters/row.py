"""One row of the hyperparameter table: everything that is ever said about one hyperparameter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Interval:
    """A range of numbers in mathematical notation, such as "[0, 1)" or "(0, inf)"."""

    low: float
    high: float
    low_is_open: bool
    high_is_open: bool

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Return the interval that text writes in mathematical notation."""
        low, high = text[1:-1].split(",")
        return cls(float(low), float(high), text[0] == "(", text[-1] == ")")

    def __contains__(self, value: float) -> bool:
        """True when value is finite and inside. An infinite end means "any finite number"."""
        above = value > self.low if self.low_is_open else value >= self.low
        below = value < self.high if self.high_is_open else value <= self.high
        return math.isfinite(value) and above and below


@dataclass(frozen=True)
class Row:
    """One hyperparameter.

    Attributes:
        name: The flag, or the key of the hparams list.
        kind: "string", "integer", "float", "boolean", "size" (pixels: "512", "512x640") or "regex".
        default: The typed value of an empty or missing text. None means that the model decides, or
            that there is none.
        english: The description, at most 256 letters, digits, spaces and - _ , . (the signs that
            the platform accepts).
        chinese: The same in Chinese, with the same signs.
        where: "parameter" (a flag of its own, published), "hparams" (a key of the hparams list) or
            "platform" (a flag or place that the platform fills in; not published).
        choices: The allowed values; empty means any.
        interval: The allowed numbers, such as "[0, 1)"; empty means any.
        required: The platform must not leave it empty.
        editable: The user may change it.
        shapes_training: Another value would train another model, so a run cannot resume under it.
        alias_of: The name of the row that this one is another name of.
    """

    name: str
    kind: str
    default: Any
    english: str
    chinese: str
    where: str = "hparams"
    choices: tuple[str, ...] = ()
    interval: str = ""
    required: bool = False
    editable: bool = True
    shapes_training: bool = True
    alias_of: str = ""

    @property
    def spelling(self) -> str:
        """How a person writes it on the command line, up to the value."""
        return f"--hparams={self.name}=" if self.where == "hparams" else f"--{self.name}="

    @property
    def allowed(self) -> str:
        """What is allowed, in words, as error messages and tables print it."""
        if self.choices:
            return "one of " + ", ".join(choice or "''" for choice in self.choices)
        nouns = {
            "string": "text",
            "integer": "a whole number",
            "float": "a number",
            "boolean": "True or False",
            "size": "pixels such as 512 or 512x640",
            "regex": "a regular expression",
        }
        return nouns[self.kind] + (f" in {self.interval}" if self.interval else "")
