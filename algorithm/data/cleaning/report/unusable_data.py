"""How much of a dataset cannot be used, on each side of the split, and most often why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from algorithm.data.cleaning.findings import (
    COPIED,
    LEAKED,
    LEFT_OUT,
    LOSSES,
    NOTHING_LEFT,
    REPEATED,
    Checked,
    Finding,
)
from algorithm.errors import DataError

MOST_UNUSABLE = 0.5  # of the pictures or objects of a side: beyond it the whole side is in doubt
REASONS_SHOWN = 3
LISTED_TWICE = "listed twice"
AGAIN = {  # what goes without a loss, as it is there once more
    REPEATED: "object(s) that repeat another of their picture are dropped",
    COPIED: "picture(s) that are the same file as another are left out",
    LISTED_TWICE: "picture(s) are listed twice and used once",
}
SIDES = {"train": "TRAIN", "eval": "EVAL", None: "the dataset"}


@dataclass
class Loss:
    """How many things there are, how many cannot be used, and why, with an example of each rule."""

    total: int = 0
    lost: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, total: int, lost: int, finding: Finding | None) -> None:
        """Count `total` things, `lost` of which go for the reason that `finding` gives."""
        self.total += total
        self.lost += lost
        if lost and finding is not None:
            self.rules[finding.rule] += lost
            self.examples.setdefault(finding.rule, str(finding.complaint))

    @property
    def too_many(self) -> bool:
        """Whether more than MOST_UNUSABLE cannot be used."""
        return self.lost > MOST_UNUSABLE * self.total

    @property
    def reasons(self) -> str:
        """The most frequent rules with their numbers, and the first example of the first."""
        common = self.rules.most_common()
        if not common:
            return "no reason is recorded"
        shown = ", ".join(f"{rule} ({count})" for rule, count in common[:REASONS_SHOWN])
        more = ", and others" * (len(common) > REASONS_SHOWN)
        return f"{shown}{more}, the first: {self.examples[common[0][0]]}"


@dataclass
class SideLosses:
    """The pictures and the objects of one side of the split."""

    pictures: Loss = field(default_factory=Loss)
    objects: Loss = field(default_factory=Loss)


class Losses:
    """A running count over the entries of a dataset.

    It keeps numbers and a few examples, no entry.
    """

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.sides: dict[str | None, SideLosses] = {}
        self.again: Counter[str] = Counter()

    def add(self, checked: Checked) -> None:
        """Count an entry and its objects."""
        side = self._side(checked.entry.usage)
        self.again[REPEATED] += sum(row.rule == REPEATED for row in checked.findings)
        gone = [row for row in checked.findings if row.action in LOSSES and row.rule != REPEATED]
        if checked.usable:
            side.pictures.add(1, 0, None)
            side.objects.add(len(checked.names), 0, None)
            for finding in gone:
                side.objects.add(1, 1, finding)
            return
        whole = [row for row in gone if row.action == LEFT_OUT and row.rule != NOTHING_LEFT]
        reason = next(iter(whole or gone), None)
        copied = reason is not None and reason.rule == COPIED  # another picture has it all
        known = checked.listed
        self.again[COPIED] += copied
        side.pictures.add(1, 0 if copied else 1, reason)
        side.objects.add(known, 0 if copied else known, reason)

    def add_orphans(self, orphans: Iterable[Finding]) -> None:
        """Count what readers complained about that belongs to no entry: a sample each."""
        for finding in orphans:
            if finding.complaint.repeated:
                self.again[LISTED_TWICE] += 1
            else:
                self._side(finding.complaint.usage).pictures.add(1, 1, finding)

    def add_copy(self, usage: str | None, objects: int, finding: Finding) -> None:
        """Count an entry that was added as usable, with its objects, as left out after all."""
        if finding.rule == COPIED:
            self.again[COPIED] += 1
        else:
            side = self._side(usage)
            side.pictures.add(0, 1, finding)
            side.objects.add(0, objects, finding)

    @property
    def pictures(self) -> Loss:
        """The pictures of all sides together."""
        return _joined(side.pictures for side in self.sides.values())

    @property
    def objects(self) -> Loss:
        """The objects of all sides together."""
        return _joined(side.objects for side in self.sides.values())

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines to log: what each side loses, and why."""
        rows = (
            (SIDES[usage], kind, done, loss)
            for usage, side in self._ordered()
            for kind, done, loss in (
                ("picture(s)", "left out", side.pictures),
                ("object(s)", "dropped", side.objects),
            )
        )
        lost = tuple(
            f"{name}: {loss.lost} of {loss.total} {kind} {done}: {loss.reasons}"
            for name, kind, done, loss in rows
            if loss.lost
        )
        return lost + tuple(f"{self.again[key]} {AGAIN[key]}" for key in AGAIN if self.again[key])

    @property
    def refusal(self) -> DataError | None:
        """The error where more than half of the pictures or objects of a side cannot be used."""
        train = self._side("train").pictures
        if 0 < train.total == train.rules[LEAKED]:
            return DataError(
                f"expected EVAL to have pictures of its own, found all {train.total} TRAIN "
                "pictures "
                "in it: publish a version with a split, or run with --do_data_cleaning=False to "
                "train "
                "on EVAL"
            )
        sides = {SIDES[usage]: self._side(usage) for usage in ("train", "eval")}
        sides[SIDES[None]] = SideLosses(self.pictures, self.objects)
        for name, side in sides.items():
            pictures, objects = side.pictures, side.objects
            for kind, loss in (("pictures", pictures), ("objects", objects)):
                if loss.too_many:
                    return DataError(
                        f"expected most {kind} of {name} to be usable, found {loss.lost} of "
                        f"{loss.total} that are not: {loss.reasons}; correct them, or check "
                        "data_url"
                    )
        return None

    def _side(self, usage: str | None) -> SideLosses:
        return self.sides.setdefault(usage, SideLosses())

    def _ordered(self) -> list[tuple[str | None, SideLosses]]:
        return [(usage, self.sides[usage]) for usage in SIDES if usage in self.sides]


def _joined(losses: Iterable[Loss]) -> Loss:
    whole = Loss()
    for loss in losses:
        whole.total += loss.total
        whole.lost += loss.lost
        whole.rules.update(loss.rules)
        whole.examples = {**loss.examples, **whole.examples}
    return whole
