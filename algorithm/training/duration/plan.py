"""The length of a training, in epochs and steps."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """The length of a training.

    Attributes:
        epochs: Passes over the training data, or what `steps_per_epoch` makes of them.
        steps_per_epoch: Updates in an epoch.
        steps_per_loop: Updates at most in one call of TensorFlow.
        most_steps: Updates in all where training ends within its last epoch; 0 for its end.
        evaluated: Epochs from one evaluation to the next; 0 for an evaluation at the end alone.
    """

    epochs: int
    steps_per_epoch: int
    steps_per_loop: int = 1
    most_steps: int = 0
    evaluated: int = 0

    @classmethod
    def of_steps(cls, steps: int, steps_per_epoch: int, steps_per_loop: int = 1) -> Plan:
        """Plan a number of updates in all; the last epoch has what is left.

        Args:
            steps: Updates in all.
            steps_per_epoch: Updates in an epoch.
            steps_per_loop: Updates at most in one call of TensorFlow.

        Returns:
            The plan.
        """
        length = min(steps, steps_per_epoch)
        return cls(-(-steps // length), length, steps_per_loop, steps)

    def lasting(self, steps: int, evaluated: int) -> Plan:
        """Return a plan of another length; an epoch stays what it is.

        Args:
            steps: Updates in all.
            evaluated: Epochs from one evaluation to the next, see the attribute.
        """
        return replace(
            self,
            epochs=-(-steps // self.steps_per_epoch),
            most_steps=steps,
            evaluated=evaluated,
        )

    @property
    def steps(self) -> int:
        """Updates in all."""
        return self.most_steps or self.epochs * self.steps_per_epoch

    def next_steps(self, step: int) -> int:
        """Return how many updates follow `step` in one go, up to the end of an epoch at most."""
        return min(
            self.steps_per_loop,
            self.steps_per_epoch - step % self.steps_per_epoch,
            self.steps - step,
        )

    def ends_epoch(self, step: int) -> bool:
        """Return whether an epoch ends with update number `step` (1-based)."""
        return step > 0 and (step % self.steps_per_epoch == 0 or step >= self.steps)

    def epoch_of(self, step: int) -> int:
        """Return the epoch (1-based) that update number `step` (1-based) belongs to."""
        return -(-step // self.steps_per_epoch)

    def evaluates(self, epoch: int) -> bool:
        """Return whether an evaluation follows an epoch (1-based)."""
        return epoch >= self.epochs or self.evaluated > 0 and epoch % self.evaluated == 0

    def evaluations_from(self, step: int) -> int:
        """Return how many evaluations are still to come after update number `step` (1-based).

        One that follows this very update is among them.
        """
        if not self.evaluated:
            return 1
        before = (self.epoch_of(max(step, 1)) - 1) // self.evaluated
        return -(-self.epochs // self.evaluated) - before
