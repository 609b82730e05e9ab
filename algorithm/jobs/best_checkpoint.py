"""The best checkpoint of a job: archive/, and when another one takes its place."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.errors import DataError
from algorithm.jobs.job_checkpoint import JobCheckpoint
from algorithm.models.detector import Detector
from algorithm.models.variable_names import published_variables
from algorithm.storage.atomic_files import write_text
from algorithm.training import checkpoints

_log = logging.getLogger(__name__)
_BEST = "best_eval.txt"
_SCORES = {"bbox": "AP", "segm": "segm_AP"}


class BestCheckpoint:
    """The checkpoint with the best AP, of boxes or masks, in a folder of its own.

    best_eval.txt lies beside it.

    Args:
        folder: archive/ of the job.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> JobCheckpoint | None:
        """Return the best checkpoint, or None where none can be read."""
        found = checkpoints.load_newest(self.folder)
        return JobCheckpoint(self.folder, *found) if found else None

    def replace_if_better(
        self,
        detector: Detector,
        step: int,
        figures: dict[str, Any],
        state: dict[str, Any],
        *,
        metric: str = "bbox",
    ) -> bool:
        """Archive the detector's present weights if their AP beats the archived one.

        Weights that are not finite are never archived.

        Args:
            detector: Holds the weights.
            step: Updates made so far.
            figures: What the evaluation found, with "AP" (None counts as 0).
            state: What is saved beside the weights.
            metric: "bbox", or "segm" for the AP of masks.

        Returns:
            Whether the archive now holds these weights.

        Raises:
            ResourceError: See training.checkpoints.save.
        """
        archived = self.figures()
        own = _SCORES[metric]
        flat = _numbers(figures)
        score = float(flat.get(own, 0.0))
        if archived and score <= archived.get(own, 0.0):
            return (
                archived["global_step"] == step and archived.get(own, 0.0) == score
            )  # the same evaluation was made again
        tensors = {
            name: variable.numpy() for name, variable in published_variables(detector).items()
        }
        if not all(np.isfinite(value).all() for value in tensors.values()):
            _log.warning("the weights at step %d are not all finite: not archived", step)
            return False
        checkpoints.save(
            self.folder,
            step,
            {**tensors, "global_step": np.int64(step)},
            {**state, "metrics": figures},
            keep=1,
        )
        write_text(self.folder / _BEST, _best_eval(step, flat))
        return True

    def figures(self) -> dict[str, float]:
        """Return the numbers that evaluation found for the archived checkpoint.

        They stand in the checkpoint itself; best_eval.txt, for people, is written after it.

        Returns:
            The numbers by name, with global_step; empty when there is no checkpoint that can be
            read.
        """
        found = checkpoints.load_newest(self.folder)
        if found is None:
            return {}
        tensors, state = found
        numbers = _numbers(state["metrics"])
        known = {name: float(value) for name, value in numbers.items()}
        return {"AP": 0.0, **known, "global_step": float(tensors["global_step"])}

    def load_into(self, detector: Detector) -> dict[str, Any]:
        """Give the detector the archived weights.

        Args:
            detector: Gets the weights.

        Returns:
            The state saved with them.

        Raises:
            DataError: There is no archived checkpoint that can be read.
        """
        best = self.read()
        if best is None:
            raise DataError(
                f"{self.folder}: expected the best checkpoint of a training job, found none that "
                "can be read; train first"
            )
        for name, variable in published_variables(detector).items():
            variable.assign(best.tensors[name])
        return best.state


def _numbers(figures: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of an evaluation by name; those of masks begin with segm_."""
    named = {
        **figures,
        **{f"segm_{name}": value for name, value in figures.get("segm", {}).items()},
    }
    return {name: value for name, value in named.items() if isinstance(value, (int, float))}


def _best_eval(step: int, numbers: dict[str, float]) -> str:
    """Return the text of best_eval.txt: a line for each number, global_step and AP first."""
    rest = (f"{name} = {value}" for name, value in numbers.items() if name != "AP")
    return "\n".join([f"global_step = {step}", f"AP = {numbers.get('AP', 0.0)}", *rest]) + "\n"
