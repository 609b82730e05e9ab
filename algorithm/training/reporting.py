"""What a person, a log file and TensorBoard see of a running job."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_log = logging.getLogger("algorithm.training")
# Names that differ between the step's figures and the log, in the order of the log line.
_LOGGED = ("loss", "cls_loss", "box_loss", "iou_loss", "loss_soft_cls", "loss_soft_box", "peer_loss", "l2_loss", "gradient_norm",
           "learning_rate")


def train_line(epoch: int, epochs: int, step: int, steps: int, figures: Mapping[str, float], rate: float,
               seconds_left: float) -> str:
    """One log line: `train epoch=2/10 step=30/200 loss=... ... learning_rate=... samples/s=... eta=h:mm:ss`."""
    parts = [f"train epoch={epoch}/{epochs} step={step}/{steps}"]
    parts += [f"{name}={figures[name]:.6g}" for name in _LOGGED if name in figures]
    minutes, seconds = divmod(round(seconds_left), 60)
    hours, minutes = divmod(minutes, 60)
    return " ".join([*parts, f"samples/s={rate:.2f}", f"eta={hours}:{minutes:02d}:{seconds:02d}"])


def eval_line(epoch: int, epochs: int, step: int, metrics: Mapping[str, float | None]) -> str:
    """One log line: `eval epoch=2/10 step=30 AP=... AP50=... ...`; an undefined figure is `nan`."""
    figures = [f"{name}={float('nan') if value is None else value:.6f}" for name, value in metrics.items()]
    return " ".join([f"eval epoch={epoch}/{epochs} step={step}", *figures])


@dataclass
class Reporter:
    """Log lines every `every` steps, a progress bar when a person is watching, TensorBoard events in `folder`. watch: called
    with every step's number and figures."""

    folder: Path
    epochs: int
    steps: int
    steps_per_epoch: int
    batch_size: int
    every: int
    watch: Callable[[int, Mapping[str, float]], None] | None = None
    _started: float = field(default_factory=time.perf_counter)
    _first_step: int = 0

    def __post_init__(self) -> None:
        self._writer = tf.summary.create_file_writer(str(self.folder))
        self._bar: Progress | None = None
        self._last = (time.perf_counter(), 0)

    @contextmanager
    def running(self, step: int) -> Iterator[None]:
        """Shows the progress bar, from `step` on, and closes the event file at the end."""
        self.restart(step)
        try:
            if not sys.stderr.isatty():
                yield
                return
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[figures]}"),
                       TimeRemainingColumn())
            with Progress(*columns, console=Console(stderr=True)) as self._bar:
                self._task = self._bar.add_task("training", total=self.steps, completed=step, figures="")
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
        if step % self.every and step != self.steps:
            return
        epoch = (step - 1) // self.steps_per_epoch + 1
        line = train_line(epoch, self.epochs, step, self.steps, figures, self._rate(step), self._seconds_left(step))
        if not self._bar:
            _log.info("%s", line)
        self._scalars("train", {**figures, "samples_per_second": self._rate(step)}, step)
        self._last = (time.perf_counter(), step)

    def peer_evaluation(self, epoch: int, step: int, metrics: Mapping[str, float | None]) -> None:
        """Notes the 12 COCO figures of the network that the student learns from."""
        _log.info("peer %s", eval_line(epoch, self.epochs, step, metrics))
        self._scalars("eval_peer", {name: value for name, value in metrics.items() if value is not None}, step)

    def evaluation(self, epoch: int, step: int, metrics: Mapping[str, float | None], summary: str) -> None:
        """Notes the 12 COCO figures: a log line, the familiar rows, and TensorBoard scalars."""
        _log.info("%s", eval_line(epoch, self.epochs, step, metrics))
        _log.info("%s", "\n" + summary)
        self._scalars("eval", {name: value for name, value in metrics.items() if value is not None}, step)

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
