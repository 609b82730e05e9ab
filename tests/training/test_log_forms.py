"""The log lines' fixed grammar, in each of its forms."""

import re
from dataclasses import replace

from algorithm.training.duration.plan import Plan
from algorithm.training.duration.time_left import TimeLeft
from algorithm.training.log_forms import torchvision_form
from algorithm.training.log_forms.log_form import Evaluated, Moment
from algorithm.training.log_forms.own_form import OwnForm
from algorithm.training.log_forms.torchvision_form import ReferencesForm
from algorithm.training.log_forms.tutorial_form import TutorialForm
from algorithm.training.optimizers import choose_optimizer

FIGURES = {
    "loss": 2.5,
    "cls_loss": 1.25,
    "box_loss": 0.0125,
    "l2_loss": 0.5,
    "gradient_norm": 3.0,
    "learning_rate": 0.01,
    "det_loss": 1.875,
}
ROWS = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.250"


def moment(step, steps, steps_per_epoch, figures=FIGURES, seconds=0.5, waited=0.125):
    return Moment(step, steps, steps_per_epoch, figures, 12.345, 3725.4, seconds, waited)


def test_a_training_line():
    assert OwnForm().step(moment(30, 200, 20), 30) == [
        "train epoch=2/10 step=30/200 det_loss=1.875 cls_loss=1.25 box_loss=0.0125 l2_loss=0.5 loss=2.5 "
        "gradient_norm=3 learning_rate=0.01 samples/s=12.35 eta=1:02:05"
    ]
    assert OwnForm().step(moment(31, 200, 20), 30) == []


def test_no_eta_is_told_before_a_step_was_measured():
    """train_minutes that was over after the first step told the length of the export as eta."""
    left = TimeLeft(eval_pictures=60, batch_size=10, first_step=20.0)
    assert left.seconds(1, Plan(epochs=1, steps_per_epoch=1)) is None
    unknown = replace(moment(1, 1, 1), seconds_left=None)
    assert OwnForm().step(unknown, 30)[0].endswith(" eta=-")


def test_an_evaluation_line_with_an_undefined_figure():
    lines = OwnForm().evaluation(Evaluated(1, 2, 30, {"AP": 0.25, "APs": None}, ROWS))
    assert lines == ["eval epoch=1/2 step=30 AP=0.2500 APs=-"]


def test_the_lines_of_the_tutorial():
    losses = (
        "{'total_loss': 2.5, 'cls_loss': 1.25, 'box_loss': 0.0125, 'model_loss': 1.875, "
        "'l2_regularization_loss': 0.5, 'learning_rate': 0.01}"
    )
    assert TutorialForm().step(moment(10, 10, 10), 5000) == [
        f"Train Step: 10/10  / loss = {losses} / training metric = {losses}"
    ]
    assert FIGURES["det_loss"] == 1.25 + 50 * 0.0125  # model_loss = cls_loss + 50 box_loss
    assert TutorialForm().evaluation(Evaluated(1, 1, 10, {}, ROWS, 3.0, 0.25, 5)) == [
        "Accumulating evaluation results...",
        "DONE (t=0.25s).",
        ROWS,
    ]


def test_the_lines_of_torchvision(monkeypatch):
    monkeypatch.setattr(torchvision_form, "peak_memory", lambda: 2161.4)
    form, lines = ReferencesForm(), []
    for step, loss in enumerate((4.0, 1.0, 3.0, 2.0, 2.0), 1):
        lines += form.step(moment(step, 8, 5, {**FIGURES, "det_loss": loss}), 2)
    assert lines[0] == (
        "Epoch: [0]  [0/5]  eta: 0:00:02  lr: 0.010000  loss: 4.0000 (4.0000)  loss_classifier: 1.2500 (1.2500)  "
        "loss_box_reg: 2.7500 (2.7500)  time: 0.5000 (0.5000)  data: 0.1250 (0.1250)  max mem: 2161"
    )
    assert [line.split("  ")[1] for line in lines[:-1]] == ["[0/5]", "[2/5]", "[4/5]"]
    assert "loss: 3.0000 (2.6667)" in lines[1]  # the median of 4, 1, 3 and their mean
    assert re.fullmatch(r"Epoch: \[0\] Total time: 0:00:0\d \(\d\.\d{4} s / it\)", lines[-1])
    assert form.step(moment(6, 8, 5), 2)[0].startswith(
        "Epoch: [1]  [0/3]  eta: 0:00:01"
    )  # 3 steps are left


