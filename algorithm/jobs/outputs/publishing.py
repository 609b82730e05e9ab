"""The handover at the end of a job: the model folder, result files, the assessment."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from algorithm.data import Dataset
from algorithm.data.split_record import FILE as SPLIT
from algorithm.distillation.teacher_file import FOLDER, freeze_graph
from algorithm.errors import DivergenceError, ResourceError, first_line
from algorithm.export import export_saved_model, package_model
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.from_hyperparameters import nms_config
from algorithm.jobs.outputs.job_plots import write_plots
from algorithm.jobs.outputs.run_folder import TRAINED_ON, RunFolder
from algorithm.modelarts.environment import Workspace
from algorithm.modelarts.metrics_object import ClassScores, metrics_object
from algorithm.models import Detector
from algorithm.storage import stage_out
from algorithm.storage.atomic_files import write_json

_log = logging.getLogger("algorithm.jobs.job")


def hand_over(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    run_folder: RunFolder,
    workspace: Workspace,
    stopped_early: bool,
) -> dict[str, Any]:
    """End a job: publish the best checkpoint, draw the plots, note that it is finished.

    Args:
        hp: The job's hyperparameters.
        detector: Gets the weights of the best checkpoint.
        dataset: The job's data.
        run_folder: Holds the best checkpoint; gets the model folder, plots and metrics.json.
        workspace: Gets temporary files.
        stopped_early: Whether training ended before its plan did.

    Returns:
        The figures of the best checkpoint, as in metrics.json.

    Raises:
        DivergenceError: No evaluation had finite weights, or see publish.
        ResourceError: See publish.
    """
    if run_folder.best.read() is None:
        raise DivergenceError(
            "training: expected finite weights at one evaluation at least, found none; lower "
            "learning_rate (in hparams) and give a new train_url"
        )
    metrics = run_folder.best.load_into(detector)["metrics"]
    known = run_folder.known_before()
    if known is not None:
        metrics = {**metrics, TRAINED_ON: known}
    _log.info("exporting the best checkpoint ...")
    publish(hp, detector, dataset, metrics, run_folder, workspace)
    write_plots(hp, detector, dataset, run_folder)
    run_folder.finished(hp, metrics, stopped_early)
    if stopped_early:
        _log.info("%s", run_folder.on_from_here(hp))
    if metrics["AP"] is None:
        _log.warning("%s", outcome(metrics))
    return metrics


def publish(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    metrics: dict[str, Any],
    run_folder: RunFolder,
    workspace: Workspace,
) -> None:
    """Export the detector as a model folder, and save the results.

    Args:
        hp: The job's hyperparameters.
        detector: Holds the best checkpoint.
        dataset: The job's data.
        metrics: The figures of the best checkpoint, as in metrics.json.
        run_folder: Gets the model folder.
        workspace: Gets temporary files.

    Raises:
        DivergenceError: The model gives numbers that are not finite.
        ResourceError: There is no room for the model.
    """
    folder = workspace.work / "saved_model"
    try:
        saved = export_saved_model(detector, folder, nms_config(hp))
    except tf.errors.InvalidArgumentError as error:
        raise DivergenceError(
            "export: expected finite answers of the trained model, found others at "
            f"{_reason(error)}; lower learning_rate (in hparams) and give a new train_url"
        ) from error
    except tf.errors.ResourceExhaustedError as error:
        raise ResourceError(
            f"export {folder}: expected room for the model, found {_reason(error)}, "
            f"{shutil.disk_usage(workspace.root).free} bytes free; free some space there"
        ) from error
    if hp.export_teacher_model:
        freeze_graph(detector, folder / FOLDER, dataset.label_names)
        _log.info("teacher: %s", run_folder.model / FOLDER)
    package_model(
        saved,
        run_folder.model,
        label_names=dataset.label_names,
        metrics=model_metrics(metrics),
        beside=(FOLDER,) if hp.export_teacher_model else (),
        split=run_folder.folder / SPLIT,
        bit_depth=hp.bit_depth,
    )
    save_results(
        hp,
        metrics,
        workspace,
        lambda folder: _assess(hp, dataset, detector.image_size, run_folder.model, folder),
    )


def outcome(metrics: dict[str, Any]) -> str:
    """Return in words which weights a job publishes."""
    if metrics["AP"] is None:
        return (
            "AP is undefined, as the EVAL pictures have no box, so that the newest weights are "
            "taken"
        )
    return f"best AP {metrics['AP']}"


def model_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    """Return the figures of config.json; none where the evaluation pictures have no box."""
    if metrics["AP50"] is None:
        return {}
    return {
        "precision": metrics["precision"],
        "recall": metrics["recall"],
        "f1": metrics["f1"],
        "accuracy": metrics["AP50"],
    }


def _reason(error: tf.errors.OpError) -> str:
    return first_line(error)


def save_results(
    hp: Hyperparameters,
    metrics: dict[str, Any],
    workspace: Workspace,
    assess: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Write the results into deps_save_path if the job was given one.

    These are metrics.json, the platform's own metrics object, and what `assess` adds.

    Args:
        hp: The job's hyperparameters.
        metrics: The figures, as in metrics.json.
        workspace: Gets temporary files.
        assess: Writes further files into the folder it is given.
    """
    if not hp.deps_save_path:
        return
    folder = workspace.work / "results"
    classes = [
        ClassScores(name, index, row["precision"], row["recall"], row["f1"])
        for index, (name, row) in enumerate(metrics["per_class"].items())
    ]
    for name, content in (
        ("metrics.json", metrics),
        ("platform_metrics.json", metrics_object(classes, accuracy=metrics["AP50"])),
    ):
        write_json(folder / name, content)
    assess(folder)
    stage_out(folder, hp.deps_save_path)


def _assess(
    hp: Hyperparameters, dataset: Dataset, size: tuple[int, int], model: Path, folder: Path
) -> None:
    """Write the assessment of the model folder, and the next job's hyperparameters."""
    from algorithm.assessment.assessment import (
        assess_samples,  # it brings a plotting library, so it is imported only where needed
    )

    assess_samples(
        model,
        dataset.eval,
        dataset.label_names,
        folder,
        values=hp.as_dict(),
        input_sizes={hp.model_name: size},
        data=dataset.name,
    )
