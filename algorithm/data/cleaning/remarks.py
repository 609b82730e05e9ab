"""What a person should know of entries that stay: repairs, and pictures that look wrong."""

from __future__ import annotations

from collections import Counter

from algorithm.data.cleaning.findings import Checked


class Remarks:
    """A running count over the entries of a dataset; it keeps numbers and an example, no entry."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.repairs: Counter[str] = Counter()
        self.dark = 0
        self.dark_example = ""

    def add(self, checked: Checked) -> None:
        """Count an entry; one that is left out does not matter."""
        if not checked.usable:
            return
        self.repairs.update(checked.notes)
        if checked.facts is not None and checked.facts.dark:
            self.dark += 1
            self.dark_example = self.dark_example or checked.entry.source

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines to log."""
        lines = [f"{note}: {count} time(s)" for note, count in sorted(self.repairs.items())]
        if self.dark:
            lines.append(
                f"{self.dark} picture(s) of 16 bits hold values of 12 bits or fewer and are read "
                "nearly "
                f"black, such as {self.dark_example}: stretch their values to 8 or 16 bits"
            )
        return tuple(lines)
