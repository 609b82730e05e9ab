"""The loop over epochs and steps: the same order and the same end whether or not it was interrupted."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from algorithm.data.pipeline import reading_errors
from algorithm.errors import DivergenceError, Stopped
from algorithm.training.reporting import Reporter
from algorithm.training.trainer import Trainer

# Endless batches from a step on (see data.pipeline.train_batches).
Batches = Callable[[int], Iterable[dict[str, tf.Tensor]]]


@dataclass(frozen=True)
class Plan:
    """How long to train. describe names the pictures of a batch from its sample_index, for error messages."""

    epochs: int
    steps_per_epoch: int
    describe: Callable[[Sequence[int]], str]


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """An event that SIGTERM sets, so that the loop can stop between two steps."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)


def fit(trainer: Trainer, batches: Batches, plan: Plan, reporter: Reporter, *,
        save: Callable[[], Any], end_of_epoch: Callable[[int], bool]) -> None:
    """Trains from the trainer's present step to the end of the plan.

    end_of_epoch(epoch, counted from 1) is called after each; training ends early when it returns True.
    save() is called when SIGTERM asks to stop, before Stopped is raised. DivergenceError: the loss or the gradient is
    not finite; the step's pictures and the knobs to turn are in the message.
    """
    total = plan.epochs * plan.steps_per_epoch
    if trainer.step >= total:
        return
    with _stop_requests() as stop, reporter.running(trainer.step), reading_errors():
        for batch in batches(trainer.step):
            _step(trainer, batch, plan, reporter)
            if trainer.step % plan.steps_per_epoch == 0 and end_of_epoch(trainer.step // plan.steps_per_epoch):
                return
            if trainer.step >= total:
                return
            if stop.is_set():
                save()
                raise Stopped(f"stopped on request at step {trainer.step} of {total}; "
                              "run the same command again to go on")


def _step(trainer: Trainer, batch: dict[str, tf.Tensor], plan: Plan, reporter: Reporter) -> None:
    figures = trainer.train_step(batch)
    values = {name: float(value) for name, value in figures.items()}
    bad = [name for name in ("loss", "gradient_norm") if not math.isfinite(values[name])]
    if bad:
        pictures = plan.describe(batch["sample_index"].numpy().tolist())
        raise DivergenceError(
            f"step {trainer.step}: {bad[0]} is {values[bad[0]]} at learning rate {values['learning_rate']:.6g}; "
            f"lower learning_rate (in hparams, now too high for this data or batch), lower clip_gradients_norm, narrow "
            f"jitter_min and jitter_max, or look at the pictures of this step: {pictures}")
    reporter.step(trainer.step, values)
