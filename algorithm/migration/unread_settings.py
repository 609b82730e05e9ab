"""The settings of a file, each taken once, so that none is passed over in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


class Settings:
    """The settings of a file that were not looked at yet.

    Args:
        pairs: (path, value); a path may occur several times.
    """

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        self._pairs = list(pairs)

    def take(self, path: str, default: Any) -> Any:
        """Return the last value of a path, which then counts as looked at.

        Args:
            path: The path.
            default: What to return where it is not there.

        Returns:
            The value.
        """
        values = [value for name, value in self._pairs if name == path]
        self._pairs = [pair for pair in self._pairs if pair[0] != path]
        return values[-1] if values else default

    def below(self, prefix: str) -> dict[str, Any]:
        """Return all settings below a prefix, which then count as looked at.

        Args:
            prefix: The prefix.

        Returns:
            {rest of the path: value}.
        """
        found = {
            name.removeprefix(prefix): value
            for name, value in self._pairs
            if name.startswith(prefix)
        }
        self._pairs = [pair for pair in self._pairs if not pair[0].startswith(prefix)]
        return found

    def has(self, prefix: str) -> bool:
        """Return whether a path begins with the prefix."""
        return any(name.startswith(prefix) for name, _ in self._pairs)

    def rest(self) -> Iterator[tuple[str, Any]]:
        """Yield (path, value) of what was not looked at."""
        yield from self._pairs
