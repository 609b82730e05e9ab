"""How much of the machine a job uses, measured while it runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

FILE = "usage.json"
_MOST = 600  # values of a curve; then every second one is left out


class Usage:
    """The shares of cores and of memory that processes take; without /proc, nothing is measured.

    Args:
        folder: The folder for the measurements.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._last = folder / FILE, (0.0, 0.0)
        self._every = self._skipped = 1
        self._values: dict[str, list[float]] = {"cpuUsage": [], "memUsage": []}

    def measure(self, processes: Sequence[int]) -> None:
        """Add a measurement, in percent of the machine."""
        if self._skipped < self._every:
            self._skipped += 1
            return
        self._skipped = 1
        with suppress(OSError, ValueError):
            rows = [
                Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
                for each in processes
            ]
            ticks = sum(int(row[11]) + int(row[12]) for row in rows)
            now, busy = time.monotonic(), ticks / os.sysconf("SC_CLK_TCK")
            (before, was), self._last = self._last, (now, busy)
            if before:
                share = max(0.0, busy - was) / (now - before) / (os.cpu_count() or 1)
                pages = sum(int(row[21]) for row in rows) / os.sysconf("SC_PHYS_PAGES")
                self._values["cpuUsage"].append(round(100 * share, 2))
                self._values["memUsage"].append(round(100 * pages, 2))
        if len(self._values["cpuUsage"]) > _MOST:
            self._values = {name: each[::2] for name, each in self._values.items()}
            self._every *= 2
        self._path.write_text(json.dumps(self._values))


def usage_of(folder: Path) -> dict[str, list[float]]:
    """Return what was measured of a job: percent of the machine by name."""
    try:
        return json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}
