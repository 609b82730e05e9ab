"""train_url is a job's own folder: anything else is refused before a byte is written there."""

from __future__ import annotations

from pathlib import Path

from algorithm import storage
from algorithm.errors import ArgumentError
from algorithm.storage.folder_ownership import FolderMaker, listed, names_in

# PICTURE_SUFFIXES of the readers, without their imports.
_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")
# A job leaves pictures in folders only: one at the top is of a dataset, whatever lies beside it.
_PICTURES = tuple(f"*{letters}" for ending in _ENDINGS for letters in (ending, ending.upper()))
JOB = FolderMaker(
    "train",
    ("job.json", "checkpoint", "folds.json"),
    (
        *("archive", "model", "eval", "data_report", "plots", "split.json"),
        *("cleaning_report.*", "graph.pbtxt", "metrics.json", "platform_metrics.json"),
        *("failure.json", "mirror.json", "model.ckpt-*", "events.out.tfevents.*", "fold_*"),
    ),
    _PICTURES,
)


def refusal_of_train_url(train_url: str, data_url: str) -> ArgumentError | None:
    """Return why a job may not write into train_url, None where it may.

    A folder that an earlier job left or began is its own, wherever it lies, and so is an empty one
    or one with logs alone, as the platform makes it.

    Args:
        train_url: A local folder or a URL, which need not exist.
        data_url: The dataset, "" where it is not known.

    Raises:
        StorageError: The store does not tell what is there.
    """
    if not storage.is_remote(train_url) and not storage.local_path(train_url).is_dir():
        names: list[str] = []  # a file in the way is told where the folder is to be made
    else:
        names = names_in(train_url)
    strangers = JOB.strangers(names)
    if strangers:
        return ArgumentError(
            "train_url: expected a new or an empty folder, or that of an earlier job, found "
            f"{train_url} with {listed(strangers)}, which no job made; give a new folder"
        )
    if set(JOB.marks) & set(names) or not data_url:
        return None
    relation = _relation(train_url, data_url)
    if not relation:
        return None
    return ArgumentError(
        f"train_url: expected a folder outside the dataset, found {train_url}, which {relation} "
        f"data_url {data_url}: what a job leaves would lie among its pictures; give another folder"
    )


def _relation(train_url: str, data_url: str) -> str:
    """Return "is", "lies inside" or "holds", "" where the two are apart.

    A dataset that is a file, or a pattern of files, has no folder to itself.
    """
    if storage.is_remote(train_url) != storage.is_remote(data_url):
        return ""
    if storage.is_remote(train_url):
        out, data = (f"{url.rstrip('/')}/" for url in (train_url, data_url))
        inside, holds = out.startswith(data), data.startswith(out)
    else:
        folder = storage.local_path(data_url)
        if not folder.is_dir():
            return ""
        place, folder = storage.local_path(train_url).resolve(), folder.resolve()
        inside, holds = _is_in(place, folder), _is_in(folder, place)
    if inside and holds:
        return "is"
    return "lies inside" if inside else "holds" if holds else ""


def _is_in(place: Path, folder: Path) -> bool:
    return place == folder or folder in place.parents
