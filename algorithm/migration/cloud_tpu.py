"""Hyperparameters from the Cloud TPU RetinaNet tutorial's flags and parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from algorithm.errors import ArgumentError
from algorithm.hyperparameters import write_value
from algorithm.hyperparameters.names.nearest_name import did_you_mean
from algorithm.migration.cloud_tpu_settings import BY_KEY, SETTINGS, Setting
from algorithm.migration.published import REFERENCE_BATCH
from algorithm.migration.record_patterns import data_url_of
from algorithm.migration.translation import Translation, number

_RATE = "train.learning_rate"
_TPU_CORES = 8  # of the v2-8 and v3-8 that the tutorial uses
_STEP_FACTORS = (0.1, 0.01)  # factors on the rate after the two drops, as published


def read_parameters(text: str, where: str) -> dict[str, Any]:
    """Read the tutorial's parameters.

    Args:
        text: YAML or JSON, or the path of a file of it.
        where: The flag they were given in, for messages.

    Returns:
        {dotted key: value}.

    Raises:
        ArgumentError: A key is unknown (the message names it and the nearest known one), or a value
            is not possible here.
    """
    source = (
        Path(text).read_text(encoding="utf-8")
        if text and "\n" not in text and "{" not in text and Path(text).is_file()
        else text
    )
    try:
        found = yaml.safe_load(source) if source else {}
    except yaml.YAMLError as error:
        raise ArgumentError(
            f"--{where}: expected YAML or JSON, found otherwise: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(found, Mapping):
        raise ArgumentError(
            f"--{where}: expected a mapping such as {{ train: {{ total_steps: 10 }} }}, or a file "
            f"of one, found {text!r}; check the braces, or the path"
        )
    parameters = dict(_leaves(found))
    for key, value in parameters.items():
        parameters[key] = _checked(key, value, where)
    return parameters


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
    _schedule(result, values, given, flags)
    _start(result, values, flags)
    _data(result, values)
    _devices(result, values, given, flags)
    _mode(result, values, flags)
    return result


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key not in BY_KEY:
            yield from _leaves(value, f"{key}.")
        else:
            yield key, value


def _checked(key: str, value: Any, where: str) -> Any:
    if key not in BY_KEY:
        raise ArgumentError(
            f"--{where}: unknown key '{key}' (value {value!r}).{did_you_mean(key, tuple(BY_KEY))}"
        )
    setting = BY_KEY[key]
    if isinstance(setting.default, float | int) and not isinstance(setting.default, bool):
        try:
            value = (
                type(setting.default)(float(value))
                if isinstance(setting.default, float)
                else int(value)
            )
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"--{where}: {key}: expected a number, found {value!r}") from error
    if setting.only and value not in setting.only:
        raise ArgumentError(
            f"--{where}: {key}: expected {' or '.join(map(repr, setting.only))}, which is all "
            f"there is here, found {value!r}; leave it out"
        )
    return value


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
    if not values["norm_activation.batch_norm_trainable"]:
        result.take("norm_activation.batch_norm_trainable", False, freeze_bn="true")


def _schedule(
    result: Translation,
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    flags: Mapping[str, str],
) -> None:
    batch, steps = values["train.batch_size"], values["train.total_steps"]
    _batch(result, batch, flags)
    result.take("train.total_steps", steps, num_steps=steps)
    loop = min(values["train.iterations_per_loop"], steps)
    result.take_differently(
        "train.iterations_per_loop",
        values["train.iterations_per_loop"],
        "a log line, a checkpoint and, with train_and_eval, an evaluation after so many steps",
        steps_per_epoch=loop,
        log_every_steps=loop,
    )
    rate, warm = values[f"{_RATE}.init_learning_rate"], values[f"{_RATE}.warmup_learning_rate"]
    if f"{_RATE}.init_learning_rate" in given:
        share, why = (
            REFERENCE_BATCH / batch,
            f"the same rate at every step, written for {REFERENCE_BATCH} pictures as all rates "
            "here",
        )
    else:
        share, why = (
            1.0,
            f"the published rate is for {REFERENCE_BATCH} pictures, and follows the batch: "
            f"{number(rate * batch / 64)}",
        )
    result.take_differently(
        f"{_RATE}.init_learning_rate",
        rate,
        why,
        learning_rate=number(rate * share),
        lr_warmup_init=number(warm * share),
    )
    result.take_differently(
        f"{_RATE}.warmup_steps",
        values[f"{_RATE}.warmup_steps"],
        "in epochs of steps_per_epoch, and never more than half of the training",
        lr_warmup_epoch=number(values[f"{_RATE}.warmup_steps"] / loop),
    )
    _decay(result, values, loop)
    kinds = {"momentum": "sgd", "sgd": "sgd", "adam": "adam"}
    kind = values["train.optimizer.type"]
    if kind not in kinds:
        raise ArgumentError(
            f"train.optimizer.type: expected one of {', '.join(kinds)}, found {kind!r}"
        )
    result.take("train.optimizer.type", kind, optimizer=kinds[kind])


def _batch(result: Translation, batch: int, flags: Mapping[str, str]) -> None:
    """Translate the batch size.

    The tutorial counts the pictures of all devices, train_batch_size those of one.
    """
    machines = len(flags["worker_hosts"].split(",")) if flags.get("worker_hosts") else 1
    on_tpu = flags.get("strategy_type") == "tpu"
    devices = _TPU_CORES if on_tpu else machines * max(1, int(flags.get("num_gpus") or 0))
    if batch % devices:
        raise ArgumentError(
            f"train.batch_size: expected a multiple of the {devices} devices, found {batch}"
        )
    if devices == 1:
        result.take("train.batch_size", batch, train_batch_size=batch)
        return
    advice = "; on a slice with more cores give --train_batch_size" if on_tpu else ""
    result.take_differently(
        "train.batch_size",
        batch,
        f"for each of {devices} devices{advice}",
        train_batch_size=batch // devices,
    )


def _decay(result: Translation, values: Mapping[str, Any], loop: int) -> None:
    kind = values[f"{_RATE}.type"]
    if kind == "cosine":
        result.take(f"{_RATE}.type", kind, lr_decay_method="cosine")
        return
    if kind != "step":
        raise ArgumentError(f"{_RATE}.type: expected step or cosine, found {kind!r}")
    drops, levels = values[f"{_RATE}.learning_rate_steps"], values[f"{_RATE}.learning_rate_levels"]
    if len(drops) != len(_STEP_FACTORS):
        raise ArgumentError(f"{_RATE}.learning_rate_steps: expected two steps, found {drops}")
    names = {
        "lr_decay_method": "stepwise",
        "first_lr_drop_epoch": number(drops[0] / loop),
        "second_lr_drop_epoch": number(drops[1] / loop),
    }
    ratios = [level / values[f"{_RATE}.init_learning_rate"] for level in levels]
    if all(
        math.isclose(ratio, factor) for ratio, factor in zip(ratios, _STEP_FACTORS, strict=True)
    ):
        result.take(f"{_RATE}.learning_rate_steps", drops, **names)
    else:
        result.take_differently(
            f"{_RATE}.learning_rate_levels", levels, "a tenth and a hundredth of the rate", **names
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
