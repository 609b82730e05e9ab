"""Published pipeline.config files as hyperparameters, the trap of small batches, and what is refused."""

from __future__ import annotations

import re

import pytest

from algorithm.errors import ArgumentError, DataError
from algorithm.hyperparameters import parse
from algorithm.migration.pipeline_config import translate, with_pipeline_config
from algorithm.migration.text_format import flattened, read_text

PLACES = ("--data_url=D", "--train_url=T")


def job(file, *flags):
    arguments, lines = with_pipeline_config([*PLACES, f"--pipeline_config={file}", *flags])
    return parse(arguments), lines


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            "d0",
            {
                "model_name": "efficientdet-d0",
                "image_size": (512, 512),
                "train_batch_size": 128,
                "num_steps": 300000,
                "learning_rate": 0.04,
                "lr_warmup_init": 0.0005,
                "lr_warmup_epoch": 2.5,
                "steps_per_epoch": 1000,
                "gamma": 1.5,
                "weight_decay": 4e-5,
                "nms_iou_threshold": 0.5,
                "jitter_min": 0.1,
                "jitter_max": 2.0,
            },
        ),
        (
            "d3",
            {
                "model_name": "efficientdet-d3",
                "image_size": (896, 896),
                "train_batch_size": 128,
                "num_steps": 300000,
                "learning_rate": 0.04,
                "lr_warmup_init": 0.0005,
                "lr_warmup_epoch": 2.5,
                "steps_per_epoch": 1000,
                "gamma": 1.5,
                "weight_decay": 4e-5,
                "nms_iou_threshold": 0.5,
                "jitter_min": 0.1,
                "jitter_max": 2.0,
            },
        ),
        (
            "retinanet50",
            {
                "model_name": "retinanet-resnet50",
                "image_size": (640, 640),
                "train_batch_size": 64,
                "num_steps": 25000,
                "learning_rate": 0.04,
                "lr_warmup_init": 0.013333,
                "lr_warmup_epoch": 2,
                "steps_per_epoch": 1000,
                "gamma": 2.0,
                "weight_decay": 4e-4,
                "nms_iou_threshold": 0.6,
                "jitter_min": 1.0,
                "jitter_max": 1.155,
            },
        ),
    ],
)
def test_a_published_config(model, expected, pipeline_config):
    hp, lines = job(pipeline_config(model))
    same = {
        "gradient_accumulation_steps": 1,
        "optimizer": "sgd",
        "momentum": 0.9,
        "lr_decay_method": "cosine",
        "alpha": 0.25,
        "anchor_scale": 4.0,
        "nms_method": "hard",
        "nms_score_threshold": 1e-8,
        "max_detections": 100,
        "eval_batch_size": 1,
        "input_rand_hflip": True,
        "freeze_bn": "false",
        "moving_average_decay": 0.0,
        "pretrained": "auto",
        "fine_tune_checkpoint_type": "classification",
    }
    assert {name: getattr(hp, name) for name in {**same, **expected}} == {**same, **expected}
    assert not any(line.startswith("note: ") for line in lines)


@pytest.mark.parametrize("model", ["d0", "d3", "retinanet50"])
def test_every_setting_of_the_file_has_its_line(model, pipeline_config):
    file = pipeline_config(model)
    told = "\n".join(translate(file).lines)
    for path, _ in flattened(read_text(file)):
        ends = {path, path.rpartition(".")[0], path.rpartition(".")[0].rpartition(".")[0]}
        assert any(f": {end}=" in told for end in ends), path
    assert all(
        re.match(r"(taken|taken differently|not supported|note): ", line)
        for line in told.splitlines()
    )
    assert "no such setting here" not in told


@pytest.mark.parametrize("rate", [0.08, 0.01])
def test_the_trap_of_d3_with_two_pictures_is_caught(rate, pipeline_config):
    hp, lines = job(pipeline_config("d3", batch=2, rate=rate, steps=64000))
    step = hp.train_batch_size * hp.gradient_accumulation_steps
    assert (hp.train_batch_size, step) == (2, 128)
    assert hp.learning_rate * step / 64 == pytest.approx(
        rate
    )  # of a step that now learns from 128 pictures
    assert hp.learning_rate <= 0.04
    assert hp.num_steps == 1000  # as many pictures as 64000 steps of 2
    assert hp.freeze_bn == "auto"
    assert hp.lr_warmup_epoch * hp.steps_per_epoch == pytest.approx(2500 / 64)
    told = "\n".join(lines)
    assert (
        "note: efficientdet-d3 was published with 128 pictures a step and a learning rate of 0.08; 2 a step with such a rate"
        in told
    )
    assert "statistics of 2 picture(s) are noise" in told
    assert "taken differently: train_config.num_steps=64000 -> num_steps=1000" in told


