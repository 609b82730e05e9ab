"""What became of each setting of another system."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from algorithm.hyperparameters import ROWS, write_value


@dataclass
class Translation:
    """Hyperparameters as text, by name, and a line for each setting: taken, taken differently (and
    why), not supported.
    """

    values: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def take(self, key: str, value: Any, **hyperparameters: Any) -> None:
        """The setting means the same here, under these names."""
        self.lines.append(f"taken: {key}={_shown(value)}{_arrow(self._set(hyperparameters))}")

    def take_differently(self, key: str, value: Any, why: str, **hyperparameters: Any) -> None:
        """The setting is followed in another way."""
        self.lines.append(
            f"taken differently: {key}={_shown(value)}{_arrow(self._set(hyperparameters))} ({why})"
        )

    def leave(self, key: str, value: Any, why: str) -> None:
        """The setting has no effect here."""
        self.lines.append(f"not supported: {key}={_shown(value)} ({why})")

    def note(self, text: str) -> None:
        """A line about several settings at once."""
        self.lines.append(f"note: {text}")

    def arguments(self) -> list[str]:
        """The flags of a training job."""
        return [f"--{name}={text}" for name, text in self.values.items()]

    def _set(self, hyperparameters: dict[str, Any]) -> dict[str, str]:
        texts = {name: write_value(value) for name, value in hyperparameters.items()}
        assert texts.keys() <= ROWS.keys(), texts
        self.values |= texts
        return texts


def number(value: float) -> float:
    """The value with the digits that matter, so that 0.08 * 64 / 128 is 0.04."""
    return float(f"{value:.10g}")


def _shown(value: Any) -> str:
    return "'" + value + "'" if isinstance(value, str) and not value.isidentifier() else str(value)


def _arrow(texts: dict[str, str]) -> str:
    return " -> " + ", ".join(f"{name}={text}" for name, text in texts.items()) if texts else ""
