"""What a job says when it is done: its figures, its size, and what can be done next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from algorithm.data import Dataset
from algorithm.evaluation.resampled import interval_in_words
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.outputs.run_folder import TRAINED_ON
from algorithm.storage import is_remote
from algorithm.training.log_forms.log_form import clock

_MOST_CLASSES = 20
FIGURES = ("AP", "AP50", "precision", "recall", "f1")


def closing_lines(
    hp: Hyperparameters,
    metrics: Mapping[str, Any],
    model: Path,
    dataset: Dataset,
    seconds: float,
    scratch: Path,
) -> list[str]:
    """Return the lines at the end of a job that left a model.

    Args:
        hp: The job's hyperparameters.
        metrics: The figures of the best checkpoint, as in metrics.json.
        model: The model folder.
        dataset: The job's data.
        seconds: What the job took, since this process began it.
        scratch: The job's folder for what is gone after it, such as pictures out of TFRecords.

    Returns:
        A table of figures, the size of the model, and the next commands with their paths.
    """
    size = sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
    known = metrics.get(TRAINED_ON)
    place = f"{hp.train_url.rstrip('/')}/model" if is_remote(hp.train_url) else str(model)
    head = f"finished in {clock(seconds)}: AP {shown(metrics['AP'])}{interval_in_words(metrics)}"
    return [
        f"{head}, AP50 {shown(metrics['AP50'])} on {metrics['images']} evaluation pictures"
        + f", {known} of which earlier jobs may have trained on" * bool(known),
        *_table(metrics),
        f"the model is in {place}, {size / 1e6:.1f} MB",
        *_next_commands(hp, model, _a_picture(dataset, scratch)),
    ]


def _table(metrics: Mapping[str, Any]) -> list[str]:
    """Return the figures of all classes and of each; the worst first where there are many."""
    classes = sorted(metrics["per_class"].items(), key=lambda each: each[1]["AP"] or 0.0)
    rows = [("all classes", metrics), *classes[:_MOST_CLASSES]]
    width = max(len(name) for name, _ in rows)
    lines = [f"{'':<{width}}  " + "  ".join(f"{name:>9}" for name in FIGURES)]
    lines += [
        f"{name:<{width}}  " + "  ".join(f"{shown(row[figure]):>9}" for figure in FIGURES)
        for name, row in rows
    ]
    if len(classes) > _MOST_CLASSES:
        lines.append(f"{len(classes) - _MOST_CLASSES} better classes are in metrics.json")
    return lines


def _a_picture(dataset: Dataset, scratch: Path) -> str:
    """Return an evaluation picture that stays, else a word for one."""
    path = Path(dataset.eval[0].path) if dataset.eval else scratch
    return str(path) if path.is_file() and not path.is_relative_to(scratch) else "PICTURES"


def _next_commands(hp: Hyperparameters, model: Path, images: str) -> Sequence[str]:
    """Return the commands that use the model, none where it lies in a store."""
    if is_remote(hp.train_url):
        return ()
    out = model.parent
    commands: tuple[tuple[str, dict[str, str]], ...] = (
        ("predict", {"images": images, "output": str(out / "predictions")}),
        ("serve", {}),
        ("assess", {"data_url": hp.data_url, "output": str(out / "assessment")}),
        ("export", {"format": "tflite", "output": str(out / "tflite")}),
    )
    return (
        "next:",
        *(
            f"  python -m algorithm {verb} "
            + " ".join(
                f"--{name}={shlex.quote(text)}"
                for name, text in {"model_dir": str(model), **more}.items()
            )
            for verb, more in commands
        ),
    )


def shown(value: float | None) -> str:
    """Return a figure as a person reads it, "-" for one that does not exist."""
    return "-" if value is None else f"{value:.3f}"
