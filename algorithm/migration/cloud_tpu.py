"""Hyperparameters from the Cloud TPU RetinaNet tutorial's flags and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from algorithm.errors import ArgumentError
from algorithm.hyperparameters import write_value
from algorithm.hyperparameters.names.nearest_name import did_you_mean
from algorithm.migration.cloud_tpu_schedule import translate_schedule
from algorithm.migration.cloud_tpu_settings import SETTINGS, Setting
from algorithm.migration.record_patterns import data_url_of
from algorithm.migration.translation import Translation


def translate(given: Mapping[str, Any], flags: Mapping[str, str]) -> Translation:
    """Translate a run of the tutorial's program. What is not given has its published default.

    Args:
        given: The parameters, by dotted key.
        flags: The flags of the tutorial's program, by name.

    Returns:
        The hyperparameters, and a line for each setting.

    Raises:
        ArgumentError: A value is not possible here.
    """
    values = {setting.key: given.get(setting.key, setting.default) for setting in SETTINGS}
    result = Translation()
    for setting in SETTINGS:
        _one(result, setting, values[setting.key], setting.key in given)
    _network(result, values)
    translate_schedule(result, values, given, flags)
    _start(result, values, flags)
    _data(result, values)
    _devices(result, values, given, flags)
    _mode(result, values, flags)
    return result


def _one(result: Translation, setting: Setting, value: Any, is_given: bool) -> None:
    """Translate one setting by itself; defaults count, but only what was given has a line."""
    if setting.name and is_given:
        result.take(setting.key, value, **{setting.name: value})
    elif setting.name:
        result.values[setting.name] = write_value(value)
    elif setting.why and is_given:
        result.leave(setting.key, value, setting.why)
    elif setting.only and is_given:
        result.take(setting.key, value)


def _network(result: Translation, values: Mapping[str, Any]) -> None:
    depth, size = values["resnet.resnet_depth"], values["retinanet_parser.output_size"]
    result.take("resnet.resnet_depth", depth, model_name=f"retinanet-resnet{depth}")
    result.take("retinanet_parser.output_size", size, image_size=tuple(size))
    result.values["nms_method"] = "hard"
    if values["retinanet_parser.use_autoaugment"]:
        policy = values["retinanet_parser.autoaugment_policy_name"]
        result.take("retinanet_parser.autoaugment_policy_name", policy, autoaugment_policy=policy)
    trainable = values["norm_activation.batch_norm_trainable"]
    result.take(
        "norm_activation.batch_norm_trainable",
        trainable,
        freeze_bn="false" if trainable else "true",
    )


def _start(result: Translation, values: Mapping[str, Any], flags: Mapping[str, str]) -> None:
    path, prefix = values["train.checkpoint.path"], values["train.checkpoint.prefix"].rstrip("/")
    if not path:
        result.values["pretrained"] = "none"
    elif prefix:
        expected = f"resnet{values['resnet.resnet_depth']}"
        if prefix != expected:
            raise ArgumentError(
                f"train.checkpoint.prefix: expected {expected}/, the backbone's root, or nothing, "
                f"found {prefix!r}"
            )
        result.take("train.checkpoint.path", path, pretrained=path)
        result.take(
            "train.checkpoint.prefix", f"{prefix}/", fine_tune_checkpoint_type="classification"
        )
    else:
        result.take(
            "train.checkpoint.path", path, pretrained=path, fine_tune_checkpoint_type="detection"
        )
    frozen = values["train.frozen_variable_prefix"]
    if frozen:
        result.take("train.frozen_variable_prefix", frozen, freeze=frozen)


def _data(result: Translation, values: Mapping[str, Any]) -> None:
    train, evaluation = values["train.train_file_pattern"], values["eval.eval_file_pattern"]
    place = data_url_of(train, evaluation)
    if not place:
        raise ArgumentError(
            "params_override: expected train.train_file_pattern or eval.eval_file_pattern, found "
            "neither; give e.g. "
            "{ train: { train_file_pattern: DATA/train-* }, "
            "eval: { eval_file_pattern: DATA/val-* } }"
        )
    for key, pattern in (
        ("train.train_file_pattern", train),
        ("eval.eval_file_pattern", evaluation),
    ):
        if pattern:
            result.take_differently(
                key, pattern, "the folder; its files' names say train or val", data_url=place
            )
    if values["eval.val_json_file"]:
        result.leave(
            "eval.val_json_file", values["eval.val_json_file"], "the records hold the same boxes"
        )


def _devices(
    result: Translation,
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    flags: Mapping[str, str],
) -> None:
    for name in ("strategy_type", "tpu", "num_gpus", "worker_hosts", "task_index", "precision"):
        if flags.get(name):
            result.take(f"--{name}", flags[name], **{name: flags[name]})
    if values["architecture.use_bfloat16"] and flags.get("strategy_type") == "tpu":
        result.take(
            "architecture.use_bfloat16",
            True,
            **({} if flags.get("precision") else {"precision": "bfloat16"}),
        )
    elif "architecture.use_bfloat16" in given:
        result.leave(
            "architecture.use_bfloat16",
            given["architecture.use_bfloat16"],
            "float32, as published without a TPU",
        )


def _mode(result: Translation, values: Mapping[str, Any], flags: Mapping[str, str]) -> None:
    modes = {
        "train": "train",
        "train_and_eval": "train_and_eval",
        "eval": "eval",
        "eval_once": "eval",
    }
    mode, folder = flags.get("mode") or "train", flags.get("model_dir") or values["model_dir"]
    if mode not in modes:
        raise ArgumentError(
            f"--mode: expected one of {', '.join(modes)}, found "
            f"{mode!r}{did_you_mean(mode, tuple(modes))}"
        )
    if not folder:
        raise ArgumentError("--model_dir: expected a folder for checkpoints and logs, found none")
    result.values |= {"mode": modes[mode], "train_url": folder, "log_form": "tutorial"}
    if mode == "eval_once":
        checkpoint = flags.get("checkpoint_path")
        if not checkpoint:
            raise ArgumentError(
                "--checkpoint_path: expected the checkpoint that --mode=eval_once evaluates, "
                "found none"
            )
        result.take(
            "--checkpoint_path",
            checkpoint,
            pretrained=checkpoint,
            fine_tune_checkpoint_type="full",
            train_url=f"{folder.rstrip('/')}/eval",
        )
