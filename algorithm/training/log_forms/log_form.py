"""What a log is told of a step and of an evaluation, and what every form of a log can say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

PEER, TEACHER = "peer", "teacher"  # networks that are evaluated beside the student


@dataclass(frozen=True)
class Moment:
    """A step that was made.

    Attributes:
        step: Its number, 1-based.
        steps: Steps in all.
        steps_per_epoch: Steps in an epoch.
        figures: Its losses and other figures, by name.
        rate: Pictures a second.
        seconds_left: Seconds to the end of the job, None where nothing is measured yet.
        seconds: What the step took in all.
        waited: Seconds of these that it waited for its batch.
    """

    step: int
    steps: int
    steps_per_epoch: int
    figures: Mapping[str, float]
    rate: float
    seconds_left: float | None
    seconds: float
    waited: float

    @property
    def epoch(self) -> int:
        """The epoch it belongs to, 1-based."""
        return (self.step - 1) // self.steps_per_epoch + 1

    @property
    def epochs(self) -> int:
        """Epochs in all."""
        return -(-self.steps // self.steps_per_epoch)


@dataclass(frozen=True)
class Evaluated:
    """An evaluation that was made.

    Attributes:
        epoch: The epoch it followed, 1-based.
        epochs: Epochs in all.
        step: Updates made before it.
        metrics: COCO's 12 figures; None where there is nothing to measure.
        summary: The same as the familiar rows.
        model_seconds: Seconds in the network.
        metric_seconds: Seconds in the metrics.
        batches: Batches that were evaluated.
        network: "" for the student, else PEER or TEACHER.
        mask_metrics: COCO's 12 figures of masks; empty without masks.
        mask_summary: The same as the familiar rows.
    """

    epoch: int
    epochs: int
    step: int
    metrics: Mapping[str, float | None]
    summary: str
    model_seconds: float = 0.0
    metric_seconds: float = 0.0
    batches: int = 1
    network: str = ""
    mask_metrics: Mapping[str, float | None] = field(default_factory=dict)
    mask_summary: str = ""


class LogForm(Protocol):
    """What a log says of a step and of an evaluation."""

    def step(self, moment: Moment, every: int) -> list[str]:
        """Return the lines for a step: none for most of them.

        Args:
            moment: The step.
            every: Steps between two lines.

        Returns:
            The lines, without a newline at their end.
        """

    def evaluation(self, evaluated: Evaluated) -> list[str]:
        """Return the lines for an evaluation, with COCO's 12 figures."""


def is_due(moment: Moment, every: int) -> bool:
    """Return whether a line is due: every so many steps and at the last one."""
    return moment.step % every == 0 or moment.step == moment.steps


def clock(seconds: float) -> str:
    """Return h:mm:ss."""
    return str(timedelta(seconds=round(seconds)))


def clock_or_dash(seconds: float | None) -> str:
    """Return h:mm:ss, "-" for a time that is not known."""
    return "-" if seconds is None else clock(seconds)
