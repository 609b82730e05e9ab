"""Batch, steps, optimizer and learning rate of a pipeline.config, and the trap of small batches.

The published rates belong to batches of 64 and 128. With 2 pictures a step the same rate gives NaN,
and a rate that no longer does learns next to nothing. So a small batch is gathered to the published
one before the weights move.
"""

from __future__ import annotations

from typing import Any

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.learning_rate import REFERENCE_BATCH
from algorithm.migration.published import Recipe
from algorithm.migration.translation import Translation, number
from algorithm.migration.unread_settings import Settings

_TRAIN = "train_config."
_STEPS_BETWEEN_CHECKPOINTS = 1000  # TFOD's training loop has the same
_SMALLEST_BATCH_FOR_STATISTICS = 4  # as in jobs.freezing, where freeze_bn=auto is decided
_OPTIMIZERS = {
    "momentum_optimizer": ("sgd", "momentum_optimizer_value"),
    "adam_optimizer": ("adam", ""),
    "rms_prop_optimizer": ("sgd", "momentum_optimizer_value"),
}
# The field that holds the highest rate, for each kind of schedule.
_HIGHEST = {
    "cosine_decay_learning_rate": "learning_rate_base",
    "manual_step_learning_rate": "initial_learning_rate",
    "constant_learning_rate": "learning_rate",
    "exponential_decay_learning_rate": "initial_learning_rate",
}
_DECAYS = {
    "cosine_decay_learning_rate": "cosine",
    "manual_step_learning_rate": "stepwise",
    "constant_learning_rate": "constant",
    "exponential_decay_learning_rate": "cosine",
}


