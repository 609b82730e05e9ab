"""The best checkpoint of a job: archive/, and when another one takes its place."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.errors import DataError
from algorithm.jobs.outputs.resumable_checkpoint import JobCheckpoint
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

    Where no AP can be measured, because the evaluation pictures have no box, it is the newest one.

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

        A defined AP beats an undefined one. Of two undefined ones the newer weights are taken.
        Weights that are not finite are never archived.

        Args:
            detector: Holds the weights.
            step: Updates made so far.
            figures: What the evaluation found, with "AP", None where it is undefined.
            state: What is saved beside the weights.
            metric: "bbox", or "segm" for the AP of masks.

        Returns:
            Whether the archive now holds these weights.

        Raises:
            ResourceError: See training.checkpoints.save.
        """
        own, archived, score = (
            _SCORES[metric],
            self.figures(),
            figures_of(figures, metric).get("AP"),
        )
        if archived and not _better(score, step, archived.get(own), archived["global_step"]):
            return (
                archived["global_step"] == step and archived.get(own) == score
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
        write_text(self.folder / _BEST, _best_eval(step, figures))
        return True

    def figures(self) -> dict[str, float | None]:
        """Return the numbers that evaluation found for the archived checkpoint.

        They stand in the checkpoint itself; best_eval.txt, for people, is written after it.

        Returns:
            The numbers by name, with global_step, and AP, None where it is undefined; empty when
            there is no checkpoint that can be read.
        """
        found = checkpoints.load_newest(self.folder)
        if found is None:
            return {}
        tensors, state = found
        known = {name: float(value) for name, value in _numbers(state["metrics"]).items()}
        return {
            **known,
            "AP": state["metrics"]["AP"],
            "global_step": float(tensors["global_step"]),
        }

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


def figures_of(figures: dict[str, Any], metric: str) -> dict[str, Any]:
    """Return those of an evaluation's figures that are of boxes ("bbox") or masks ("segm")."""
    return figures.get("segm", {}) if metric == "segm" else figures


def _better(score: float | None, step: int, before: float | None, at: float | None) -> bool:
    if score is None:
        return before is None and step > (at or 0.0)
    return before is None or score > before


def _numbers(figures: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of an evaluation by name; those of masks begin with segm_."""
    masks = {f"segm_{name}": value for name, value in figures.get("segm", {}).items()}
    named = {**figures, **masks}
    return {name: value for name, value in named.items() if isinstance(value, (int, float))}


def _best_eval(step: int, figures: dict[str, Any]) -> str:
    """Return the text of best_eval.txt: a line for each number, global_step and AP first."""
    rest = (f"{name} = {value}" for name, value in _numbers(figures).items() if name != "AP")
    shown = "undefined" if figures["AP"] is None else figures["AP"]
    return "\n".join([f"global_step = {step}", f"AP = {shown}", *rest]) + "\n"
