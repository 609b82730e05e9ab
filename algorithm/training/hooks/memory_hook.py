"""Memory in the progress line."""

from __future__ import annotations

from algorithm.training.devices.device_memory import peak_memory
from algorithm.training.hooks.hook import Hook, TrainingRun


class MemoryHook(Hook):
    """Adds `memory_mib`, the most memory used so far, to the figures of a step.

    It is the GPU's memory where there is one, else the resident memory.
    """

    def after_step(self, run: TrainingRun, step: int, figures: dict[str, float]) -> None:
        """Add the figure."""
        figures["memory_mib"] = round(peak_memory())
