"""What a job freezes follows its start, and stays when the job goes on."""

from pathlib import Path

import pytest

from algorithm.hyperparameters import parse
from algorithm.jobs.from_hyperparameters import beginning_of, plan_of, trainer_of
from algorithm.models import build_detector
from algorithm.models.layers import BatchNorm
from algorithm.models.weights.warm_start import Start
from algorithm.ops.losses import LossConfig
from algorithm.training.run_state import Progress


@pytest.mark.parametrize(
    ("chosen", "flags", "frozen"),
    [
        (True, (), True),
        (False, (), False),
        (True, ("--freeze_bn=false",), False),
        (False, ("--freeze_bn=true",), True),
        (None, (), False),  # a job that 0.8 began, with batches of 8
        (None, ("--train_batch_size=2",), True),
    ],
)
def test_a_job_that_goes_on_freezes_what_it_froze_before(chosen, flags, frozen):
    hp = parse(
        ["--data_url=nowhere", "--train_url=nowhere", "--model_name=efficientdet-lite0", *flags]
    )
    detector = build_detector("efficientdet-lite0", 3, 64)
    saved = Progress(learning_rate=0.08, batch_norm_frozen=chosen).as_state()
    if chosen is None:
        del saved["batch_norm_frozen"]
    progress = Progress.of(saved)
    trainer_of(hp, detector, plan_of(hp, 20, 8), 1, None, LossConfig(), progress)
    norms = [layer for layer in detector.layers if isinstance(layer, BatchNorm)]
    assert norms and {layer.trainable for layer in norms} == {not frozen}


@pytest.mark.parametrize(
    ("scope", "flags", "rate", "frozen"),
    [
        ("detection", (), 0.024, True),
        ("full", ("--hparams=optimizer=adam",), 0.0024, True),
        ("detection", ("--learning_rate=0.08",), 0.08, False),
        ("detection", ("--freeze_bn=false",), 0.08, False),
        ("detection", ("--use_online_kd=True",), 0.08, False),
        ("classification", (), 0.08, False),
        (None, (), 0.08, False),
    ],
)
def test_rate_and_batch_norm_of_a_job_are_chosen_together_and_are_what_it_trains_with(
    scope, flags, rate, frozen
):
    places = ["--data_url=nowhere", "--train_url=nowhere", "--model_name=efficientdet-d0"]
    hp = parse([*places, *flags])
    detector = build_detector("efficientdet-d0", 3, 64)
    start = Start(Path("nowhere"), scope, "") if scope else None
    beginning = beginning_of(hp, detector, start, (), 1)
    assert (beginning.learning_rate, beginning.batch_norm_frozen) == (pytest.approx(rate), frozen)
    plan = plan_of(hp, 20, 8)
    _, schedule = trainer_of(hp, detector, plan, 1, None, LossConfig(), beginning)
    share = 1.0 if hp.optimizer == "adam" else 0.1
    assert schedule.base == pytest.approx(rate * share * 8 / 64)
    assert schedule.start <= schedule.base
    norms = {layer.trainable for layer in detector.layers if isinstance(layer, BatchNorm)}
    assert norms == {not frozen}
