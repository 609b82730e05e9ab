"""The tutorial's commands, flag by flag, and what is refused."""

from __future__ import annotations

import pytest

from algorithm import retinanet
from algorithm.errors import ArgumentError, DataError
from algorithm.hyperparameters import ROWS, parse
from algorithm.migration.cloud_tpu import translate
from algorithm.migration.cloud_tpu_flags import job_arguments
from algorithm.migration.cloud_tpu_parameters import read_parameters
from algorithm.migration.cloud_tpu_settings import SETTINGS

SMOKE = (
    "{ type: retinanet, train: { total_steps: 10, checkpoint: { path: gs://seeds/resnet50-checkpoint-2018-02-07, "
    "prefix: resnet50/ }, train_file_pattern: DATA/train-* }, eval: { val_json_file: DATA/instances_val2017.json, "
    "eval_file_pattern: DATA/val-*, eval_samples: 5000 } }"
)
POD = (
    "{ type: retinanet, eval: { val_json_file: D/i.json, eval_file_pattern: D/val-*, eval_samples: 5000, batch_size: 40 }, "
    "predict: { batch_size: 40 }, postprocess: { pre_nms_num_boxes: 1000 }, architecture: { use_bfloat16: true }, "
    "train: { total_steps: 5625, batch_size: 256, iterations_per_loop: 5000, checkpoint: { path: C, prefix: resnet50/ }, "
    "train_file_pattern: D/train-* } }"
)


def job(*flags):
    return parse(job_arguments(["--model_dir=MODEL", "--model=retinanet", *flags]))


def test_the_smoke_run_of_the_tutorial():
    hp = job("--strategy_type=one_device", "--mode=train", f"--params_override={SMOKE}")
    assert (hp.mode, hp.model_name, hp.data_url, hp.train_url) == (
        "train",
        "retinanet-resnet50",
        "DATA",
        "MODEL",
    )
    assert (hp.num_steps, hp.steps_per_epoch, hp.train_batch_size, hp.image_size) == (
        10,
        10,
        64,
        (640, 640),
    )
    assert (hp.pretrained, hp.fine_tune_checkpoint_type) == (
        "gs://seeds/resnet50-checkpoint-2018-02-07",
        "classification",
    )
    assert (hp.optimizer, hp.momentum, hp.nesterov, hp.weight_decay, hp.clip_gradients_norm) == (
        "sgd",
        0.9,
        True,
        1e-4,
        0,
    )
    assert (hp.learning_rate, hp.lr_warmup_init, hp.lr_decay_method) == (0.08, 0.0067, "stepwise")
    assert (hp.nms_method, hp.nms_iou_threshold, hp.nms_score_threshold, hp.max_nms_inputs) == (
        "hard",
        0.5,
        0.05,
        5000,
    )
    assert (hp.jitter_min, hp.jitter_max, hp.input_rand_hflip) == (1, 1, True)
    assert (hp.log_form, hp.log_every_steps) == ("tutorial", 10)


def test_the_pod_run_of_the_tutorial():
    hp = job(
        "--strategy_type=tpu", "--tpu=node", "--mode=train_and_eval", f"--params_override={POD}"
    )
    assert (hp.num_steps, hp.steps_per_epoch, hp.train_batch_size, hp.eval_batch_size) == (
        5625,
        5000,
        32,
        40,
    )
    assert (hp.max_nms_inputs, hp.mode) == (1000, "train_and_eval")
    assert (hp.strategy_type, hp.tpu, hp.precision) == ("tpu", "node", "bfloat16")
    assert (
        hp.learning_rate * 8 * hp.train_batch_size / 64 == 0.32
    )  # the published rate is for 64 pictures, and follows the batch
    assert (hp.lr_warmup_epoch, hp.first_lr_drop_epoch, hp.second_lr_drop_epoch) == (0.1, 3, 4)


def test_a_rate_that_is_given_is_the_rate_of_every_step():
    given = read_parameters(
        "{train: {batch_size: 8, train_file_pattern: D/train-*, learning_rate: {init_learning_rate: 0.01}}}",
        "p",
    )
    values = translate(given, {"model_dir": "M"}).values
    assert float(values["learning_rate"]) * 8 / 64 == pytest.approx(0.01)


def test_each_setting_that_is_given_has_its_line():
    lines = translate(read_parameters(POD, "p"), {"model_dir": "M"}).lines
    for key in (
        "eval.val_json_file",
        "eval.eval_samples",
        "eval.batch_size",
        "predict.batch_size",
        "postprocess.pre_nms_num_boxes",
        "architecture.use_bfloat16",
        "train.total_steps",
        "train.batch_size",
        "train.iterations_per_loop",
        "train.checkpoint.path",
        "train.checkpoint.prefix",
        "train.train_file_pattern",
        "eval.eval_file_pattern",
        "type",
    ):
        assert any(line.split(": ", 1)[1].startswith(f"{key}=") for line in lines), key


