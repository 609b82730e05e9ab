"""What happens during training beside the steps: when each hook acts, and on what."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from algorithm.distillation.soft_losses import SoftLossConfig
from algorithm.training import checkpoints, loop
from algorithm.training.duration.plan import Plan
from algorithm.training.hooks import checkpoint_hook as checkpoint_file
from algorithm.training.hooks.checkpoint_hook import CheckpointHook
from algorithm.training.hooks.confusion_matrix_hook import ConfusionMatrixHook
from algorithm.training.hooks.early_stop_hook import EarlyStopHook
from algorithm.training.hooks.graph_hook import GraphHook
from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.hooks.memory_hook import MemoryHook
from algorithm.training.hooks.soft_loss_hook import SoftLossHook
from algorithm.training.hooks.tensorboard_hook import TensorBoardHook
from algorithm.training.log_forms.log_form import PEER, Evaluated
from algorithm.training.run_state import Progress


class FakeTrainer:
    """Counts steps."""

    step = 0

    def tensors(self):
        return {"weight": np.float32([self.step])}


class FakeGuard:
    """Makes steps without a network; `restores` are steps at which training falls back to step 0, once each."""

    failing = 0

    def __init__(self, trainer, restores=()):
        self.trainer, self.restores, self.saves = trainer, set(restores), []

    def steps(self, stream, count):
        if self.trainer.step + count in self.restores:
            self.restores.discard(self.trainer.step + count)
            self.trainer.step = 0
            return []
        for _ in range(count):
            next(stream)
        self.trainer.step += count
        return [{"loss": 1.0}] * count

    def saved(self):
        self.saves.append(self.trainer.step)


class Told(Hook):
    """Notes the order of calls."""

    def __init__(self, wants=(), ends_at=None):
        self.calls, self.wants, self.ends_at = [], set(wants), ends_at

    def before_training(self, run):
        self.calls.append("begin")

    def after_step(self, run, step, figures):
        self.calls.append(step)

    def after_restore(self, run):
        self.calls.append(f"back to {run.step}")

    def wants_checkpoint(self, run):
        return run.step in self.wants

    def save_checkpoint(self, run):
        self.calls.append(f"save {run.step}")

    def after_epoch(self, run):
        self.calls.append(f"epoch {run.epoch}")
        run.ending = run.epoch == self.ends_at

    def after_training(self, run):
        self.calls.append("end")


def run_of(epochs=2, steps_per_epoch=3):
    return TrainingRun(FakeTrainer(), Plan(epochs, steps_per_epoch), Progress())


def fit(run, told, restores=()):
    guard = FakeGuard(run.trainer, restores)
    loop.fit(run, lambda step: iter(range(1000)), guard, [told])
    return guard


def test_the_order_of_a_training():
    told = Told()
    guard = fit(run_of(), told)
    assert told.calls == [
        *("begin", 1, 2, 3, "save 3", "epoch 1"),
        *(4, 5, 6, "save 6", "epoch 2", "end"),
    ]
    assert guard.saves == [3, 6]


def test_a_checkpoint_within_an_epoch_where_a_hook_wants_one():
    told = Told(wants={2})
    fit(run_of(epochs=1), told)
    assert told.calls == ["begin", 1, 2, "save 2", 3, "save 3", "epoch 1", "end"]


def test_a_hook_ends_the_training():
    run, told = run_of(epochs=9), Told(ends_at=1)
    fit(run, told)
    assert told.calls[-2:] == ["epoch 1", "end"] and run.step == 3


def test_a_run_that_goes_on_from_the_end_of_an_epoch_tells_it_again():
    run, told = run_of(), Told()
    run.trainer.step = 3
    fit(run, told)
    assert told.calls == ["begin", "epoch 1", 4, 5, 6, "save 6", "epoch 2", "end"]


def test_hooks_hear_that_training_was_taken_back():
    told = Told()
    fit(run_of(epochs=1), told, restores={2})
    assert told.calls == ["begin", 1, "back to 0", 1, 2, 3, "save 3", "epoch 1", "end"]


def test_no_checkpoint_of_weights_that_make_the_loss_infinite(caplog):
    run, told = run_of(epochs=1), Told()
    guard = FakeGuard(run.trainer)
    guard.failing = 2
    loop.fit(run, lambda step: iter(range(1000)), guard, [told])
    assert "save 3" not in told.calls and guard.saves == []
    assert "no checkpoint at step 3: the loss of the last 2 steps was not finite" in caplog.text


def test_hooks_end_also_where_training_fails():
    run, told = run_of(), Told()
    guard = FakeGuard(run.trainer)
    guard.steps = lambda stream, count: 1 / 0
    with pytest.raises(ZeroDivisionError):
        loop.fit(run, lambda step: iter(range(1000)), guard, [told])
    assert told.calls == ["begin", "end"]


def test_a_checkpoint_every_few_minutes(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(checkpoint_file, "time", SimpleNamespace(monotonic=lambda: now[0]))
    run, hook = run_of(), CheckpointHook(tmp_path, {"dataset": "d"}, keep=2, minutes=1.5)
    hook.before_training(run)
    now[0] += 89
    assert not hook.wants_checkpoint(run)
    now[0] += 1
    assert hook.wants_checkpoint(run)
    run.trainer.step = 7
    hook.save_checkpoint(run)
    assert not hook.wants_checkpoint(run)
    tensors, state = checkpoints.load_newest(tmp_path)
    assert tensors["weight"] == 7 and state["dataset"] == "d" and "idle" in state


def test_no_minutes_no_checkpoint_within_an_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_file, "time", SimpleNamespace(monotonic=lambda: 1e9))
    assert not CheckpointHook(tmp_path, {}, keep=2).wants_checkpoint(run_of())


@pytest.mark.parametrize("patience, idle, ends", [(0, 9, False), (3, 2, False), (3, 3, True)])
def test_early_stop(patience, idle, ends):
    run = run_of()
    run.progress.idle = idle
    EarlyStopHook(patience).after_epoch(run)
    assert run.ending is ends


def test_memory_is_a_figure_of_the_step():
    figures = {"loss": 1.0}
    MemoryHook().after_step(run_of(), 1, figures)
    assert figures["memory_mib"] > 50  # this process has TensorFlow in it


def test_a_soft_loss_that_stays_high_gets_a_hint_once_with_the_value_to_set(caplog):
    run, hook = run_of(steps_per_epoch=2), SoftLossHook(SoftLossConfig())
    with caplog.at_level(logging.WARNING):
        for step in range(1, 7):
            hook.after_step(run, step, {"loss_soft_cls": 10.0, "loss_soft_box": 4.0})
    assert [record.message for record in caplog.records] == [
        "loss_soft_cls was 10 on average in this epoch, which is above 5: set soft_cls_loss=0.8 "
        "in hparams (now 2), or 0 to leave it out"
    ]


def test_the_graph_goes_to_tensorboard_once_and_the_first_update_does_not_wait_for_it(tmp_path):
    run, steps = run_of(), []

    def write():
        steps.append(run.step)
        with tf.Graph().as_default() as graph:
            tf.constant(1.0, name="weights")
        return graph

    board = TensorBoardHook(tmp_path, every=100)
    hooks = [GraphHook(write, [board]), board]
    loop.fit(run, lambda step: iter(range(1000)), FakeGuard(run.trainer), hooks)
    (events,) = tmp_path.glob("events*")
    graphs = [
        event.graph_def
        for event in tf.compat.v1.train.summary_iterator(str(events))
        if event.graph_def
    ]
    assert [node.name for node in tf.compat.v1.GraphDef.FromString(graphs[0]).node] == ["weights"]
    assert len(graphs) == 1
    assert steps == [1]


def test_tensorboard_gets_curves_pictures_and_the_confusion_matrix(tmp_path):
    run, board = (
        run_of(),
        TensorBoardHook(tmp_path, every=2, data_pictures=[np.zeros((4, 4, 3), np.uint8)]),
    )
    matrix = ConfusionMatrixHook(lambda: np.full((5, 5, 3), 7, np.uint8), [board])
    board.after_steps(run)
    for step in range(1, 5):
        board.after_step(run, step, {"loss": 1.0})
    for network in ("", PEER):
        for hook in (board, matrix):
            evaluated = Evaluated(1, 2, 3, {"AP": 0.5, "APs": None}, "", network=network)
            hook.after_evaluation(run, evaluated, [])
    board.after_training(run)
    (events,) = tmp_path.glob("events*")
    found = [
        (value.tag, event.step)
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    ]
    assert found == [
        ("data/picture_0", 0),
        ("train/loss", 2),
        ("train/loss", 4),
        ("eval/AP", 3),
        ("eval/confusion_matrix/picture_0", 3),
        ("eval_peer/AP", 3),
    ]
