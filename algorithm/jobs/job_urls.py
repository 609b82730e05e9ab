"""data_url and train_url, checked before anything slow starts. Imports no TensorFlow."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

from algorithm import storage
from algorithm.errors import DataError, StorageError
from algorithm.modelarts.environment import on_platform
from algorithm.storage.atomic_files import FULL, write_text
from algorithm.storage.location import OBJECT_SCHEMES, join, scheme_of

_PROBE = ".writable"


def check_data_url(url: str) -> None:
    """Check that there is something at data_url. What it is, its reader says later.

    Args:
        url: A local path, a pattern of TFRecords, or a URL. gs:// is left to its reader, as its
            client is TensorFlow's.

    Raises:
        DataError: Nothing is at a local path, or an empty folder.
        StorageError: Nothing is at a URL, or the store or the disk does not let it be read.
    """
    if storage.is_remote(url):
        if scheme_of(url) in OBJECT_SCHEMES and not storage.exists(url):
            raise StorageError(
                f"data_url: expected an object or a folder at {url}, found nothing; check the "
                "bucket and the key"
            )
        return
    path = storage.local_path(url)
    try:
        if path.is_dir():
            if not any(path.iterdir()):
                raise DataError(
                    f"data_url: expected a dataset, found the empty folder {path}; check the path"
                )
        elif not path.exists() and not _is_pattern_of_files(path):
            raise DataError(
                f"data_url: expected a dataset, found nothing at {path}; check the path (the "
                f"nearest folder that exists is {_nearest_folder(path)})"
            )
    except PermissionError as error:
        raise StorageError(
            f"data_url: expected a dataset that can be read, found {path} ({error.strerror}); "
            "change its permissions"
        ) from error


def check_train_url(url: str) -> None:
    """Check that train_url can be written, by writing and removing a small file.

    Args:
        url: A local folder, made where it is missing, or a URL. gs:// is left to the job.

    Raises:
        StorageError: It cannot be written.
    """
    if not storage.is_remote(url):
        check_writable(storage.local_path(url))
    elif scheme_of(url) in OBJECT_SCHEMES:
        probe = join(url, _PROBE)
        storage.write_bytes(probe, b"")
        storage.remove(probe)


def check_writable(folder: Path) -> None:
    """Make a local train_url and check that it can be written.

    Raises:
        StorageError: It cannot be written.
        OSError: The disk is full or fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / _PROBE, "")
        (folder / _PROBE).unlink()
    except OSError as error:
        if error.errno in (*FULL, errno.EIO):  # it is the disk, whatever the permissions
            raise
        raise StorageError(
            f"train_url: expected a folder that can be written, found {folder} "
            f"({error.strerror}); give another train_url or change its permissions"
        ) from error


def fresh_start_advice(train_url: str, environment: Mapping[str, str]) -> str:
    """Return what to say where a job of the platform finds no checkpoint in a local train_url.

    The platform does not tell a job whether it was started before, so this is said at every such
    start. A remote train_url needs no option: the job itself brings its checkpoints back.

    Returns:
        A line for the log, "" where there is nothing to say.
    """
    if storage.is_remote(train_url) or not on_platform(environment):
        return ""
    folder = storage.local_path(train_url)
    if any((folder / name).is_file() for name in ("checkpoint", "folds.json")):
        return ""
    return (
        f"train_url {folder} holds no checkpoint: training begins at the first step. If this job "
        "ran before and was to go on, set Predownload (预下载至本地目录) of its output train_url "
        "to Yes and start it again: the platform then brings the checkpoints back first"
    )


def _is_pattern_of_files(path: Path) -> bool:
    if not set("*?[") & set(path.name):
        return False
    return any(Path(path.anchor).glob(str(path.relative_to(path.anchor))))


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in path.absolute().parents if folder.is_dir())
