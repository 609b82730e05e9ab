"""How long a job still takes: its steps, its evaluations and the export at its end."""

from __future__ import annotations

from dataclasses import dataclass

from algorithm.training.duration.plan import Plan

# A pass forward alone takes about a third of a training step, which goes back as well.
_FORWARD = 1 / 3


@dataclass
class TimeLeft:
    """What a job has measured of its own speed.

    Until there was an evaluation its length is taken from the steps. The export traces and
    compiles a network as the first step does, so that step's length stands for it.

    Attributes:
        eval_pictures: Pictures of an evaluation.
        batch_size: Pictures of a step.
        step: Seconds of a step, 0 before one was measured.
        first_step: Seconds of the first step, with its compilation.
        evaluation: Seconds of the latest evaluation, None before the first one.
    """

    eval_pictures: int = 0
    batch_size: int = 1
    step: float = 0.0
    first_step: float = 0.0
    evaluation: float | None = None

    def seconds(self, step: int, plan: Plan) -> float | None:
        """Return the seconds from the end of an update to the end of the job.

        None before a step was measured: one that compiles tells nothing of those to come.

        Args:
            step: The update, 1-based; the evaluation of its epoch is still to come.
            plan: The length of the training.
        """
        if not self.step:
            return None
        evaluation = self.evaluation
        if evaluation is None:
            evaluation = forward_seconds(self.step, self.batch_size, self.eval_pictures)
        evaluations = evaluation * plan.evaluations_from(step)
        return self.step * (plan.steps - step) + evaluations + self.first_step


def forward_seconds(step_seconds: float, batch_size: int, pictures: int) -> float:
    """Return about how long pictures take to pass forward through the network.

    Args:
        step_seconds: Seconds of a training step.
        batch_size: Pictures of a step.
        pictures: Pictures that pass forward alone.
    """
    return step_seconds * _FORWARD * pictures / batch_size
