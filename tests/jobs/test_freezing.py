"""What a job freezes follows its start, and stays when the job goes on."""

import pytest

from algorithm.hyperparameters import parse
from algorithm.jobs.from_hyperparameters import plan_of, trainer_of
from algorithm.models import build_detector
from algorithm.models.layers import BatchNorm
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
