"""Between which scales training pictures are drawn."""

import pytest

from algorithm.assessment.advice.setting_steps import Setting
from algorithm.errors import ArgumentError
from algorithm.hyperparameters import parse
from algorithm.hyperparameters.random_scales import random_scales


def scales(*flags):
    hp = parse(["--data_url=d", "--train_url=t", "--model_name=efficientdet-lite0", *flags])
    return random_scales(vars(hp))


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), (0.5, 1.5)),
        (("--fine_tune_checkpoint_type=classification",), (0.5, 1.5)),
        (("--pretrained=none",), (0.1, 2.0)),
        (("--hparams=jitter_min=0.1,jitter_max=2",), (0.1, 2.0)),
        (("--hparams=jitter_min=0.8",), (0.8, 1.5)),
        (("--hparams=jitter_min=1.7",), (1.7, 1.7)),
        (("--hparams=jitter_max=0.4",), (0.4, 0.4)),
        (("--hparams=jitter_max=1.2", "--pretrained=none"), (0.1, 1.2)),
    ],
)
def test_the_start_decides_where_nothing_is_given(flags, expected):
    assert scales(*flags) == expected


def test_scales_the_wrong_way_round_are_refused():
    with pytest.raises(ArgumentError, match=r"jitter_min: expected at most jitter_max \(0.5\)"):
        scales("--hparams=jitter_min=1,jitter_max=0.5")


def test_advice_starts_from_the_scales_that_the_job_had():
    """A step from an empty value was a comparison of None with a number."""
    assert Setting({}).typed("jitter_min") == 0.5
    assert Setting({"pretrained": "none", "jitter_max": "1.2"}).typed("jitter_max") == 1.2
