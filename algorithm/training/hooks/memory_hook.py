"""Memory in the progress line."""

from __future__ import annotations

from algorithm.training.device_memory import peak_memory
from algorithm.training.hooks.hook import Hook, TrainingRun


class MemoryHook(Hook):
    """Adds `memory_mib` to the figures of a step: the most used so far, of the GPU where there is
    one, else resident.
    """

    def after_step(self, run: TrainingRun, step: int, figures: dict[str, float]) -> None:
        """Adds the figure."""
        figures["memory_mib"] = round(peak_memory())
