"""The state of a training run besides its tensors; every checkpoint holds it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Progress:
    """The state of a training run besides its tensors.

    Attributes:
        idle: Evaluations since the best one.
        best: AP of the best evaluation, or None before the first.
        skipped: Steps that changed nothing because their loss was not finite.
        restores: Times an earlier checkpoint was taken up again, each with half the learning rate
            of the one before.
        parts: Into how many parts the batch of a step is divided, to fit into memory.
        learning_rate: The rate for 64 pictures in a step that the job began with.
        fresh: Names of the variables that began from nothing beside pretrained ones.
        batch_norm_frozen: Whether batch norm stays as loaded; None in checkpoints of versions
            before 0.9.
        seconds: Seconds that the training took so far, where train_minutes says how long it lasts.
        step_seconds: Seconds of a step, as measured then.
        first_seconds: Seconds of the first step of a process, with its compilation.
        evaluation_seconds: Seconds of the latest evaluation, 0 before the first.
        asked: How many parts the job asked for; auto_batch may have made more of them.
    """

    idle: int = 0
    best: float | None = None
    skipped: int = 0
    restores: int = 0
    parts: int = 1
    asked: int = 0
    learning_rate: float = 0.0
    fresh: tuple[str, ...] = ()
    batch_norm_frozen: bool | None = None
    seconds: float = 0.0
    step_seconds: float = 0.0
    first_seconds: float = 0.0
    evaluation_seconds: float = 0.0

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Progress:
        """Read the progress that as_state() put into a checkpoint's state beside other things."""
        values = {
            each.name: state[each.name] for each in dataclasses.fields(cls) if each.name in state
        }
        return cls(**{**values, "fresh": tuple(values.get("fresh", ()))})

    def as_state(self) -> dict[str, Any]:
        """Return the values by name, as JSON can hold them."""
        return dataclasses.asdict(self)

    def divide(self, asked: int) -> None:
        """Take the division that the job asks for, unless it asked for the same before."""
        if asked != self.asked:
            self.asked = self.parts = asked

    @property
    def rate_factor(self) -> float:
        """The factor on the learning rate."""
        return 0.5**self.restores

    def wait_anew(self) -> None:
        """Begin to count evaluations without a better AP anew, after an early stop.

        The evaluation that ended the training is made again and does not count.
        """
        self.idle = -1

    def is_better(self, score: float) -> bool:
        """Return whether an AP is higher than that of an evaluation before."""
        return self.best is not None and score > self.best

    def evaluated(self, score: float) -> None:
        """Note the AP of an evaluation. An undefined one (NaN) is neither better nor worse.

        What follows from it depends on this run alone, not on what the archive holds.
        """
        if math.isnan(score):
            return
        better = self.best is None or score > self.best
        self.best, self.idle = (score, 0) if better else (self.best, self.idle + 1)