def test_json_and_a_file_say_the_same_as_yaml(tmp_path):
    text = '{"train": {"total_steps": 10, "l2_weight_decay": "1e-4"}}'
    (tmp_path / "config.yaml").write_text("train:\n  total_steps: 10\n  l2_weight_decay: 1e-4\n")
    assert (
        read_parameters(text, "p")
        == read_parameters(str(tmp_path / "config.yaml"), "p")
        == {"train.total_steps": 10, "train.l2_weight_decay": 1e-4}
    )


def test_what_is_given_last_wins(tmp_path):
    (tmp_path / "c.yaml").write_text("train: {total_steps: 5, train_file_pattern: D/train-*}")
    hp = job(
        f"--config_file={tmp_path / 'c.yaml'}",
        "--params_override={train: {total_steps: 7}}",
        "--train_batch_size=2",
        "--seed=3",
    )
    assert (hp.num_steps, hp.train_batch_size, hp.seed) == (7, 2, 3)


def test_the_batch_is_divided_among_the_devices():
    records = "--params_override={train: {train_file_pattern: D/train-*}}"
    assert job(records, "--strategy_type=mirrored", "--num_gpus=4").train_batch_size == 16
    hp = job(
        records,
        "--strategy_type=multi_worker_gpu",
        "--num_gpus=2",
        "--worker_hosts=a:1,b:1",
        "--task_index=1",
    )
    assert (hp.strategy_type, hp.train_batch_size, hp.worker_hosts, hp.task_index) == (
        "multi_worker_gpu",
        16,
        "a:1,b:1",
        1,
    )
    assert hp.precision == "float32"
    with pytest.raises(ArgumentError, match="expected a multiple of the 3 devices, found 64"):
        job(records, "--num_gpus=3")


def test_a_checkpoint_is_evaluated_once(tmp_path):
    hp = job(
        "--mode=eval_once",
        "--checkpoint_path=C",
        "--params_override={eval: {eval_file_pattern: D/val-*}}",
    )
    assert (hp.mode, hp.pretrained, hp.fine_tune_checkpoint_type, hp.train_url) == (
        "eval",
        "C",
        "full",
        "MODEL/eval",
    )


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            ["--params_override={train: {total_step: 10}}"],
            "unknown key 'train.total_step' .value 10.. Did you mean 'train.total_steps'",
        ),
        (
            ["--params_override={trian: {total_steps: 10}}"],
            "unknown key 'trian.total_steps'.*'train.total_steps'",
        ),
        (
            ["--params_override={train: {total_steps: ten}}"],
            "train.total_steps: expected a number, found 'ten'",
        ),
        (["--params_override={train: [}"], "expected YAML or JSON"),
        (["--params_override=missing.yaml"], "expected a mapping.*'missing.yaml'"),
        (
            ["--params_override={architecture: {backbone: spinenet}}"],
            "architecture.backbone: expected 'resnet'.*found 'spinenet'",
        ),
        (
            [
                "--params_override={train: {train_file_pattern: A/train-*}, eval: {eval_file_pattern: B/val-*}}"
            ],
            "in one folder, found A and B",
        ),
        (
            [
                "--params_override={train: {train_file_pattern: D/t-*, checkpoint: {path: C, prefix: resnet101/}}}"
            ],
            "expected resnet50/, the backbone's root.*'resnet101'",
        ),
        ([], "expected train.train_file_pattern or eval.eval_file_pattern"),
        (["--model=mask_rcnn"], "--model: expected retinanet, found 'mask_rcnn'"),
        (["--params_overide={}"], "--params_overide: no such flag.*'params_override'"),
        (["train:"], "expected --name=value, found 'train:'; put the braces"),
        (
            ["--params_override={eval: {eval_file_pattern: D/val-*}}", "--mode=eval_once"],
            "--checkpoint_path: expected the checkpoint",
        ),
        (
            ["--params_override={eval: {eval_file_pattern: D/val-*}}", "--mode=evaluate"],
            "--mode: expected one of.*'evaluate'",
        ),
    ],
)
def test_what_is_wrong_is_named(flags, text):
    with pytest.raises(ArgumentError, match=text):
        job(*flags)


def test_there_must_be_something_to_evaluate():
    with pytest.raises(
        DataError, match="--mode=eval: expected the checkpoints of a training in MODEL, found none"
    ):
        job("--mode=eval", "--params_override={eval: {eval_file_pattern: D/val-*}}")


def test_the_table_speaks_of_hyperparameters_that_exist():
    assert {setting.name for setting in SETTINGS if setting.name} <= set(ROWS)


def test_an_error_ends_with_its_code_and_no_traceback(capsys):
    assert retinanet.main(["--model_dir=", "--params_override={a: 1}"]) == 2
    assert capsys.readouterr().err.startswith("ERROR ARGUMENT: --params_override: unknown key 'a'")


@pytest.mark.parametrize(("trainable", "frozen"), [("true", "false"), ("false", "true")])
def test_batch_norm_is_trained_or_not_as_the_command_says(trainable, frozen):
    """With true it was left to the job, which freezes that of a detector at a low rate."""
    override = SMOKE.replace("total_steps: 10", "total_steps: 10, batch_size: 8")
    norm = f"norm_activation: {{ batch_norm_trainable: {trainable} }}"
    hp = job(f"--params_override={{ {norm}, {override.removeprefix('{ ')}")
    assert hp.freeze_bn == frozen
