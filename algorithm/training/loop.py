"""The loop over epochs and steps.

Its order and its end are the same whether or not it was interrupted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import tensorflow as tf

from algorithm.data.feeding.picture_reader import reading_errors
from algorithm.training import stop_requests
from algorithm.training.failure_recovery import Guard
from algorithm.training.hooks.hook import Hook, TrainingRun

_log = logging.getLogger("algorithm.training")
# Returns endless batches from a step on, see data.feeding.pipeline.train_batches.
Batches = Callable[[int], Iterable[dict[str, tf.Tensor]]]


def fit(
    run: TrainingRun,
    batches: Batches,
    guard: Guard,
    hooks: Sequence[Hook],
    agreed: Callable[[Sequence[bool]], Sequence[bool]] = list,
) -> None:
    """Train from the present step to the end of the plan, or until a hook ends it.

    At the end of each epoch the checkpoint comes first, then `after_epoch`; a run that goes on
    from such a checkpoint calls `after_epoch` again, so that it may be interrupted at any moment.

    Args:
        run: The training.
        batches: Returns endless batches from a step on.
        guard: Makes the steps.
        hooks: What happens beside the steps, in this order.
        agreed: Returns to which of several questions any machine of the job says yes; every machine
            asks.

    Raises:
        Stopped: SIGTERM came; after a checkpoint where steps would be lost.
        DivergenceError: See Guard.steps.
        ResourceError: See Guard.steps.
    """
    with _told(run, hooks), reading_errors(), stop_requests.deferred():
        if run.plan.ends_epoch(run.step) and _epoch_is_the_last(run, hooks):
            return
        while run.step < run.plan.steps and not _train(run, batches, guard, hooks, agreed):
            for hook in hooks:
                hook.after_restore(run)


@contextmanager
def _told(run: TrainingRun, hooks: Sequence[Hook]) -> Iterator[None]:
    for hook in hooks:
        hook.before_training(run)
    try:
        yield
    finally:
        for hook in hooks:
            hook.after_training(run)


def _train(
    run: TrainingRun,
    batches: Batches,
    guard: Guard,
    hooks: Sequence[Hook],
    agreed: Callable[[Sequence[bool]], Sequence[bool]],
) -> bool:
    """Return whether training came to its end; False when it was taken back to an earlier step."""
    nothing_to_lose: Callable[[], Any] = stop_requests.at_once
    stream = iter(batches(run.step))
    if run.plan.steps_per_loop == 1:  # with more, a loop inside TensorFlow takes the batches
        stream = _timed(run, stream)
    while True:
        before, count = run.step, run.plan.next_steps(run.step)
        for hook in hooks:
            hook.before_steps(run, count)
        with nothing_to_lose():
            rows = guard.steps(stream, count)
        nothing_to_lose = nullcontext
        if run.step != before + count:
            return False
        for hook in hooks:
            hook.after_steps(run)
        for step, figures in enumerate(rows, before + 1):
            if figures is None:
                continue
            for hook in hooks:
                hook.after_step(run, step, figures)
        # A list, not a generator, so that every hook is asked.
        wanted = any([hook.wants_checkpoint(run) for hook in hooks])  # noqa: C419
        stops, due = agreed((stop_requests.asked(), wanted))
        ends = run.plan.ends_epoch(run.step)
        if ends or stops or due:
            _save(run, guard, hooks)
        if stops:
            stop_requests.stop(f" at step {run.step} of {run.plan.steps}")
        if ends and _epoch_is_the_last(run, hooks) or run.step >= run.plan.steps:
            return True


def _timed(run: TrainingRun, batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the same batches, and note how long each was waited for."""
    source = iter(batches)
    while True:
        begun = time.perf_counter()
        try:
            batch = next(source)
        except StopIteration:
            return
        run.waited = time.perf_counter() - begun
        yield batch


def _save(run: TrainingRun, guard: Guard, hooks: Sequence[Hook]) -> None:
    """Write a checkpoint, unless the weights may be what makes the loss infinite.

    Then the checkpoint before it is the last good one.
    """
    if guard.failing:
        _log.warning(
            "no checkpoint at step %d: the loss of the last %d steps was not finite",
            run.step,
            guard.failing,
        )
        return
    for hook in hooks:
        hook.save_checkpoint(run)
    guard.saved()


def _epoch_is_the_last(run: TrainingRun, hooks: Sequence[Hook]) -> bool:
    with stop_requests.at_once():
        for hook in hooks:
            hook.after_epoch(run)
    return run.ending
