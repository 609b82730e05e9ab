"""The parameters of the Cloud TPU RetinaNet tutorial, read from text or from a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.names.nearest_name import did_you_mean
from algorithm.migration.cloud_tpu_settings import BY_KEY


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
