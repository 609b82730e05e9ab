"""From the command line to typed hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.class_weights import named_weights
from algorithm.hyperparameters.command_line import read_hparams, refuse_if_misspelt, split_flags
from algorithm.hyperparameters.hyperparameter_table import ROWS, TABLE
from algorithm.hyperparameters.loggers import loggers_of
from algorithm.hyperparameters.platform_flags import PLATFORM_FLAGS
from algorithm.hyperparameters.random_scales import random_scales
from algorithm.hyperparameters.typed import Hyperparameters
from algorithm.hyperparameters.values import read_value


def parse(argv: Sequence[str]) -> Hyperparameters:
    """Read the hyperparameters of one job.

    Values arrive as text ("True", "8", ""); an empty one means the default. Where a flag or an
    hparams key is given twice, the later one wins. An hparams key may also be a flag of its own,
    because the platform lets users add parameters.

    Args:
        argv: The words of the command line, without the program.

    Returns:
        Every hyperparameter, typed and checked.

    Raises:
        ArgumentError: A value is not allowed, two contradict each other, or a required one is
            missing. The first line names the parameter, the value, what is allowed and the nearest
            known name.
    """
    flags = split_flags(argv)
    given = {name: text for name, text in flags if name in ROWS}
    ignored = []
    for name, text in flags:
        if name not in ROWS:
            if name not in PLATFORM_FLAGS:
                refuse_if_misspelt(name, text)
            ignored.append(name)
    values = {row.name: read_value(row, given.get(row.name, "")) for row in TABLE}
    listed = read_hparams(values["hparams"])
    values |= _listed_values(
        listed.items, {name for name in ROWS if _is_given(name, given, values)}, values
    )
    values = _without_aliases(values)
    _check_together(values)
    return Hyperparameters(**values, ignored=tuple(ignored), notes=listed.lines)


def _is_given(name: str, given: dict[str, str], values: dict[str, Any]) -> bool:
    """Return whether a flag says something. A platform passes those of the table as they are."""
    row = ROWS[name]
    return bool(given.get(name)) and (row.where == "hparams" or values[name] != row.default)


def _listed_values(
    items: Sequence[tuple[str, str]], flags: set[str], values: dict[str, Any]
) -> dict[str, Any]:
    """Return the typed values of the hparams list, without those given as flags of their own."""
    listed = {key: read_value(ROWS[key], value) for key, value in items}
    for key in flags & listed.keys():
        # The default list holds a key too; nobody wrote that one, so a flag simply wins over it.
        if listed[key] != values[key] and values["hparams"] != ROWS["hparams"].default:
            raise ArgumentError(
                f"{key}: expected one value, found '{values[key]}' as --{key} and "
                f"'{listed[key]}' in --hparams. Leave one out."
            )
    return {key: value for key, value in listed.items() if key not in flags}


def _without_aliases(values: dict[str, Any]) -> dict[str, Any]:
    for alias in (row for row in TABLE if row.alias_of):
        value, own = values.pop(alias.name), values[alias.alias_of]
        if value == alias.default:
            continue
        if own not in (value, ROWS[alias.alias_of].default):
            raise ArgumentError(
                f"{alias.name}: another name of {alias.alias_of}; expected one value, "
                f"found '{value}' and '{own}'. Leave one out."
            )
        values[alias.alias_of] = value
    return values


def _check_together(values: dict[str, Any]) -> None:
    for row in TABLE:
        if row.required and values[row.name] is None:
            raise ArgumentError(f"--{row.name}: expected a value, found none. {row.english}.")
    low, high = random_scales(values)
    if low > high:
        raise ArgumentError(
            f"--hparams=jitter_min: expected at most jitter_max ({high}), found {low}"
        )
    first, second = values["first_lr_drop_epoch"], values["second_lr_drop_epoch"]
    if values["lr_decay_method"] == "stepwise" and first > second:
        raise ArgumentError(
            f"--hparams=first_lr_drop_epoch: expected at most second_lr_drop_epoch ({second:g}), "
            f"found {first:g}"
        )
    _check_train_minutes(values)
    named_weights(values["class_weights"])
    if values["folds"] == 1:
        raise ArgumentError(
            "--hparams=folds: expected 2 or more splits, found 1. Write 0, or leave it out, for "
            "one job."
        )
    _check_distillation(values)
    _check_masks(values)
    loggers_of(values["log_to"])


def _check_train_minutes(values: dict[str, Any]) -> None:
    minutes = values["train_minutes"]
    if minutes and values["num_steps"]:
        raise ArgumentError(
            f"--hparams=train_minutes: expected a time or a number of steps, found {minutes:g} "
            f"and num_steps={values['num_steps']}. Leave one out."
        )
    if minutes and values["mosaic"] and values["mosaic_off_epochs"]:
        raise ArgumentError(
            "--hparams=train_minutes: expected mosaic_off_epochs=0 with it and mosaic, found "
            f"{values['mosaic_off_epochs']}: which epochs are the last is not known before. Add "
            "mosaic_off_epochs=0, or use num_epochs."
        )


def _check_distillation(values: dict[str, Any]) -> None:
    offline, online, url = (
        values["use_offline_kd"],
        values["use_online_kd"],
        values["teacher_model_url"],
    )
    if offline and online:
        raise ArgumentError(
            "--use_online_kd: expected one kind of distillation, found use_offline_kd=True as "
            "well. Leave one out."
        )
    if offline and not url:
        raise ArgumentError(
            "--teacher_model_url: expected the folder model of a teacher's job with "
            "use_offline_kd=True, found none. Train one with --export_teacher_model=True and give "
            "TRAIN_URL/model."
        )
    if url and not offline:
        raise ArgumentError(
            f"--teacher_model_url: expected use_offline_kd=True with it, found '{url}' alone. Add "
            "--use_offline_kd=True, or leave it out."
        )
    if values["peer_model"] and not online:
        raise ArgumentError(
            "--hparams=peer_model: expected use_online_kd=True with it, found "
            f"'{values['peer_model']}' alone. Add --use_online_kd=True, or leave it out."
        )
    if values["peer_pretrained"] != ROWS["peer_pretrained"].default and not values["peer_model"]:
        raise ArgumentError(
            "--hparams=peer_pretrained: expected peer_model with it, found "
            f"'{values['peer_pretrained']}' alone. Name the model whose weights these are, e.g. "
            "peer_model=efficientdet-lite0, or leave it out."
        )
    if values["kd_method"] == "crosshead" and not values["peer_model"]:
        raise ArgumentError(
            "--hparams=kd_method: expected use_online_kd=True and a peer_model with crosshead, "
            "whose heads the student's features pass through, found no peer_model. Add e.g. "
            "peer_model=efficientdet-lite0, or use foreground."
        )
    if (offline or online) and not values["soft_cls_loss"] and not values["soft_box_loss"]:
        raise ArgumentError(
            "--hparams=soft_cls_loss: expected it or soft_box_loss above 0 for distillation, "
            "found both 0."
        )


def _check_masks(values: dict[str, Any]) -> None:
    if values["masks"] != "true":
        if values["best_metric"] == "segm":
            raise ArgumentError(
                "--hparams=best_metric: expected masks=True with segm, found "
                f"masks={values['masks']}. Add --masks=True, or use bbox."
            )
        return
    for name in ("use_offline_kd", "use_online_kd", "export_teacher_model"):
        if values[name]:
            raise ArgumentError(
                f"--hparams=masks: expected no distillation with masks=True, found {name}=True: "
                "teachers and peers know boxes only. Leave one out."
            )
    if values["autoaugment_policy"]:
        raise ArgumentError(
            "--hparams=autoaugment_policy: expected none with masks=True, found "
            f"'{values['autoaugment_policy']}': its turns and shears do not move outlines. Leave "
            "one out."
        )
