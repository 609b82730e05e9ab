"""The log lines of a running job, and its progress bar where a person is watching."""

from __future__ import annotations

import logging
import sys
import time

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from algorithm.training.duration.time_left import TimeLeft
from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.log_forms.log_form import (
    Evaluated,
    LogForm,
    Moment,
    clock_or_dash,
    is_due,
)
from algorithm.training.log_forms.own_form import eval_line

_log = logging.getLogger("algorithm.training")


class LogHook(Hook):
    """Logs a line every `every` steps and the figures of each evaluation.

    It adds `samples_per_second` to a step's figures.

    Args:
        form: What the lines look like.
        every: Steps between two lines.
        batch_size: Pictures of a step, on all devices.
        time_left: Is told what steps and evaluations take.
    """

    def __init__(
        self, form: LogForm, every: int, batch_size: int, time_left: TimeLeft | None = None
    ) -> None:
        self._form, self._every, self._batch_size = form, every, batch_size
        self._time_left = time_left or TimeLeft()
        self._bar: Progress | None = None
        self._seconds: float | None = None
        self._restart(0)

    def before_training(self, run: TrainingRun) -> None:
        """Say what is waited for first; show the progress bar where stderr is a terminal."""
        self._restart(run.step)
        if run.step < run.plan.steps:
            _log.info("compiling the first training step ...")
        if not sys.stderr.isatty():
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TextColumn("{task.fields[left]}"),
        )
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._bar.start()
        self._task = self._bar.add_task(
            "compiling", total=run.plan.steps, completed=run.step, figures="", left=""
        )

    def before_steps(self, run: TrainingRun, count: int) -> None:
        """Start the clock of these steps."""
        self._begun, self._count = time.perf_counter(), count
        self._seconds = None
        run.waited = 0.0

    def after_step(self, run: TrainingRun, step: int, figures: dict[str, float]) -> None:
        """Log the step where a line is due."""
        if step == self._first_step + 1:  # the first step compiles, so it says nothing of the speed
            self._started = time.perf_counter()
            self._time_left.first_step = self._started - self._begun
            self._last = (self._started, step)
        rate = figures["samples_per_second"] = self._rate(step)
        if self._seconds is None:
            self._seconds = (time.perf_counter() - self._begun) / self._count
        plan = run.plan
        left = self._seconds_left(run, step)
        if self._bar:
            text = (
                f"loss {figures['det_loss']:.4f} lr {figures['learning_rate']:.5f} "
                f"{rate:.1f} images/s"
            )
            self._bar.update(
                self._task,
                description="evaluating" if plan.ends_epoch(step) else "training",
                completed=step,
                total=plan.steps,
                figures=text,
                left=clock_or_dash(left),
            )
        moment = Moment(
            step, plan.steps, plan.steps_per_epoch, figures, rate, left, self._seconds, run.waited
        )
        for line in self._form.step(moment, self._every):
            if not self._bar:
                _log.info("%s", line)
        if is_due(moment, self._every):
            self._last = (time.perf_counter(), step)

    def after_restore(self, run: TrainingRun) -> None:
        """Count from the step that training was taken back to."""
        self._restart(run.step)

    def after_evaluation(
        self, run: TrainingRun, evaluated: Evaluated, pictures: list[np.ndarray]
    ) -> None:
        """Log the figures. Those of a network beside the student take one line."""
        self._pause(evaluated)
        if evaluated.network:
            line = eval_line(evaluated.epoch, evaluated.epochs, evaluated.step, evaluated.metrics)
            _log.info("%s %s", evaluated.network, line)
            return
        for line in self._form.evaluation(evaluated):
            _log.info("%s", line)

    def after_training(self, run: TrainingRun) -> None:
        """Take the progress bar away."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    def _restart(self, step: int) -> None:
        self._first_step, self._started = step, time.perf_counter()
        self._last, self._paused = (self._started, step), 0.0

    def _pause(self, evaluated: Evaluated) -> None:
        """Keep an evaluation out of the speed of the steps, and its length for the time left."""
        seconds = evaluated.model_seconds + evaluated.metric_seconds
        self._paused += seconds
        if evaluated.network:  # comes after the student, in the same epoch
            seconds += self._time_left.evaluation or 0.0
        self._time_left.evaluation = seconds

    def _rate(self, step: int) -> float:
        since, at = self._last
        return (step - at) * self._batch_size / max(time.perf_counter() - since, 1e-6)

    def _seconds_left(self, run: TrainingRun, step: int) -> float | None:
        done = step - self._first_step - 1
        if done:
            self._time_left.step = (time.perf_counter() - self._started - self._paused) / done
        return self._time_left.seconds(step, run.plan)
