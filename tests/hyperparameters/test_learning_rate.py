"""The learning rate that 0 chooses."""

import pytest

from algorithm.hyperparameters import parse
from algorithm.hyperparameters.learning_rate import learning_rate_of
from algorithm.models.zoo import PRESETS


def rate_without_peer(*more, size, scope):
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
    return learning_rate_of(hp, image_size, PRESETS[hp.model_name].backbone, scope)


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
    assert rate_without_peer(*flags, size=size, scope=scope) == rate
