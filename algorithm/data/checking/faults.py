"""What is wrong with a dataset, by kind, and the command that trains on it all the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algorithm.data.cleaning.findings import LOSSES, Finding
from algorithm.data.dataset import Survey


@dataclass(frozen=True)
class FaultKind:
    """A kind of finding.

    Attributes:
        rule: As in a cleaning report.
        action: As in a cleaning report.
        count: How many.
        example: The first, in words.
    """

    rule: str
    action: str
    count: int
    example: str

    def __str__(self) -> str:
        """A line for a terminal."""
        return f"{self.rule}: {self.count}, {self.action}, the first: {self.example}"


def fault_kinds(findings: Sequence[Finding]) -> list[FaultKind]:
    """Return the findings by kind: first those that lose something, the most frequent first."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.rule, finding.action), []).append(finding)
    kinds = [
        FaultKind(rule, action, len(rows), str(rows[0].complaint))
        for (rule, action), rows in groups.items()
    ]
    return sorted(kinds, key=lambda kind: (kind.action not in LOSSES, -kind.count, kind.rule))


def fault_lines(survey: Survey) -> list[str]:
    """Return the faults of a dataset for a terminal; nothing where there are none."""
    kinds = fault_kinds(survey.cleaned.findings)
    if not kinds:
        return []
    total = sum(kind.count for kind in kinds)
    return [f"found {total} thing(s) of {len(kinds)} kind(s):", *(f"  {kind}" for kind in kinds)]


def training_command(data_url: str, settings: Mapping[str, Any]) -> str:
    """Return the command that trains on the dataset, to be pasted into a shell.

    A job cleans by default, so that what was found to be unusable is left out.

    Args:
        data_url: Where the dataset is.
        settings: Other hyperparameters; empty text leaves one out.
    """
    path = Path(data_url).resolve() if "://" not in data_url else data_url
    flags = {"data_url": path, "train_url": "trained", **settings}
    words = [f"--{name}={value}" for name, value in flags.items() if str(value)]
    return shlex.join(["python", "-m", "algorithm", "train", *words])