def take_training(settings: Settings, result: Translation, model: str, recipe: Recipe) -> None:
    """Take everything of train_config that says how the weights move.

    Args:
        settings: The settings of the file; what is taken counts as looked at.
        result: Gets the hyperparameters and a line for each setting.
        model: The model's name, for messages.
        recipe: What the model was published with.

    Raises:
        ArgumentError: The file has no batch size.
    """
    batch = settings.take(f"{_TRAIN}batch_size", None)
    if not batch:
        raise ArgumentError("pipeline_config: expected train_config.batch_size, found none")
    gathered = max(1, recipe.batch // batch)
    result.take(f"{_TRAIN}batch_size", batch, train_batch_size=batch)
    steps = settings.take(f"{_TRAIN}num_steps", None)
    between = max(1, _STEPS_BETWEEN_CHECKPOINTS // gathered)
    _take_steps(result, steps, batch, gathered, between)
    _take_rate(settings, result, recipe, batch, gathered, between)
    _take_average(settings, result)
    _take_batch_norm(settings, result, batch)
    _take_weight_decay(settings, result)
    settings_bfloat = settings.take(f"{_TRAIN}use_bfloat16", None)
    if settings_bfloat is not None:
        result.leave(
            f"{_TRAIN}use_bfloat16",
            settings_bfloat,
            "the device decides: --precision where there is one",
        )
    if gathered > 1:
        result.note(
            f"{model} was published with {recipe.batch} pictures a step and a learning rate of "
            f"{recipe.rate:g}; {batch} a step with such a rate gives NaN. So a step gathers "
            f"{gathered} times {batch} pictures (gradient_accumulation_steps={gathered}) and "
            f"there are {gathered} times fewer steps; give --gradient_accumulation_steps, "
            "--num_steps and --learning_rate to have it otherwise"
        )


def _take_steps(
    result: Translation, steps: int | None, batch: int, gathered: int, between: int
) -> None:
    if gathered > 1:
        result.take_differently(
            f"{_TRAIN}batch_size",
            batch,
            "gathered to the published batch before the weights move",
            gradient_accumulation_steps=gathered,
        )
    if steps is None:
        result.note("train_config.num_steps is not given: num_epochs says how long")
    elif gathered > 1:
        result.take_differently(
            f"{_TRAIN}num_steps",
            steps,
            f"as many pictures, {gathered} times {batch} a step",
            num_steps=max(1, round(steps / gathered)),
        )
    else:
        result.take(f"{_TRAIN}num_steps", steps, num_steps=steps)
    result.values["steps_per_epoch"] = str(
        min(between, int(result.values.get("num_steps", between)))
    )


def _take_rate(
    settings: Settings, result: Translation, recipe: Recipe, batch: int, gathered: int, between: int
) -> None:
    prefix, fields = _optimizer(settings, result)
    kinds = {name.split(".")[0] for name in fields}
    if len(kinds) != 1 or not kinds <= _DECAYS.keys():
        raise ArgumentError(
            f"pipeline_config: expected {prefix}learning_rate to be one of {', '.join(_DECAYS)}, "
            f"found {', '.join(sorted(kinds)) or 'none'}"
        )
    kind = kinds.pop()
    fields = {name.partition(".")[2]: value for name, value in fields.items()}
    path, rate = f"{prefix}learning_rate.{kind}", float(fields.get(_HIGHEST[kind], 0.0))
    # The rate for the pictures of a step stays in the published relation to them.
    allowed = recipe.rate * max(1.0, batch * gathered / recipe.batch)
    used = min(rate, allowed)
    names = {
        "learning_rate": number(used * REFERENCE_BATCH / (batch * gathered)),
        "lr_decay_method": _DECAYS[kind],
    }
    what = (
        f"a rate of {number(used):g} for the {batch * gathered} pictures of a step, written for "
        f"{REFERENCE_BATCH} as all rates here"
    )
    if used < rate:
        what = f"at most the published {recipe.rate:g} for {recipe.batch} pictures: {what}"
    result.take_differently(f"{path}.{_HIGHEST[kind]}", rate, what, **names)
    epoch = int(result.values["steps_per_epoch"]) * gathered
    warm = float(fields.get("warmup_learning_rate", 0.0)) * used / rate if rate else 0.0
    result.take_differently(
        f"{path}.warmup_steps",
        fields.get("warmup_steps", 0),
        "in epochs of steps_per_epoch",
        lr_warmup_epoch=number(fields.get("warmup_steps", 0) / epoch),
    )
    result.take_differently(
        f"{path}.warmup_learning_rate",
        fields.get("warmup_learning_rate", 0.0),
        "in proportion to the rate",
        lr_warmup_init=number(warm * REFERENCE_BATCH / (batch * gathered)),
    )
    if kind == "manual_step_learning_rate":
        _take_drops(result, path, fields, epoch)
    elif kind == "exponential_decay_learning_rate":
        result.take_differently(path, "exponential", "cosine, which also falls smoothly to nothing")
    if "total_steps" in fields:
        result.take_differently(f"{path}.total_steps", fields["total_steps"], "num_steps says it")


def _optimizer(settings: Settings, result: Translation) -> tuple[str, dict[str, Any]]:
    kind = next((name for name in _OPTIMIZERS if settings.has(f"{_TRAIN}optimizer.{name}.")), None)
    if kind is None:
        raise ArgumentError(
            f"pipeline_config: expected train_config.optimizer of {', '.join(_OPTIMIZERS)}, found "
            "another or none"
        )
    prefix, (ours, momentum) = f"{_TRAIN}optimizer.{kind}.", _OPTIMIZERS[kind]
    if kind == "rms_prop_optimizer":
        result.take_differently(
            prefix[:-1], "rms_prop", "there is none here: sgd with momentum", optimizer=ours
        )
    else:
        result.take(prefix[:-1], kind, optimizer=ours)
    value = settings.take(f"{prefix}{momentum}", None) if momentum else None
    if value is not None:
        result.take(f"{prefix}{momentum}", value, momentum=value)
    result.values["clip_gradients_norm"] = "10"
    return prefix, settings.below(f"{prefix}learning_rate.")


def _take_drops(result: Translation, path: str, fields: dict[str, Any], epoch: int) -> None:
    drop = fields.get("schedule.step")
    if drop:
        result.take_differently(
            f"{path}.schedule",
            drop,
            "a tenth of the rate from the last of its steps on",
            first_lr_drop_epoch=number(drop / epoch),
            second_lr_drop_epoch=number(max(drop * 10, 1) / epoch),
        )


def _take_average(settings: Settings, result: Translation) -> None:
    averages = settings.take(f"{_TRAIN}optimizer.use_moving_average", True)
    decay = settings.take(f"{_TRAIN}optimizer.moving_average_decay", 0.9999)
    result.take(
        f"{_TRAIN}optimizer.use_moving_average",
        averages,
        moving_average_decay=decay if averages else 0.0,
    )


def _take_batch_norm(settings: Settings, result: Translation, batch: int) -> None:
    frozen = settings.take("model.ssd.freeze_batchnorm", False)
    if frozen:
        result.take("model.ssd.freeze_batchnorm", True, freeze_bn="true")
    elif batch < _SMALLEST_BATCH_FOR_STATISTICS:
        result.take_differently(
            "model.ssd.freeze_batchnorm",
            False,
            f"statistics of {batch} picture(s) are noise, however many are "
            "gathered: a pretrained network keeps its own; --freeze_bn=false trains them",
            freeze_bn="auto",
        )
    else:
        result.take("model.ssd.freeze_batchnorm", False, freeze_bn="false")


def _take_weight_decay(settings: Settings, result: Translation) -> None:
    ending = ".conv_hyperparams.regularizer.l2_regularizer.weight"
    for place in (
        "model.ssd.box_predictor.weight_shared_convolutional_box_predictor",
        "model.ssd.feature_extractor",
    ):
        weight = settings.take(f"{place}{ending}", None)
        if weight is not None:
            result.take(f"{place}{ending}", weight, weight_decay=weight)
