"""Batch size, steps, learning rate and optimizer of the Cloud TPU RetinaNet tutorial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.learning_rate import DROPS, REFERENCE_BATCH
from algorithm.migration.translation import Translation, number

_RATE = "train.learning_rate"
_TPU_CORES = 8  # of the v2-8 and v3-8 that the tutorial uses


def translate_schedule(
    result: Translation,
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    flags: Mapping[str, str],
) -> None:
    """Translate batch size, steps, learning rate and optimizer.

    Args:
        result: Gets the hyperparameters, and a line for each setting.
        values: The parameters with their defaults, by dotted key.
        given: The parameters that were given.
        flags: The flags of the tutorial's program, by name.

    Raises:
        ArgumentError: A value is not possible here.
    """
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
            f"{number(rate * batch / REFERENCE_BATCH)}",
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
    _optimizer(result, values)


def _optimizer(result: Translation, values: Mapping[str, Any]) -> None:
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
    if len(drops) != len(DROPS):
        raise ArgumentError(f"{_RATE}.learning_rate_steps: expected two steps, found {drops}")
    names = {
        "lr_decay_method": "stepwise",
        "first_lr_drop_epoch": number(drops[0] / loop),
        "second_lr_drop_epoch": number(drops[1] / loop),
    }
    ratios = [level / values[f"{_RATE}.init_learning_rate"] for level in levels]
    if all(math.isclose(ratio, factor) for ratio, factor in zip(ratios, DROPS, strict=True)):
        result.take(f"{_RATE}.learning_rate_steps", drops, **names)
    else:
        result.take_differently(
            f"{_RATE}.learning_rate_levels", levels, "a tenth and a hundredth of the rate", **names
        )