def test_a_rate_above_the_published_one_is_lowered_to_it(pipeline_config):
    hp, lines = job(pipeline_config("d0", batch=16, rate=0.8))
    assert (hp.gradient_accumulation_steps, hp.learning_rate) == (8, 0.04)
    assert any("at most the published 0.08 for 128 pictures" in line for line in lines)


def test_flags_win_over_the_file_but_defaults_that_a_platform_writes_do_not(pipeline_config):
    hp, lines = job(
        pipeline_config("d0"),
        "--num_epochs=100",
        "--train_batch_size=8",
        "--model_name=efficientdet-lite0",
        "--hparams=moving_average_decay=0,learning_rate=0.02",
    )
    assert (hp.model_name, hp.train_batch_size, hp.learning_rate) == (
        "efficientdet-lite0",
        128,
        0.02,
    )
    assert "note: learning_rate is given on the command line too, which wins over 0.04" in lines
    assert (
        "note: train_batch_size=8 on the command line is the default, so the file's 128 counts"
        in lines
    )


def test_the_three_types_and_a_path_are_those_of_the_file(pipeline_config):
    for kind in ("classification", "detection", "full"):
        file = pipeline_config("d0")
        file.write_text(
            file.read_text()
            .replace('"classification"', f'"{kind}"')
            .replace("PATH_TO_BE_CONFIGURED", "SEEDS")
        )
        hp, _ = job(file)
        assert (hp.pretrained, hp.fine_tune_checkpoint_type) == ("SEEDS/ckpt-0", kind)


def test_the_records_are_found_where_the_file_says(pipeline_config):
    arguments, _ = with_pipeline_config(
        ["--train_url=T", f"--pipeline_config={pipeline_config('d0', data='gs://set/coco')}"]
    )
    assert parse(arguments).data_url == "gs://set/coco"


def test_other_options(pipeline_config):
    hp, lines = job(
        pipeline_config(
            "d0",
            augmentation="random_adjust_brightness { max_delta: 0.3 } } data_augmentation_options { "
            "random_adjust_contrast { } } data_augmentation_options { random_pad_image { }",
        )
    )
    assert (hp.brightness, hp.contrast, hp.jitter_min, hp.jitter_max) == (0.3, 0.25, 1.0, 1.0)
    assert (
        "not supported: train_config.data_augmentation_options.random_pad_image={} (no such setting here)"
        in lines
    )


def test_a_stepwise_schedule(pipeline_config):
    file = pipeline_config("retinanet50")
    text = re.sub(
        r"cosine_decay_learning_rate \{.*?\}",
        "manual_step_learning_rate { initial_learning_rate: 0.04 warmup: true "
        "schedule { step: 15000 learning_rate: .004 } }",
        file.read_text(),
        flags=re.DOTALL,
    )
    file.write_text(text)
    hp, _ = job(file)
    assert (hp.lr_decay_method, hp.learning_rate, hp.first_lr_drop_epoch) == ("stepwise", 0.04, 15)


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        (
            ("ssd_efficientnet-b0_bifpn_keras", "faster_rcnn_resnet50_keras"),
            ArgumentError,
            "feature_extractor.type of .*'faster_rcnn_resnet50_keras'",
        ),
        (("batch_size: 128", ""), ArgumentError, "expected train_config.batch_size, found none"),
        (
            ("momentum_optimizer:", "lamb_optimizer:"),
            ArgumentError,
            "train_config.optimizer of momentum_optimizer",
        ),
        (("model {", "model "), DataError, r"line:column 2:8 : .model  ssd"),
        (("num_steps: 300000", "num_steps 300000"), DataError, r'Expected ":" or "\{"'),
    ],
)
def test_what_is_wrong_is_named(change, kind, text, pipeline_config):
    file = pipeline_config("d0")
    file.write_text(file.read_text().replace(*change))
    with pytest.raises(kind, match=text):
        job(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="pipeline_config .*nothing.config: expected a text file"):
        job(tmp_path / "nothing.config")
