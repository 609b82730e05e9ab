"""The plan of a training that is to take so many minutes, from what its parts took so far."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from algorithm.training.duration.plan import Plan
from algorithm.training.duration.time_left import forward_seconds
from algorithm.training.run_state import Progress

_EVALUATING = 0.2  # share of the time that evaluations between the steps take at most
_CLOSE = 0.02  # share of the time by which an end may be early, so that it stays the end
# Compiling the pass forward alone takes about a third of compiling a step.
_COMPILING = 1 / 3


@dataclass(frozen=True)
class TimeBudget:
    """How long a training is to take, and what an evaluation is made of.

    Attributes:
        minutes: From the first step to the end of the last evaluation, over all processes that
            went on with the training.
        every_epoch: Whether to evaluate between the epochs, or at the end alone.
        batch_size: Pictures of a step.
        eval_pictures: Pictures of an evaluation.
    """

    minutes: float
    every_epoch: bool = False
    batch_size: int = 1
    eval_pictures: int = 0

    def opening(self, plan: Plan, step: int, progress: Progress) -> Plan:
        """Return the plan that a process begins with.

        Args:
            plan: A first guess, which stands until a step was measured.
            step: Updates made so far, by processes before.
            progress: What they measured, if anything.
        """
        if not progress.step_seconds:
            return self._unmeasured(plan, step)
        return self._filled(plan, step, progress, self._left(progress) - progress.first_seconds)

    def plan(self, plan: Plan, step: int, progress: Progress) -> Plan:
        """Return the plan from an update on.

        Args:
            plan: The plan so far. Where it ends with this update, and close to the time, it stays.
            step: The update, 1-based; an evaluation that follows it is still to come.
            progress: What was measured so far.
        """
        left = self._left(progress)
        if not progress.step_seconds:
            ends = plan.lasting(step, plan.evaluated)
            return self._unmeasured(plan, step) if left > 0 else ends
        spare = left - self._evaluation(progress)
        if step >= plan.steps and spare <= _CLOSE * 60 * self.minutes:
            return plan
        return self._filled(plan, step, progress, left)

    def _unmeasured(self, plan: Plan, step: int) -> Plan:
        """Return a plan with room to measure: a step that compiles is no measure."""
        return plan.lasting(max(plan.steps, step + 2 * plan.steps_per_loop), plan.evaluated)

    def _left(self, progress: Progress) -> float:
        return 60 * self.minutes - progress.seconds

    def _evaluation(self, progress: Progress) -> float:
        return progress.evaluation_seconds or (
            forward_seconds(progress.step_seconds, self.batch_size, self.eval_pictures)
            + _COMPILING * progress.first_seconds
        )

    def _filled(self, plan: Plan, step: int, progress: Progress, left: float) -> Plan:
        """Return the longest plan whose steps and evaluations fit into the seconds left."""
        evaluation = self._evaluation(progress)
        spacing = 0
        if self.every_epoch:
            epoch = plan.steps_per_epoch * progress.step_seconds
            between = evaluation * (1 / _EVALUATING - 1)  # seconds of steps for each evaluation
            spacing = max(1, math.ceil(between / epoch))

        def seconds(more: int) -> float:
            evaluations = plan.lasting(step + more, spacing).evaluations_from(step)
            return more * progress.step_seconds + evaluations * evaluation

        most = int(max(left, 0.0) / progress.step_seconds) + 2
        more = bisect_right(range(most), left, key=seconds) - 1
        return plan.lasting(step + max(more, 0), spacing)
