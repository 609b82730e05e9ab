"""The forms of a log: this project's, the Cloud TPU RetinaNet tutorial's, torchvision's.

torchvision's is that of its detection references.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from algorithm.training.device_memory import peak_memory

# The figures of a step in the order of the log line. The detection loss, which shows learning,
# comes first with its parts; the L2 penalty, which hides it in the sum, stands by itself.
_LOGGED = (
    "det_loss",
    "cls_loss",
    "box_loss",
    "iou_loss",
    "mask_loss",
    "loss_soft_cls",
    "loss_soft_box",
    "peer_loss",
    "cross_loss",
    "l2_loss",
    "loss",
    "gradient_norm",
    "learning_rate",
)
PEER, TEACHER = "peer", "teacher"  # networks that are evaluated beside the student
_TUTORIAL = {
    "total_loss": "loss",
    "cls_loss": "cls_loss",
    "box_loss": "box_loss",
    "model_loss": "det_loss",
    "l2_regularization_loss": "l2_loss",
    "learning_rate": "learning_rate",
}
BOXES, MASKS = "IoU metric: bbox", "IoU metric: segm"  # headings of the two tables
_WINDOW = 20  # torchvision's medians are of this many values


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


def eval_line(epoch: int, epochs: int, step: int, metrics: Mapping[str, float | None]) -> str:
    """Return the line `eval epoch=2/10 step=30 AP=... AP50=... ...`.

    Args:
        epoch: The epoch it followed, 1-based.
        epochs: Epochs in all.
        step: Updates made before it.
        metrics: The figures by name; an undefined one becomes `-`.

    Returns:
        The line.
    """
    figures = [
        f"{name}={'-' if value is None else f'{value:.4f}'}" for name, value in metrics.items()
    ]
    return " ".join([f"eval epoch={epoch}/{epochs} step={step}", *figures])


class OwnForm:
    """This project's form.

    A step is `train epoch=2/10 step=30/200 det_loss=... l2_loss=... loss=... samples/s=...
    eta=h:mm:ss memory=...MiB`, an evaluation `eval epoch=2/10 step=30 AP=...`.
    """

    def step(self, moment: Moment, every: int) -> list[str]:
        """Return one line when it is due."""
        if not is_due(moment, every):
            return []
        parts = [f"train epoch={moment.epoch}/{moment.epochs} step={moment.step}/{moment.steps}"]
        parts += [
            f"{name}={moment.figures[name]:.6g}" for name in _LOGGED if name in moment.figures
        ]
        parts += [f"samples/s={moment.rate:.2f}", f"eta={clock_or_dash(moment.seconds_left)}"]
        if "memory_mib" in moment.figures:
            parts.append(f"memory={moment.figures['memory_mib']:.0f}MiB")
        return [" ".join(parts)]

    def evaluation(self, evaluated: Evaluated) -> list[str]:
        """Return a line of figures, `-` for an undefined one; with masks another of theirs."""
        place = evaluated.epoch, evaluated.epochs, evaluated.step
        masks = {f"segm_{name}": value for name, value in evaluated.mask_metrics.items()}
        tables = (evaluated.metrics, *([masks] if masks else []))
        return [eval_line(*place, figures) for figures in tables]


class TutorialForm:
    """The form of the Cloud TPU RetinaNet tutorial.

    A step is `Train Step: 10/10  / loss = {'total_loss': ...} / training metric = {...}`, an
    evaluation begins with `Accumulating evaluation results...`.
    """

    def step(self, moment: Moment, every: int) -> list[str]:
        """Return one line when it is due."""
        if not is_due(moment, every):
            return []
        losses = {name: moment.figures[ours] for name, ours in _TUTORIAL.items()}
        return [
            f"Train Step: {moment.step}/{moment.steps}  / loss = {losses} / training metric = "
            f"{losses}"
        ]

    def evaluation(self, evaluated: Evaluated) -> list[str]:
        """Return the rows and the lines that come before them."""
        return _accumulated(evaluated)


@dataclass
class ReferencesForm:
    """The form of torchvision's detection references, counted as torchvision counts.

    A step is `Epoch: [0]  [10/60]  eta: ... lr: ... loss: median (mean) ... time: ... data: ... max
    mem: ...`. The loss is the sum of its parts: weighted, and without the L2 penalty, which
    torchvision leaves to the optimizer.
    """

    _recent: dict[str, deque[float]] = field(default_factory=dict)
    _sums: dict[str, float] = field(default_factory=dict)
    _begun: float = 0.0

    def step(self, moment: Moment, every: int) -> list[str]:
        """Return a line where one is due.

        It is due at the first step of an epoch, every so many after it, and at the last. The last
        step of an epoch has a second line, with the time of the epoch.
        """
        place = (moment.step - 1) % moment.steps_per_epoch
        length = min(moment.steps_per_epoch, moment.steps - moment.step + 1 + place)
        if place == 0 or not self._recent:
            self._recent, self._sums, self._begun, self._count = (
                {},
                {},
                time.perf_counter() - moment.seconds,
                0,
            )
        loss, of_classes = moment.figures["det_loss"], moment.figures["cls_loss"]
        self._note(
            {
                "loss": loss,
                "loss_classifier": of_classes,
                "loss_box_reg": loss - of_classes - moment.figures.get("mask_loss", 0.0),
                **(
                    {"loss_mask": moment.figures["mask_loss"]}
                    if "mask_loss" in moment.figures
                    else {}
                ),
                "time": moment.seconds,
                "data": moment.waited,
            }
        )
        lines = []
        if place % every == 0 or place == length - 1:
            lines.append(self._line(moment, place, length))
        if place == length - 1:
            total = time.perf_counter() - self._begun
            lines.append(
                f"Epoch: [{moment.epoch - 1}] Total time: {clock(total)} "
                f"({total / self._count:.4f} s / it)"
            )
        return lines

    def evaluation(self, evaluated: Evaluated) -> list[str]:
        """Return the last line of the test loop, its time and averages, and the rows."""
        model, metric = (
            seconds / evaluated.batches
            for seconds in (evaluated.model_seconds, evaluated.metric_seconds)
        )
        place = f"[{evaluated.batches - 1}/{evaluated.batches}]"
        averages = (
            f"model_time: {model:.4f} ({model:.4f})  evaluator_time: {metric:.4f} ({metric:.4f})"
        )
        total = evaluated.model_seconds + evaluated.metric_seconds
        return [
            f"Test:  {place}  eta: 0:00:00  {averages}  time: {model + metric:.4f}  max mem: "
            f"{peak_memory():.0f}",
            f"Test: Total time: {clock(total)} ({total / evaluated.batches:.4f} s / it)",
            f"Averaged stats: {averages}",
            *_accumulated(evaluated, BOXES),
        ]

    def _note(self, figures: Mapping[str, float]) -> None:
        self._count += 1
        for name, value in figures.items():
            self._recent.setdefault(name, deque(maxlen=_WINDOW)).append(value)
            self._sums[name] = self._sums.get(name, 0.0) + value

    def _line(self, moment: Moment, place: int, length: int) -> str:
        meters = {
            name: f"{name}: {statistics.median_low(values):.4f} "
            f"({self._sums[name] / self._count:.4f})"
            for name, values in self._recent.items()
        }
        left = self._sums["time"] / self._count * (length - 1 - place)
        losses = [text for name, text in meters.items() if name not in ("time", "data")]
        return "  ".join(
            [
                f"Epoch: [{moment.epoch - 1}]",
                f"[{place:>{len(str(length))}}/{length}]",
                f"eta: {clock(left)}",
                f"lr: {moment.figures['learning_rate']:.6f}",
                *losses,
                meters["time"],
                meters["data"],
                f"max mem: {peak_memory():.0f}",
            ]
        )


FORMS: dict[str, type] = {"": OwnForm, "tutorial": TutorialForm, "torchvision": ReferencesForm}


def _rows(evaluated: Evaluated, heading: str = "") -> list[str]:
    """The 12 rows of boxes; with masks both tables, each under its heading."""
    if not evaluated.mask_summary:
        return [*([heading] if heading else []), *evaluated.summary.splitlines()]
    tables = ((BOXES, evaluated.summary), (MASKS, evaluated.mask_summary))
    return [line for name, rows in tables for line in (name, *rows.splitlines())]


def _accumulated(evaluated: Evaluated, heading: str = "") -> list[str]:
    return [
        "Accumulating evaluation results...",
        f"DONE (t={evaluated.metric_seconds:.2f}s).",
        *_rows(evaluated, heading),
    ]


def clock(seconds: float) -> str:
    """Return h:mm:ss."""
    return str(timedelta(seconds=round(seconds)))


def clock_or_dash(seconds: float | None) -> str:
    """Return h:mm:ss, "-" for a time that is not known."""
    return "-" if seconds is None else clock(seconds)
