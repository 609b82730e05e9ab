"""What can be known of a command's places and packages in a second, before TensorFlow starts.

What is asked here is asked again, with more care, where it is used.
"""

from __future__ import annotations

from pathlib import Path

from algorithm import storage
from algorithm.errors import DataError
from algorithm.extras import require_for_file
from algorithm.hyperparameters import Hyperparameters


def check_model_folder(model_dir: str) -> None:
    """Check that a local folder is a model folder by its first file.

    Raises:
        DataError: It is none.
    """
    folder = storage.local_path(model_dir)
    if storage.is_remote(model_dir) or (folder / "saved_model.pb").is_file():
        return
    inner = folder / "model"
    hint = f"; give {inner}" if (inner / "saved_model.pb").is_file() else ""
    raise DataError(
        f"--model_dir: expected a model folder, found no saved_model.pb in {folder}"
        + (hint or ": give the folder `model` that a finished training job wrote")
    )


def check_exported(model_dir: str) -> None:
    """Check that there is a file or folder at a local path, and its runtime.

    Raises:
        DataError: There is nothing.
        ArgumentError: Its runtime is not installed.
    """
    path = Path(model_dir)
    if not path.exists():
        raise DataError(
            f"--model_dir: expected a model folder or an exported file at {path}, found nothing; "
            "check the path"
        )
    require_for_file(path)


def check_new_folder(output: str) -> None:
    """Check that a local output folder is new or empty.

    Raises:
        DataError: It holds something, or is a file.
    """
    path = Path(output)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise DataError(
            f"output {path}: expected a new or an empty folder, found files; give another one"
        )


def check_weights_file(path: str, named: str) -> None:
    """Check that there is something at a local path of weights, or a checkpoint with that prefix.

    Args:
        path: The path.
        named: What it was given as, for the message.

    Raises:
        DataError: There is nothing.
    """
    if storage.is_remote(path):
        return
    place = storage.local_path(path)
    if place.exists() or any(place.parent.glob(f"{place.name}.index")):
        return
    words = (
        "; it is auto (look for published weights), none (start from scratch), or a path"
        if path.lower() in ("true", "false", "yes", "no", "imagenet", "coco")
        else "; check the path"
    )
    raise DataError(f"{named}: expected weights at {path}, found nothing there{words}")


def check_start(hp: Hyperparameters) -> None:
    """Check that a training job has weights to start from; fetch them where they are published.

    A job that goes on in train_url, or evaluates what is there, needs none.

    Args:
        hp: The job's hyperparameters.

    Raises:
        DataError: There are none, or there is no teacher; the message says what can be done.
    """
    if hp.teacher_model_url and not storage.is_remote(hp.teacher_model_url):
        teacher = storage.local_path(hp.teacher_model_url)
        if not teacher.is_dir():
            raise DataError(
                "teacher_model_url: expected the model folder of a teacher's job, found nothing at "
                f"{teacher}; check the path"
            )
    if storage.is_remote(hp.train_url) or hp.pretrained == "none":
        return
    folder = storage.local_path(hp.train_url)
    if (folder / "checkpoint").is_file() or (folder / "archive").is_dir():
        return
    if hp.pretrained != "auto":
        check_weights_file(hp.pretrained, "--pretrained")
        return
    from algorithm.models.weights import find_pretrained
    from algorithm.models.weights.warm_start import find_start

    if find_pretrained(hp.model_name) is None:
        find_start(hp, folder)