def test_an_evaluation_in_the_form_of_torchvision(monkeypatch):
    monkeypatch.setattr(torchvision_form, "peak_memory", lambda: 2161.4)
    assert ReferencesForm().evaluation(Evaluated(1, 1, 10, {}, ROWS, 10.0, 0.5, 50)) == [
        "Test:  [49/50]  eta: 0:00:00  model_time: 0.2000 (0.2000)  evaluator_time: 0.0100 (0.0100)  time: 0.2100  max mem: 2161",
        "Test: Total time: 0:00:10 (0.2100 s / it)",
        "Averaged stats: model_time: 0.2000 (0.2000)  evaluator_time: 0.0100 (0.0100)",
        "Accumulating evaluation results...",
        "DONE (t=0.50s).",
        "IoU metric: bbox",
        ROWS,
    ]


def test_masks_have_a_line_or_a_table_of_their_own(monkeypatch):
    monkeypatch.setattr(torchvision_form, "peak_memory", lambda: 2161.4)
    rows = ROWS.replace("0.250", "0.125")
    evaluated = Evaluated(
        1, 2, 30, {"AP": 0.25}, ROWS, mask_metrics={"AP": 0.125}, mask_summary=rows
    )
    assert OwnForm().evaluation(evaluated) == [
        "eval epoch=1/2 step=30 AP=0.2500",
        "eval epoch=1/2 step=30 segm_AP=0.1250",
    ]
    tables = ["IoU metric: bbox", ROWS, "IoU metric: segm", rows]
    assert ReferencesForm().evaluation(evaluated)[-4:] == tables
    assert TutorialForm().evaluation(evaluated)[-4:] == tables
    figures = {**FIGURES, "mask_loss": 0.125}
    assert "box_loss=0.0125 mask_loss=0.125 " in OwnForm().step(moment(1, 8, 5, figures), 1)[0]
    assert (
        "loss_classifier: 1.2500 (1.2500)  loss_box_reg: 0.5000 (0.5000)  "
        "loss_mask: 0.1250 (0.1250)  time"
    ) in ReferencesForm().step(moment(1, 8, 5, figures), 2)[0]


def test_a_plan_of_steps_ends_within_an_epoch():
    assert (Plan.of_steps(22500, 5000).epochs, Plan.of_steps(22500, 5000).steps) == (5, 22500)
    assert Plan.of_steps(10, 5000) == Plan(1, 10, 1, 10)
    assert Plan(3, 7).steps == 21


def test_the_optimizer_follows_the_batch_only_when_asked_to_choose():
    assert choose_optimizer("auto", 8) == ("adam", 0.1)
    assert choose_optimizer("auto", 32) == ("sgd", 1.0)
    assert choose_optimizer("adam", 64) == ("adam", 1.0)
    assert choose_optimizer("sgd", 1) == ("sgd", 1.0)


def test_a_peer_that_shares_the_steps_takes_nothing_of_the_students_rate():
    """Adam's step is as long for a sum of two gradients as for one; sgd's grows with it. A rate that was asked for stays."""
    assert choose_optimizer("auto", 8, networks=2) == ("adam", 0.2)
    assert choose_optimizer("auto", 32, networks=2) == ("sgd", 1.0)
    assert choose_optimizer("adam", 8, networks=2) == ("adam", 1.0)


def test_the_time_left_includes_evaluations_and_export():
    plan = Plan(epochs=4, steps_per_epoch=10, evaluated=1)
    left = TimeLeft(eval_pictures=60, batch_size=10, step=1.0, first_step=20.0)
    assert left.seconds(10, plan) == 30 + 4 * (6 / 3) + 20  # before its own epoch's evaluation
    left.evaluation = 5.0
    assert left.seconds(11, plan) == 29 + 3 * 5 + 20
    assert left.seconds(40, plan) == 0 + 5 + 20
    assert left.seconds(11, Plan(epochs=4, steps_per_epoch=10)) == 29 + 5 + 20
    assert left.seconds(11, Plan(epochs=4, steps_per_epoch=10, evaluated=3)) == 29 + 2 * 5 + 20
