"""Where starting weights come from, and what the log and the errors say about it."""

import json
import logging

import pytest

from algorithm.errors import DataError, StorageError
from algorithm.hyperparameters import parse
from algorithm.jobs import job
from algorithm.jobs.freezing import freezes_batch_norm
from algorithm.models.weights import warm_start
from algorithm.models.weights.coco_label_map import COCO_LABEL_NAMES
from algorithm.models.weights.lookup import LocalWeights
from algorithm.models.weights.warm_start import Start, find_start


def hyperparameters(*more):
    return parse(["--data_url=d", "--train_url=t", "--model_name=efficientdet-lite0", *more])


@pytest.fixture
def offline(monkeypatch):
    """No weights on this machine and no network."""

    def no_network(model_name):
        raise StorageError(f"download of {model_name}: expected an answer within 5 s, found none")

    monkeypatch.setattr(warm_start, "fetch_weights", no_network)
    monkeypatch.setattr(warm_start, "find_pretrained", lambda model_name: None)
    return monkeypatch


def test_none_means_from_scratch(tmp_path):
    assert find_start(hyperparameters("--pretrained=none"), tmp_path) is None


def test_auto_without_anything_says_what_was_looked_for_and_the_ways_on(offline, tmp_path):
    with pytest.raises(DataError) as caught:
        find_start(hyperparameters("--pretrained=auto"), tmp_path)
    first = str(caught.value).splitlines()[0]
    for part in (
        "efficientdet-lite0",
        "pretrained",
        "found none",
        "pretrained=PATH",
        "pip install '.[pretrained]'",
        "(efficientdet-lite0, efficientdet-lite1, efficientdet-lite2, efficientdet-t0, ",
        "pretrained=none",
    ):
        assert part in first


def test_auto_takes_a_detector_at_hand_before_the_network(offline, tmp_path):
    offline.setattr(
        warm_start,
        "find_pretrained",
        lambda name: LocalWeights(tmp_path / "w", "detection", "in the cache"),
    )
    assert find_start(hyperparameters(), tmp_path) == Start(
        tmp_path / "w", "detection", "in the cache, w"
    )


def test_auto_falls_back_to_a_backbone_loudly(offline, tmp_path, caplog):
    offline.setattr(
        warm_start,
        "find_pretrained",
        lambda name: LocalWeights(tmp_path / "b", "classification", "in a package"),
    )
    with caplog.at_level(logging.WARNING):
        start = find_start(hyperparameters(), tmp_path)
    assert start.scope == "classification"
    assert "COCO weights of efficientdet-lite0 are not at hand" in caplog.text


def test_auto_never_falls_back_when_the_full_network_was_asked_for(offline, tmp_path):
    offline.setattr(
        warm_start,
        "find_pretrained",
        lambda name: LocalWeights(tmp_path / "b", "classification", "in a package"),
    )
    with pytest.raises(DataError, match="pretrained=none"):
        find_start(hyperparameters("--fine_tune_checkpoint_type=full"), tmp_path)


def test_coco_names_stand_at_their_category_ids():
    assert len(COCO_LABEL_NAMES) == 90
    places = {
        1: "person",
        13: "stop sign",
        14: "parking meter",
        27: "backpack",
        31: "handbag",
        46: "wine glass",
        67: "dining table",
        70: "toilet",
        72: "tv",
        82: "refrigerator",
        84: "book",
        90: "toothbrush",
    }
    assert {number: COCO_LABEL_NAMES[number - 1] for number in places} == places
    assert sum(name.startswith("(unused") for name in COCO_LABEL_NAMES) == 10


@pytest.mark.parametrize(
    ("hparams", "start", "batch", "frozen", "told"),
    [
        (
            "freeze_bn=auto",
            "detection",
            8,
            True,
            "batch norm stays as loaded (pretrained detector)",
        ),
        ("learning_rate=0.04", "full", 1, True, "--freeze_bn=false with a new train_url trains it"),
        (
            "learning_rate=0.08",
            "detection",
            8,
            False,
            "learning_rate=0.08 is too high for a detector that keeps it",
        ),
        ("learning_rate=0.08", "detection", 2, True, "(pretrained, batches of 2)"),
        ("optimizer=adam,learning_rate=0.004", "detection", 8, True, "pretrained detector"),
        ("optimizer=adam,learning_rate=0.01", "detection", 8, False, "batch norm is trained"),
        ("freeze_bn=auto", "classification", 2, True, "(pretrained, batches of 2)"),
        ("freeze_bn=auto", "classification", 4, False, ""),
        ("freeze_bn=auto", None, 2, False, ""),
        ("freeze_bn=true", None, 8, True, ""),
        ("freeze_bn=false", "detection", 1, False, ""),
    ],
)
def test_batch_norm_is_frozen_in_a_pretrained_detector_at_low_rates_and_for_tiny_batches(
    hparams, start, batch, frozen, told, caplog
):
    hp = hyperparameters(f"--train_batch_size={batch}", f"--hparams={hparams}")
    with caplog.at_level(logging.INFO):
        assert freezes_batch_norm(hp, start, batch) is frozen
    assert told in caplog.text and bool(told) == bool(caplog.records)


@pytest.mark.slow
def test_published_lite0_weights_reach_their_published_ap_on_coco(shared_dir, tmp_path):
    """AP 0.423 and AP50 0.641 with the published implementation, on the same 128 pictures."""
    hp = parse(
        [
            "--mode=eval",
            "--model_name=efficientdet-lite0",
            f"--data_url={shared_dir / 'data/coco128'}",
            f"--train_url={tmp_path}",
            f"--pretrained={shared_dir / 'weights/efficientdet-lite0'}",
            "--fine_tune_checkpoint_type=full",
        ]
    )
    assert job.run(hp) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["AP"] == pytest.approx(0.423, abs=0.003)
    assert metrics["AP50"] == pytest.approx(0.641, abs=0.003)
    assert metrics["AP75"] == pytest.approx(0.466, abs=0.003)
