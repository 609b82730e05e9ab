"""The lines of torchvision's detection references."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from algorithm.training.devices.device_memory import peak_memory
from algorithm.training.log_forms.coco_rows import BOXES, accumulated
from algorithm.training.log_forms.log_form import Evaluated, Moment, clock

_WINDOW = 20  # torchvision's medians are of this many values


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
            *accumulated(evaluated, BOXES),
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
