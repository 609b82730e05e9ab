"""The seam of everything that happens during training beside the steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithm.training.duration.plan import Plan
from algorithm.training.log_forms.log_form import Evaluated
from algorithm.training.run_state import Progress
from algorithm.training.trainer import Trainer


@dataclass
class TrainingRun:
    """A training that is under way, as its hooks see it.

    Attributes:
        trainer: Makes the steps and holds the weights.
        plan: How long to train; a hook may change it in `after_steps`.
        progress: What a checkpoint keeps besides tensors.
        waited: Seconds that the latest step waited for its batch.
        ending: Set by a hook that ends the training after this epoch.
    """

    trainer: Trainer
    plan: Plan
    progress: Progress
    waited: float = 0.0
    ending: bool = False

    @property
    def step(self) -> int:
        """Updates made so far."""
        return self.trainer.step

    @property
    def epoch(self) -> int:
        """The epoch (1-based) of the latest update."""
        return self.plan.epoch_of(self.step)


class Hook:
    """Something that happens during training. Override what you need; the rest does nothing.

    A new thing that happens during training is a new hook: a file in this folder, and its place
    in the list that `algorithm.jobs.training_hooks` makes. Hooks are called in that order.
    """

    def before_training(self, run: TrainingRun) -> None:
        """Act once, before the first step of this process."""

    def before_steps(self, run: TrainingRun, count: int) -> None:
        """Act before `count` updates that come back together."""

    def after_steps(self, run: TrainingRun) -> None:
        """Act after updates that came back together, and before `after_step` of each.

        A hook may give the run another plan here; every machine of the job must give the same.
        """

    def after_step(self, run: TrainingRun, step: int, figures: dict[str, float]) -> None:
        """Act on an update that changed the weights.

        Args:
            run: The training.
            step: Number of the update, 1-based.
            figures: Its losses, gradient norm and learning rate; a hook may add to them.
        """

    def after_restore(self, run: TrainingRun) -> None:
        """Act when healing took the training back to an earlier step."""

    def wants_checkpoint(self, run: TrainingRun) -> bool:
        """Return whether a checkpoint is due now, within an epoch."""
        return False

    def save_checkpoint(self, run: TrainingRun) -> None:
        """Save at the end of an epoch, where a hook wants a checkpoint, and before a stop."""

    def after_epoch(self, run: TrainingRun) -> None:
        """Act after the checkpoint of an epoch.

        A run that goes on from that checkpoint calls it again.
        """

    def after_evaluation(
        self, run: TrainingRun, evaluated: Evaluated, pictures: list[np.ndarray]
    ) -> None:
        """Act on an evaluation of the student or of a network beside it.

        Args:
            run: The training.
            evaluated: The figures.
            pictures: uint8 [H, W, 3] each, evaluation pictures with truth and detections.
        """

    def after_training(self, run: TrainingRun) -> None:
        """Act once at the end, also where training ends by an error."""
