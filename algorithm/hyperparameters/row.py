"""One row of the hyperparameter table: everything that is ever said about one hyperparameter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Interval:
    """A range of numbers, written the way it is printed: "[0, 1)", "(0, inf)"."""

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

    kind: "string", "integer", "float", "boolean", "size" (pixels: "512" or "512x640") or "regex".
    default: the typed value used when nothing, or an empty value, is given. None: the preset decides, or nobody does.
    english, chinese: at most 256 letters, Chinese characters, digits, spaces and - _ , . (what the platform accepts).
    where: "parameter" (a flag of its own, published), "hparams" (a key of the hparams list) or "platform" (a flag the
        platform fills in, or a place it decides; not published as a parameter).
    choices, interval: what is allowed; empty means anything of its kind.
    required: the platform must not leave it empty. editable: the user may change it.
    shapes_training: another value would train another model, so a run cannot be resumed under it.
    alias_of: this row is only another name of that one.
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
