"""What a training run knows besides its tensors; it is saved in every checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Progress:
    """idle: evaluations since the best one. best: its AP. skipped: steps that changed nothing
    because their loss was not finite. restores: times an earlier checkpoint was taken up again,
    each with half the learning rate of the one before.
    parts: into how many parts the batch of a step is divided, to fit into memory. asked: how many
    the job asked for, of which auto_batch may have made more.
    """

    idle: int = 0
    best: float | None = None
    skipped: int = 0
    restores: int = 0
    parts: int = 1
    asked: int = 0

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Progress:
        """The progress that as_state() wrote into a checkpoint's state, among other things."""
        return cls(
            **{
                each.name: state[each.name]
                for each in dataclasses.fields(cls)
                if each.name in state
            }
        )

    def as_state(self) -> dict[str, Any]:
        """What JSON keeps of it."""
        return dataclasses.asdict(self)

    def divide(self, asked: int) -> None:
        """Takes the division that the job asks for, unless it asked for the same before."""
        if asked != self.asked:
            self.asked = self.parts = asked

    @property
    def rate_factor(self) -> float:
        """The factor on the learning rate."""
        return 0.5**self.restores

    def evaluated(self, score: float) -> None:
        """Notes the AP of an evaluation.

        What follows from it depends on this run alone, not on what the archive holds.
        """
        better = self.best is None or score > self.best
        self.best, self.idle = (score, 0) if better else (self.best, self.idle + 1)
