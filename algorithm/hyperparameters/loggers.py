"""Where the figures of a training go: the values of `log_to`."""

from __future__ import annotations

import importlib.util

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.names.nearest_name import did_you_mean

# Each logger, with the package that it needs beyond those of this project; the extra has its name.
LOGGERS = {"tensorboard": "", "mlflow": "mlflow", "wandb": "wandb"}


def loggers_of(text: str) -> tuple[str, ...]:
    """Return the loggers that a comma list names, each once.

    Raises:
        ArgumentError: One is unknown, or its package is not installed.
    """
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in LOGGERS:
            raise ArgumentError(
                f"--log_to: expected some of {', '.join(LOGGERS)}, found '{name}'."
                f"{did_you_mean(name, tuple(LOGGERS))} Example: --log_to=tensorboard,mlflow"
            )
        if LOGGERS[name] and not _is_installed(LOGGERS[name]):
            raise ArgumentError(
                f"--log_to={text}: expected the package {LOGGERS[name]}, found none: pip install "
                f"'efficientdet-modelarts[{name}]', or leave it out"
            )
    if not names:
        raise ArgumentError(f"--log_to: expected some of {', '.join(LOGGERS)}, found '{text}'")
    return names


def _is_installed(package: str) -> bool:
    found = importlib.util.find_spec(package)
    return found is not None and found.origin is not None  # a mere folder `wandb` has none
