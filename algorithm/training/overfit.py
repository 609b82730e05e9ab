"""Learning a few pictures by heart.

It is the quickest proof that boxes, labels and network fit together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

from algorithm.data import Sample
from algorithm.training.trainer import Trainer

PICTURES = 8
LEAST_AP50 = 0.8
LEARNING_RATE = 1e-3
_SECONDS = 60.0
_MOST_STEPS = 400
_STEPS_BETWEEN_SCORES = 20


@dataclass(frozen=True)
class Overfit:
    """The result of learning a few pictures by heart.

    Attributes:
        ap50: The AP50 reached on the pictures themselves, 0 to 1.
        steps: Steps made.
        seconds: Seconds taken, compiling not counted.
    """

    ap50: float
    steps: int
    seconds: float

    @property
    def learned(self) -> bool:
        """Whether the pictures were learned well enough."""
        return self.ap50 >= LEAST_AP50


def choose_pictures(samples: Sequence[Sample]) -> list[Sample]:
    """Choose at most 8 samples with objects, with as many classes among them as can be.

    Args:
        samples: The samples to choose from. One whose objects are all crowds is not chosen.

    Returns:
        The chosen samples, always the same ones.
    """
    left = [sample for sample in samples if (~sample.is_crowd).any()]
    chosen: list[Sample] = []
    seen: set[int] = set()
    while left and len(chosen) < PICTURES:
        best = max(left, key=lambda sample: len(set(sample.labels.tolist()) - seen))
        left.remove(best)
        chosen.append(best)
        seen |= set(best.labels.tolist())
    return chosen


def overfit(
    trainer: Trainer, batch: dict[str, tf.Tensor], score: Callable[[], float | None]
) -> Overfit:
    """Train on one batch over and over for at most a minute, compiling not counted.

    The training ends as soon as the score is enough.

    Args:
        trainer: Makes the steps.
        batch: The batch, see Trainer.train_step.
        score: Returns the AP50 of the present weights on the same pictures, or None.

    Returns:
        The best AP50 and the steps and seconds taken.
    """
    trainer.train_step(batch)
    begun, best = time.monotonic(), 0.0
    while trainer.step < _MOST_STEPS and time.monotonic() - begun < _SECONDS and best < LEAST_AP50:
        for _ in range(_STEPS_BETWEEN_SCORES):
            trainer.train_step(batch)
        best = max(best, score() or 0.0)
    return Overfit(best, trainer.step, time.monotonic() - begun)
