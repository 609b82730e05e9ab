"""What a person should know of entries that stay: repairs, and pictures that look wrong."""

from __future__ import annotations

from collections import Counter

from algorithm.data.cleaning.findings import Checked


class Remarks:
    """A running count over the entries of a dataset; it keeps numbers and an example, no entry."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.repairs: Counter[str] = Counter()
        self.odd: dict[str, Counter[int]] = {"dark": Counter(), "too bright": Counter()}
        self.examples: dict[tuple[str, int], str] = {}
        self.used_bits: Counter[int] = Counter()

    def add(self, checked: Checked) -> None:
        """Count an entry; one that is left out does not matter."""
        if not checked.usable:
            return
        self.repairs.update(checked.notes)
        facts = checked.facts
        if facts is None or not (facts.dark or facts.too_bright):
            return
        kind = "dark" if facts.dark else "too bright"
        self.odd[kind][facts.bits] += 1
        self.examples.setdefault((kind, facts.bits), checked.entry.source)
        if facts.dark:
            self.used_bits[facts.bits] = max(self.used_bits[facts.bits], facts.used_bits, 8)

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines to log."""
        repairs = [f"{note}: {count} time(s)" for note, count in sorted(self.repairs.items())]
        dark = [
            f"{count} picture(s) of {bits} bits use less than a quarter of their range and are "
            f"read nearly black, such as {self.examples['dark', bits]}: "
            + (
                f"set bit_depth={self.used_bits[bits]} in hparams"
                if bits > 8
                else "stretch their values if they hold fewer bits"
            )
            for bits, count in sorted(self.odd["dark"].items())
        ]
        bright = [
            f"{count} picture(s) hold values beyond bit_depth={bits}, which are read as white, "
            f"such as {self.examples['too bright', bits]}: raise bit_depth in hparams"
            for bits, count in sorted(self.odd["too bright"].items())
        ]
        return (*repairs, *dark, *bright)
