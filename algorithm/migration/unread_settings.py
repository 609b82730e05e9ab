"""The settings of a file, each taken once, so that none is passed over in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


class Settings:
    """(path, value) pairs; a path may occur several times."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        self._pairs = list(pairs)

    def take(self, path: str, default: Any) -> Any:
        """The last value of a path, which then counts as looked at; else the default."""
        values = [value for name, value in self._pairs if name == path]
        self._pairs = [pair for pair in self._pairs if pair[0] != path]
        return values[-1] if values else default

    def below(self, prefix: str) -> dict[str, Any]:
        """{rest of the path: value} of all settings below a prefix, which then count as looked
        at.
        """
        found = {
            name.removeprefix(prefix): value
            for name, value in self._pairs
            if name.startswith(prefix)
        }
        self._pairs = [pair for pair in self._pairs if not pair[0].startswith(prefix)]
        return found

    def has(self, prefix: str) -> bool:
        """Whether a path begins so."""
        return any(name.startswith(prefix) for name, _ in self._pairs)

    def rest(self) -> Iterator[tuple[str, Any]]:
        """What was not looked at."""
        yield from self._pairs
