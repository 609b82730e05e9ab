"""Steps that fail: what is skipped, when an earlier state is taken up again, and when the job ends."""

import json
import logging

import numpy as np
import pytest
import tensorflow as tf

from algorithm.errors import DivergenceError, ResourceError
from algorithm.training.failure_recovery import Guard, Limits
from algorithm.training.run_state import Progress
from algorithm.training.schedule import DetectionSchedule, ScheduleConfig

GOOD, BAD = 1.0, float("nan")


class ScriptedTrainer:
    """Steps whose losses are given; an exception among them is raised."""

    def __init__(self, losses):
        self.losses, self.step, self.parts = iter(losses), 0, 1

    def train_steps(self, batches, count):
        losses = [next(self.losses) for _ in range(count)]
        if isinstance(losses[0], Exception):
            raise losses[0]
        self.step += count
        figures = {"loss": losses, "gradient_norm": [1.0] * count, "learning_rate": [0.5] * count}
        return {name: np.array(values) for name, values in figures.items()}, np.tile(
            [3, 5], (count, 1)
        )

    def snapshot(self):
        return {"step": np.int64(self.step)}

    def restore(self, tensors):
        self.step = int(tensors["step"])


def guarded(losses, *, saved=None, progress=None, auto_batch=False):
    trainer = ScriptedTrainer(losses)
    schedule = DetectionSchedule(ScheduleConfig(), global_batch=64, steps_per_epoch=10, epochs=10)
    guard = Guard(
        trainer,
        schedule,
        progress or Progress(),
        Limits(6, (64, 96), auto_batch),
        last_good=lambda: saved,
        resumed=saved is not None,
        describe=lambda indices: ", ".join(f"{index}.jpg" for index in indices),
    )
    return guard, trainer, schedule


def steps(guard, count):
    return [figures for _ in range(count) for figures in guard.steps(iter(()), 1) or [None]]


def test_a_step_without_a_finite_loss_is_skipped_named_and_counted(caplog):
    guard, trainer, schedule = guarded([GOOD, BAD, GOOD, BAD, BAD])
    with caplog.at_level(logging.WARNING):
        figures = steps(guard, 5)
    assert [found is not None for found in figures] == [True, False, True, False, False]
    assert (trainer.step, guard.failing, guard.progress.skipped, guard.progress.restores) == (
        5,
        2,
        3,
        0,
    )
    assert (
        "step 2: loss is nan at learning rate 0.5; this step changes nothing (1 in a row, 1 in all). Its pictures: "
        "3.jpg, 5.jpg"
    ) in caplog.text
    assert float(schedule.factor) == 1.0


def test_five_in_a_row_take_up_the_last_checkpoint_with_half_the_rate(caplog):
    saved = {"step": np.int64(10)}, {"idle": 1, "best": 0.25, "dataset": "abc"}
    guard, trainer, schedule = guarded(
        [GOOD, *[BAD] * 5, GOOD], saved=saved, progress=Progress(idle=2, best=0.5)
    )
    full = float(schedule(50))
    steps(guard, 5)
    assert trainer.step == 5
    steps(guard, 1)
    assert trainer.step == 10
    assert (guard.failing, guard.progress) == (
        0,
        Progress(idle=1, best=0.25, skipped=5, restores=1),
    )
    assert float(schedule(50)) == pytest.approx(full / 2)
    assert steps(guard, 1)[0]["loss"] == GOOD


def test_before_the_first_checkpoint_the_state_at_the_start_is_taken_up():
    guard, trainer, _ = guarded([GOOD, *[BAD] * 5])
    steps(guard, 6)
    assert (trainer.step, guard.progress.restores) == (0, 1)


def test_when_half_the_rate_does_not_help_the_job_ends_with_advice():
    guard, _, _ = guarded([BAD] * 10)
    steps(guard, 9)
    with pytest.raises(DivergenceError) as caught:
        steps(guard, 1)
    first = str(caught.value).splitlines()[0]
    for part in (
        "step 5: loss is nan at learning rate 0.5, 5 steps in a row",
        "learning_rate",
        "clip_gradients_norm",
        "3.jpg, 5.jpg",
    ):
        assert part in first


def test_a_resumed_run_keeps_the_rate_and_the_parts_it_had():
    progress = Progress.of(
        {
            **Progress(
                idle=3, best=0.5, skipped=5, restores=1, parts=2, fresh=("mask_net/a",)
            ).as_state(),
            "dataset": "abc",
        }
    )
    guard, trainer, schedule = guarded([], saved=({}, {}), progress=progress)
    assert (float(schedule.factor), trainer.parts, guard.progress.idle) == (0.5, 2, 3)
    assert json.loads(json.dumps(progress.as_state()))["fresh"] == [*progress.fresh]
    assert Progress.of(json.loads(json.dumps(progress.as_state()))) == progress


@pytest.mark.parametrize(
    "error", [tf.errors.ResourceExhaustedError(None, None, "OOM"), MemoryError()]
)
def test_out_of_memory_names_batch_and_image_size_and_the_three_ways_on(error):
    guard, _, _ = guarded([error])
    with pytest.raises(
        ResourceError,
        match="train_batch_size=6 at image_size=64x96.*smaller train_batch_size or image_size, "
        "or add --auto_batch=True",
    ):
        steps(guard, 1)


def test_auto_batch_divides_the_batch_until_it_fits_or_nothing_is_left(caplog):
    full = tf.errors.ResourceExhaustedError(None, None, "OOM")
    guard, trainer, _ = guarded([GOOD, full, full, GOOD, full], auto_batch=True)
    with caplog.at_level(logging.WARNING):
        steps(guard, 2)
        assert (trainer.parts, trainer.step) == (2, 0)
        steps(guard, 2)
    assert trainer.parts == 6  # 4 does not divide 6
    assert (
        "with 6 pictures of 64x96 at a time: auto_batch goes on from step 0 with 3 at a time, 2 times"
        in caplog.text
    )
    with pytest.raises(
        ResourceError,
        match="train_batch_size=1 at image_size=64x96.*use a smaller train_batch_size or image_size$",
    ):
        steps(guard, 1)


def test_early_stopping_counts_evaluations_of_this_run_alone():
    progress = Progress()
    for score, idle in ((0.0, 0), (0.3, 0), (0.2, 1), (0.3, 2), (0.4, 0)):
        progress.evaluated(score)
        assert progress.idle == idle


def test_an_undefined_ap_is_neither_better_nor_worse():
    progress = Progress()
    for _ in range(5):
        progress.evaluated(float("nan"))
    assert (progress.best, progress.idle) == (None, 0)
    progress.evaluated(0.0)
    progress.evaluated(float("nan"))
    assert (progress.best, progress.idle) == (0.0, 0)


def test_the_evaluation_that_stopped_a_run_does_not_count_again_where_it_goes_on():
    progress = Progress(idle=1, best=0.5)
    progress.wait_anew()
    progress.evaluated(0.4)
    assert progress.idle == 0
    progress.evaluated(0.4)
    assert progress.idle == 1
