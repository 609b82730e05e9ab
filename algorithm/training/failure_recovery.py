"""Training steps that may fail: a loss that is not finite, or too little memory.

What can be healed is healed.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from algorithm.errors import DivergenceError, ResourceError
from algorithm.training.run_state import Progress
from algorithm.training.schedule import DetectionSchedule
from algorithm.training.trainer import Trainer

LONGEST_RUN = 5  # steps in a row without a finite loss; one more would not heal by itself
MOST_RESTORES = 1
OUT_OF_MEMORY = (tf.errors.ResourceExhaustedError, MemoryError)
_log = logging.getLogger("algorithm.training")

# Tensors by name and state, as a checkpoint holds them.
Saved = tuple[Mapping[str, np.ndarray], Mapping[str, Any]]


@dataclass(frozen=True)
class Limits:
    """What a step may take.

    Attributes:
        batch_size: Pictures of a step on each device.
        image_size: (height, width) in pixels, for messages.
        auto_batch: Whether to divide the pictures where memory is too small.
    """

    batch_size: int
    image_size: tuple[int, int]
    auto_batch: bool = False


class Guard:
    """Makes the steps of a trainer and handles those that fail.

    Args:
        trainer: Makes the steps.
        schedule: The learning rate, whose factor is lowered after a failure.
        progress: What the run keeps besides its tensors; it is changed here.
        limits: What a step may take.
        last_good: Returns the newest checkpoint, or None where there is none yet.
        resumed: Whether there is a checkpoint now.
        describe: Names the pictures of a batch by its sample_index.
    """

    def __init__(
        self,
        trainer: Trainer,
        schedule: DetectionSchedule,
        progress: Progress,
        limits: Limits,
        *,
        last_good: Callable[[], Saved | None],
        resumed: bool,
        describe: Callable[[Sequence[int]], str],
    ) -> None:
        self._trainer, self._schedule, self._limits = trainer, schedule, limits
        self._last_good, self._describe = last_good, describe
        self.progress = progress
        self.failing = 0  # steps in a row without a finite loss so far
        self._start = None if resumed else (trainer.snapshot(), progress.as_state())
        self._apply()

    def steps(
        self, batches: Iterator[Mapping[str, tf.Tensor]], count: int
    ) -> list[dict[str, float] | None]:
        """Make `count` steps.

        After several steps without a finite loss, and after memory ran out, the trainer is back at
        the last good checkpoint: compare its step.

        Args:
            batches: Batches for Trainer.train_step.
            count: How many steps to make.

        Returns:
            The figures of each step, see Trainer.train_steps; None for a step that changed nothing.

        Raises:
            DivergenceError: Going back to the last good checkpoint did not help.
            ResourceError: There is not enough memory.
        """
        first = self._trainer.step
        try:
            figures, pictures = self._trainer.train_steps(batches, count)
        except OUT_OF_MEMORY as error:
            self._divide(error)
            return []
        found = []
        for number in range(count):
            row = {name: float(values[number]) for name, values in figures.items()}
            found.append(self._judged(first + number + 1, row, pictures[number]))
            if self._trainer.step != first + count:
                break
        return found

    def _judged(
        self, step: int, figures: dict[str, float], pictures: np.ndarray
    ) -> dict[str, float] | None:
        bad = [name for name in ("loss", "gradient_norm") if not math.isfinite(figures[name])]
        if not bad:
            self.failing = 0
            return figures
        if math.isfinite(figures["loss"]) and figures.get("loss_scale", 1.0) > 1.0:
            _log.info(
                "step %d: gradients beyond float16 at loss scale %g; this step changes nothing, "
                "the scale halves",
                step,
                figures["loss_scale"],
            )
            return None
        self._skipped(
            f"step {step}: {bad[0]} is {figures[bad[0]]} at learning rate "
            f"{figures['learning_rate']:.6g}",
            self._describe(pictures.tolist()),
        )
        return None

    def saved(self) -> None:
        """Note that there is a checkpoint now, so that the state at the start need not be kept."""
        self._start = None

    def _skipped(self, what: str, pictures: str) -> None:
        self.failing += 1
        self.progress.skipped += 1
        _log.warning(
            "%s; this step changes nothing (%d in a row, %d in all). Its pictures: %s",
            what,
            self.failing,
            self.progress.skipped,
            pictures,
        )
        if self.failing < LONGEST_RUN:
            return
        if self.progress.restores >= MOST_RESTORES:
            raise DivergenceError(
                f"{what}, {self.failing} steps in a row, and halving the rate did not help; lower "
                "learning_rate (in hparams, now too high for this data or batch), lower "
                "clip_gradients_norm, narrow jitter_min and jitter_max, or look at the pictures "
                f"of this step: {pictures}"
            )
        self.progress.restores += 1
        self._take_up_last_good()
        _log.warning(
            "%d steps in a row without a finite loss: back to the last good state, of step %d, "
            "with %g times the learning rate",
            LONGEST_RUN,
            self._trainer.step,
            self.progress.rate_factor,
        )

    def _divide(self, error: Exception) -> None:
        batch, (height, width) = self._limits.batch_size, self._limits.image_size
        now = batch // self.progress.parts
        parts = next((n for n in range(2 * self.progress.parts, batch + 1) if batch % n == 0), None)
        if parts is None or not self._limits.auto_batch:
            divide = (
                ""
                if parts is None
                else ", or add --auto_batch=True, which sees them in several passes"
            )
            raise ResourceError(
                f"expected memory for a step with train_batch_size={now} at "
                f"image_size={height}x{width}, found too little; use a smaller train_batch_size "
                f"or image_size{divide}"
            ) from error
        self.progress.parts = parts
        self._take_up_last_good()
        _log.warning(
            "out of memory with %d pictures of %dx%d at a time: auto_batch goes on from step %d "
            "with %d at a time, %d times for each step, so that a step still learns from %d",
            now,
            height,
            width,
            self._trainer.step,
            batch // parts,
            parts,
            batch,
        )

    def _take_up_last_good(self) -> None:
        good = self._last_good() or self._start
        if good is None:  # a resumed job has a checkpoint
            raise DivergenceError("expected a checkpoint to go back to, found none")
        tensors, state = good
        self._trainer.restore(tensors)
        before = Progress.of(state)
        self.progress.idle, self.progress.best = before.idle, before.best
        self.failing = 0
        self._apply()

    def _apply(self) -> None:
        self._schedule.factor.assign(self.progress.rate_factor)
        self._trainer.parts = self.progress.parts
