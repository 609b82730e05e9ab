"""What starts fresh beside a pretrained detector learns faster."""

import pytest

from algorithm.training.fresh_layers import fresh_factors

FRESH = ("class_net/class-predict/bias", "mask_net/mask-0/bias", "box_net/box-predict/bias")


@pytest.mark.parametrize(
    ("asked", "optimizer", "classes", "expected"),
    [
        (0.0, "adam", 2, {FRESH[0]: 16.0, FRESH[1]: 12.0}),
        (0.0, "adam", 1, {FRESH[1]: 12.0}),
        (0.0, "sgd", 2, {}),
        (2.0, "sgd", 1, dict.fromkeys(FRESH, 2.0)),
        (1.0, "adam", 2, {}),
    ],
)
def test_the_factor_is_chosen_by_part_optimizer_and_classes(asked, optimizer, classes, expected):
    assert fresh_factors(FRESH, asked, optimizer, classes) == expected


def test_the_log_says_what_has_its_own_rate_and_how_to_change_it(caplog):
    caplog.set_level("INFO")
    fresh_factors(FRESH, 0.0, "adam", 3)
    assert "class_net/class-predict 16 times the rest's, mask_net 12 times" in caplog.text
    assert "fresh_lr_factor=1 in hparams" in caplog.text


def test_a_factor_of_ones_own_is_logged_for_every_part(caplog):
    caplog.set_level("INFO")
    fresh_factors((*FRESH[2:], "resample_p6/conv2d/kernel"), 0.5, "sgd", 1)
    assert "box_net/box-predict 0.5 times the rest's, resample_p6 0.5 times" in caplog.text
