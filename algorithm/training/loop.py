"""The loop over epochs and steps: the same order and the same end whether or not it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from algorithm.data.feeding.pipeline import reading_errors
from algorithm.training import stop_requests
from algorithm.training.healing import Guard
from algorithm.training.reporting import Reporter
from algorithm.training.trainer import Trainer

# Endless batches from a step on (see data.feeding.pipeline.train_batches).
Batches = Callable[[int], Iterable[dict[str, tf.Tensor]]]


@dataclass(frozen=True)
class Plan:
    """How long to train, and how many steps at most go into one call of TensorFlow.

    most_steps: where training ends within its last epoch, 0 for the end of it.
    """

    epochs: int
    steps_per_epoch: int
    steps_per_loop: int = 1
    most_steps: int = 0

    @classmethod
    def of_steps(cls, steps: int, steps_per_epoch: int, steps_per_loop: int = 1) -> Plan:
        """A plan of so many steps in all; each epoch has steps_per_epoch of them, the last one what is left."""
        length = min(steps, steps_per_epoch)
        return cls(-(-steps // length), length, steps_per_loop, steps)

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.most_steps or self.epochs * self.steps_per_epoch

    def next_steps(self, step: int) -> int:
        """How many steps come next in one go after `step`: up to the end of an epoch at most."""
        return min(
            self.steps_per_loop,
            self.steps_per_epoch - step % self.steps_per_epoch,
            self.steps - step,
        )


@dataclass(frozen=True)
class Hooks:
    """save() writes a checkpoint. end_of_epoch(epoch, counted from 1) comes after it; True ends the training.
    stop_asked(): whether this job, on any of its machines, was asked to stop."""

    save: Callable[[], Any]
    end_of_epoch: Callable[[int], bool]
    stop_asked: Callable[[], bool] = stop_requests.asked


def fit(
    trainer: Trainer, batches: Batches, plan: Plan, reporter: Reporter, guard: Guard, hooks: Hooks
) -> None:
    """Trains from the trainer's present step to the end of the plan, or until end_of_epoch says so.

    At the end of each epoch a checkpoint is saved first, then comes end_of_epoch; a run that goes on from such a
    checkpoint calls it again, so that it may be interrupted at any moment. SIGTERM: Stopped, after a checkpoint where
    steps would be lost. See Guard.steps for what else is raised.
    """
    with reporter.running(trainer.step), reading_errors(), stop_requests.deferred():
        if _epoch_ends(trainer, plan) and _end_epoch(trainer, plan, hooks):
            return
        while trainer.step < plan.steps and not _train(
            trainer, batches, plan, reporter, guard, hooks
        ):
            reporter.restart(trainer.step)


def _train(
    trainer: Trainer, batches: Batches, plan: Plan, reporter: Reporter, guard: Guard, hooks: Hooks
) -> bool:
    """Whether training came to its end; False when it was taken back to an earlier step."""
    nothing_to_lose = stop_requests.at_once
    stream = iter(batches(trainer.step))
    if plan.steps_per_loop == 1:  # a loop inside TensorFlow takes the batches itself
        stream = reporter.timed(stream)
    while True:
        before, count = trainer.step, plan.next_steps(trainer.step)
        reporter.begin(count)
        with nothing_to_lose():
            rows = guard.steps(stream, count)
        nothing_to_lose = nullcontext
        if trainer.step != before + count:
            return False
        for step, figures in enumerate(rows, before + 1):
            if figures:
                reporter.step(step, figures)
        ends, stops = _epoch_ends(trainer, plan), hooks.stop_asked()
        if ends or stops:
            hooks.save()
        if stops:
            stop_requests.stop(f" at step {trainer.step} of {plan.steps}")
        if ends and _end_epoch(trainer, plan, hooks) or trainer.step >= plan.steps:
            return True


def _end_epoch(trainer: Trainer, plan: Plan, hooks: Hooks) -> bool:
    with stop_requests.at_once():
        return hooks.end_of_epoch(-(-trainer.step // plan.steps_per_epoch))


def _epoch_ends(trainer: Trainer, plan: Plan) -> bool:
    return trainer.step > 0 and (
        trainer.step % plan.steps_per_epoch == 0 or trainer.step >= plan.steps
    )
