"""What a person, a log file and TensorBoard see of a running job."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from algorithm.training.log_forms import Evaluated, LogForm, Moment, OwnForm, eval_line, is_due

_log = logging.getLogger("algorithm.training")


@dataclass
class Reporter:
    """Log lines every `every` steps, a progress bar when a person is watching, TensorBoard events in `folder`. watch: called
    with every step's number and figures."""

    folder: Path
    steps: int
    steps_per_epoch: int
    batch_size: int
    every: int
    form: LogForm = field(default_factory=OwnForm)
    watch: Callable[[int, Mapping[str, float]], None] | None = None
    _started: float = field(default_factory=time.perf_counter)
    _first_step: int = 0

    def __post_init__(self) -> None:
        self._writer = tf.summary.create_file_writer(str(self.folder))
        self._bar: Progress | None = None
        self._last = (time.perf_counter(), 0)
        self.begin(1)

    def begin(self, count: int) -> None:
        """Notes that `count` updates begin, which come back together."""
        self._begun, self._count, self._waited, self._each = time.perf_counter(), count, 0.0, None

    def timed(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The same batches; how long each was waited for is noted."""
        source = iter(batches)
        while True:
            begun = time.perf_counter()
            try:
                batch = next(source)
            except StopIteration:
                return
            self._waited = time.perf_counter() - begun
            yield batch

    @contextmanager
    def running(self, step: int) -> Iterator[None]:
        """Shows the progress bar, from `step` on, and closes the event file at the end."""
        self.restart(step)
        try:
            if not sys.stderr.isatty():
                yield
                return
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[figures]}"),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=Console(stderr=True)) as self._bar:
                self._task = self._bar.add_task(
                    "training", total=self.steps, completed=step, figures=""
                )
                yield
        finally:
            self._bar = None
            self._writer.close()

    def restart(self, step: int) -> None:
        """Notes that the next update is number `step` + 1, whatever came before."""
        self._first_step, self._started = step, time.perf_counter()
        self._last = (self._started, step)

    def step(self, step: int, figures: Mapping[str, float]) -> None:
        """Notes the figures of update number `step` (1-based)."""
        if self.watch:
            self.watch(step, figures)
        if step == self._first_step + 1:  # the first step compiles: it says nothing of the speed
            self._started = time.perf_counter()
            self._last = (self._started, step)
        if self._bar:
            text = f"loss {figures['loss']:.4f} lr {figures['learning_rate']:.5f} {self._rate(step):.1f} images/s"
            self._bar.update(self._task, completed=step, figures=text)
        if self._each is None:
            self._each = (time.perf_counter() - self._begun) / self._count
        moment = Moment(
            step,
            self.steps,
            self.steps_per_epoch,
            figures,
            self._rate(step),
            self._seconds_left(step),
            self._each,
            self._waited,
        )
        for line in self.form.step(moment, self.every):
            if not self._bar:
                _log.info("%s", line)
        if is_due(moment, self.every):
            self._scalars("train", {**figures, "samples_per_second": moment.rate}, step)
            self._last = (time.perf_counter(), step)

    def evaluation(self, evaluated: Evaluated) -> None:
        """Notes the 12 COCO figures: log lines with the familiar rows, and TensorBoard scalars."""
        for line in self.form.evaluation(evaluated):
            _log.info("%s", line)
        known = {name: value for name, value in evaluated.metrics.items() if value is not None}
        self._scalars("eval", known, evaluated.step)

    def peer_evaluation(self, epoch: int, step: int, metrics: Mapping[str, float | None]) -> None:
        """Notes the 12 COCO figures of the network that the student learns from."""
        _log.info(
            "peer %s", eval_line(epoch, -(-self.steps // self.steps_per_epoch), step, metrics)
        )
        self._scalars(
            "eval_peer", {name: value for name, value in metrics.items() if value is not None}, step
        )

    def teacher_evaluation(self, step: int, metrics: Mapping[str, float | None]) -> None:
        """Notes the 12 COCO figures of what a frozen teacher tells the student."""
        known = {name: value for name, value in metrics.items() if value is not None}
        _log.info(
            "teacher %s, on the evaluation pictures as the student sees them; it is worth its time where that is well above the "
            "student's AP without it (docs/use/distillation.md)",
            " ".join(f"{name}={value:.6f}" for name, value in known.items()),
        )
        self._scalars("eval_teacher", known, step)

    def pictures(self, group: str, step: int, pictures: Sequence[np.ndarray]) -> None:
        """Puts uint8 [H, W, 3] pictures into TensorBoard as `group`/picture_0 and so on."""
        with self._writer.as_default(step):
            for index, picture in enumerate(pictures):
                tf.summary.image(f"{group}/picture_{index}", picture[None])

    def _scalars(self, group: str, figures: Mapping[str, float], step: int) -> None:
        with self._writer.as_default(step):
            for name, value in figures.items():
                tf.summary.scalar(f"{group}/{name}", value)
        self._writer.flush()

    def _rate(self, step: int) -> float:
        since, at = self._last
        return (step - at) * self.batch_size / max(time.perf_counter() - since, 1e-6)

    def _seconds_left(self, step: int) -> float:
        done = step - self._first_step - 1
        return (time.perf_counter() - self._started) / max(done, 1) * (self.steps - step)
