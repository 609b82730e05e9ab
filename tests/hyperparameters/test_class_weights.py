"""How much the objects of each class count in the loss."""

import pytest

from algorithm.errors import ArgumentError
from algorithm.hyperparameters import parse
from algorithm.hyperparameters.class_weights import weights_of_classes

PLACES = ("--data_url=d", "--train_url=t")


def test_rare_classes_count_more_and_the_loss_keeps_its_size():
    objects = {"RBC": 3600, "WBC": 400, "Platelets": 100}
    weights = weights_of_classes("auto", ("RBC", "WBC", "Platelets", "never"), objects)
    assert weights[1] == pytest.approx(3 * weights[0]) and weights[3] == 1.0
    assert weights[2] == pytest.approx(6 * weights[0])
    total = sum(weight * count for weight, count in zip(weights, objects.values(), strict=False))
    assert total == pytest.approx(sum(objects.values()))


def test_named_weights_and_none():
    names = ("red cell", "b:c")
    assert weights_of_classes("b:c:2.5", names, {}) == (1.0, 2.5)
    assert weights_of_classes("red cell:2;b:c:0.5", names, {}) == (2.0, 0.5)
    assert weights_of_classes("none", names, {"b:c": 3}) == ()


@pytest.mark.parametrize("text", ["cat", "cat:0", "cat:-1", "cat:x", ":2", "cat:1;cat:2", "a:inf"])
def test_other_texts_are_refused_at_the_start(text):
    with pytest.raises(ArgumentError, match="class_weights: expected none, auto, or class names"):
        parse([*PLACES, f"--hparams=class_weights={text}"])


def test_a_class_that_the_dataset_does_not_have():
    with pytest.raises(ArgumentError, match=r"\(cat, dog\), found 'cta'. Did you mean 'cat'"):
        weights_of_classes("cta:2", ("cat", "dog"), {})


def test_it_stands_in_the_hparams_list():
    assert parse([*PLACES, "--hparams=class_weights=cat:2;dog:1"]).class_weights == "cat:2;dog:1"
    assert parse(list(PLACES)).class_weights == "none"
