"""Ends a training at a time: measures steps and evaluations, and plans anew what is left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np

from algorithm.training.duration.plan import Plan
from algorithm.training.duration.time_budget import TimeBudget
from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.schedule import DetectionSchedule

_SHARE = 8  # a plan holds for this part of the steps left, then it is made anew
_TOLD = 0.2  # a plan is told again where its length changed by more than this share
_log = logging.getLogger("algorithm.training")


class TimeHook(Hook):
    """Gives the run the plan that fits into the time left; put it before what takes time.

    The speed of a step is the mean over about the later half of the steps of this process, without
    those that compile and without evaluations; checkpoints and log lines are in it.

    Args:
        budget: How long the training is to take.
        schedule: The learning rate, which follows the plan.
        from_chief: Returns the chief's array on every machine.
        seconds: The clock.
    """

    def __init__(
        self,
        budget: TimeBudget,
        schedule: DetectionSchedule,
        from_chief: Callable[[np.ndarray], np.ndarray] = np.asarray,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget, self._schedule = budget, schedule
        self._from_chief, self._seconds = from_chief, seconds
        self._began: float | None = None  # less what processes before took
        self._evaluating: float | None = None
        self._paused = self._called = 0.0
        self._told = self._next = 0
        self._marks: list[tuple[int, float]] = []  # steps, and seconds without evaluations

    def before_steps(self, run: TrainingRun, count: int) -> None:
        """Start the clock at the first step; note what the evaluation before these took."""
        self._begin(run)
        self._evaluated(run)
        if not self._marks:
            self._called = self._seconds() - self._paused

    def after_steps(self, run: TrainingRun) -> None:
        """Measure, and plan anew where it is time; every machine does so at the same step."""
        self._count(run)
        self._measure(run)
        if run.step < self._next and not run.plan.ends_epoch(run.step):
            return
        wanted = self._budget.plan(run.plan, run.step, run.progress)
        steps, spacing = self._from_chief(np.array([wanted.steps, wanted.evaluated], np.int64))
        self._take(run, run.plan.lasting(int(steps), int(spacing)))
        made, left = run.step - self._marks[0][0], run.plan.steps - run.step
        self._next = run.step + max(1, min(made, left // _SHARE))
        self._marks.append((run.step, self._seconds() - self._paused))

    def after_epoch(self, run: TrainingRun) -> None:
        """Start to measure the evaluation that follows."""
        self._begin(run)
        if run.plan.evaluates(run.epoch):
            self._evaluating = self._seconds()

    def after_restore(self, run: TrainingRun) -> None:
        """Measure anew: the next step may compile again."""
        self._marks, self._next = [], 0

    def after_training(self, run: TrainingRun) -> None:
        """Say how long it took, where it came to its end."""
        self._evaluated(run)
        self._count(run)
        if run.ending or run.step >= run.plan.steps:
            if not run.progress.step_seconds:
                _log.warning(
                    "train_minutes=%g was over before the speed of a step was measured: compiling "
                    "alone took %.1f minutes; raise train_minutes and keep train_url to train on",
                    self._budget.minutes,
                    run.progress.first_seconds / 60,
                )
            _log.info(
                "train_minutes=%g: trained for %.2f minutes, %d steps",
                self._budget.minutes,
                run.progress.seconds / 60,
                run.step,
            )

    def _begin(self, run: TrainingRun) -> None:
        if self._began is None:
            self._began = self._seconds() - run.progress.seconds

    def _count(self, run: TrainingRun) -> None:
        if self._began is not None:
            run.progress.seconds = self._seconds() - self._began

    def _evaluated(self, run: TrainingRun) -> None:
        if self._evaluating is not None:
            run.progress.evaluation_seconds = self._seconds() - self._evaluating
            self._paused += run.progress.evaluation_seconds
            self._evaluating = None

    def _measure(self, run: TrainingRun) -> None:
        now = self._seconds() - self._paused
        if not self._marks:
            run.progress.first_seconds = now - self._called
            self._marks = [(run.step, now)]
            return
        half = (self._marks[0][0] + run.step) / 2
        step, then = max(mark for mark in self._marks if mark[0] <= half)
        run.progress.step_seconds = max((now - then) / (run.step - step), 1e-6)

    def _take(self, run: TrainingRun, plan: Plan) -> None:
        if plan.steps != run.plan.steps:
            self._schedule.plan_anew(plan.steps, run.step)
        run.plan = plan
        if not run.progress.step_seconds or abs(plan.steps - self._told) <= _TOLD * self._told:
            return
        self._told = plan.steps
        spacing = f"every {plan.evaluated} epoch(s)" if plan.evaluated else "at the end"
        _log.info(
            "train_minutes=%g: %d steps planned, %.1f epochs, at %.3g s a step; evaluation %s; "
            "num_epochs is not used",
            self._budget.minutes,
            plan.steps,
            plan.steps / plan.steps_per_epoch,
            run.progress.step_seconds,
            spacing,
        )
