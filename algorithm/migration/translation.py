"""The translation of another system's settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from algorithm.hyperparameters import ROWS, write_value


@dataclass
class Translation:
    """What became of each setting of another system.

    Attributes:
        values: Hyperparameters as text, by name.
        lines: A line for each setting: taken, taken differently (and why), or not supported.
    """

    values: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def take(self, key: str, value: Any, **hyperparameters: Any) -> None:
        """Take a setting that means the same here.

        Args:
            key: Its name there.
            value: Its value there.
            **hyperparameters: What it is here.
        """
        self.lines.append(f"taken: {key}={_shown(value)}{_arrow(self._set(hyperparameters))}")

    def take_differently(self, key: str, value: Any, why: str, **hyperparameters: Any) -> None:
        """Take a setting that is followed in another way.

        Args:
            key: Its name there.
            value: Its value there.
            why: Why it is followed in another way.
            **hyperparameters: What it is here.
        """
        self.lines.append(
            f"taken differently: {key}={_shown(value)}{_arrow(self._set(hyperparameters))} ({why})"
        )

    def leave(self, key: str, value: Any, why: str) -> None:
        """Leave a setting that has no effect here.

        Args:
            key: Its name there.
            value: Its value there.
            why: Why it has no effect.
        """
        self.lines.append(f"not supported: {key}={_shown(value)} ({why})")

    def note(self, text: str) -> None:
        """Add a line about several settings at once."""
        self.lines.append(f"note: {text}")

    def arguments(self) -> list[str]:
        """Return the flags of a training job."""
        return [f"--{name}={text}" for name, text in self.values.items()]

    def _set(self, hyperparameters: dict[str, Any]) -> dict[str, str]:
        texts = {name: write_value(value) for name, value in hyperparameters.items()}
        assert texts.keys() <= ROWS.keys(), texts
        self.values |= texts
        return texts


def number(value: float) -> float:
    """Return the value with the digits that matter, so that 0.08 * 64 / 128 is 0.04."""
    return float(f"{value:.10g}")


def _shown(value: Any) -> str:
    return "'" + value + "'" if isinstance(value, str) and not value.isidentifier() else str(value)


def _arrow(texts: dict[str, str]) -> str:
    return " -> " + ", ".join(f"{name}={text}" for name, text in texts.items()) if texts else ""
