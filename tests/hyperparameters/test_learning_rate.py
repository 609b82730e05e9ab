"""The learning rate that 0 chooses."""

import logging

import pytest

from algorithm.hyperparameters import parse
from algorithm.hyperparameters.learning_rate import learning_rate_of
from algorithm.models.zoo import PRESETS


def rate_of(*more, size, scope, batch_norm_frozen=False):
    hp = parse(
        [
            "--data_url=nowhere",
            "--train_url=nowhere",
            "--model_name=efficientdet-t1",
            "--train_batch_size=8",
            *more,
        ]
    )
    image_size = size if isinstance(size, tuple) else (size, size)
    return learning_rate_of(
        hp, image_size, PRESETS[hp.model_name].backbone, scope, batch_norm_frozen
    )


@pytest.mark.parametrize(
    ("scope", "size", "flags", "rate"),
    [
        ("classification", 256, (), 0.16),
        ("classification", 320, ("--train_batch_size=4",), 0.16),
        ("classification", 352, (), 0.08),
        ("classification", (256, 352), (), 0.08),
        ("detection", 256, (), 0.08),
        (None, 256, (), 0.08),
        ("classification", 256, ("--train_batch_size=9",), 0.08),
        ("classification", 256, ("--hparams=gradient_accumulation_steps=2",), 0.08),
        ("classification", 256, ("--hparams=optimizer=adam",), 0.08),
        ("classification", 256, ("--use_online_kd=True",), 0.08),
        ("classification", 256, ("--hparams=learning_rate=0.15",), 0.15),
        ("classification", 256, ("--model_name=retinanet-resnet50",), 0.08),
        ("classification", 256, ("--model_name=efficientdet-t2",), 0.16),
    ],
)
def test_a_small_input_from_an_imagenet_backbone_takes_twice_the_rate_unless_one_is_given(
    scope, size, flags, rate
):
    """An adam that was asked for takes learning_rate as it is: 0.16 would be twenty times too much."""
    assert rate_of(*flags, size=size, scope=scope) == rate


@pytest.mark.parametrize(
    ("scope", "flags", "rate"),
    [
        ("detection", (), 0.024),
        ("full", ("--train_batch_size=16",), 0.024),
        ("classification", (), 0.16),
        ("detection", ("--hparams=optimizer=sgd",), 0.024),
        ("detection", ("--hparams=optimizer=adam",), 0.0024),
        ("detection", ("--hparams=learning_rate=0.03",), 0.03),
    ],
)
def test_a_pretrained_detector_whose_batch_norm_is_frozen_takes_a_lower_rate(
    scope, flags, rate, caplog
):
    with caplog.at_level(logging.INFO):
        assert rate_of(*flags, size=256, scope=scope, batch_norm_frozen=True) == pytest.approx(rate)
    assert (f"learning_rate=0 chooses {rate:g}: the start is a detector" in caplog.text) == (
        rate < 0.03
    )
