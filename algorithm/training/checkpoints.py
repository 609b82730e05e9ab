"""Checkpoints under the published variable names, written whole or not at all.

A checkpoint is a TensorFlow bundle `model.ckpt-N.{index,data-00000-of-00001}`; the text file
`checkpoint` beside it names the newest last and is what readers trust. Bundles are written in a
hidden folder and renamed, data first, index next, `checkpoint` last, so a job killed at any moment
leaves only complete checkpoints behind.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from algorithm.errors import ResourceError, first_line
from algorithm.storage.atomic_files import write_text

_PREFIX = "model.ckpt"
_PARTS = (".data-00000-of-00001", ".index")
_STATE = "training_state"
_log = logging.getLogger(__name__)

# The errors that TensorFlow raises for a bundle that is missing, truncated or damaged.
_BROKEN = (tf.errors.OpError, ValueError, RuntimeError, LookupError)


def steps_in(folder: Path) -> list[int]:
    """Return the steps of the complete checkpoints that a folder's `checkpoint` file names.

    Args:
        folder: Where the checkpoints lie.

    Returns:
        The steps, oldest first. A listed checkpoint that lacks a file is left out.
    """
    return [step for step in _listed(folder) if not _missing(folder, step)]


def _listed(folder: Path) -> list[int]:
    listing = folder / "checkpoint"
    if not listing.is_file():
        return []
    named = re.findall(
        r'all_model_checkpoint_paths: "model\.ckpt-(\d+)"',
        listing.read_text(encoding="utf-8", errors="replace"),
    )
    return [int(step) for step in named]


def _missing(folder: Path, step: int) -> list[str]:
    return [
        f"{_PREFIX}-{step}{part}"
        for part in _PARTS
        if not (folder / f"{_PREFIX}-{step}{part}").is_file()
    ]


def save(
    folder: Path, step: int, tensors: dict[str, Any], state: dict[str, Any], keep: int
) -> Path:
    """Write a checkpoint `model.ckpt-step` and drop all but the newest ones.

    Args:
        folder: Where the checkpoint goes; it is made where it is missing.
        step: Updates made so far; the number in the name.
        tensors: Tensors by name.
        state: What is saved beside the tensors, as JSON can hold it.
        keep: How many checkpoints stay, the new one included.

    Returns:
        The prefix of the checkpoint's files.

    Raises:
        ResourceError: The disk is full or fails. The checkpoints already there stay as they were.
    """
    prefix = folder / f"{_PREFIX}-{step}"
    staging = _staging(folder, step)
    contents = {
        **{name: tf.convert_to_tensor(value) for name, value in tensors.items()},
        _STATE: tf.constant(json.dumps(state)),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _finish_renaming(folder, step)
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        _write_bundle(staging / prefix.name, contents)
        for part in _PARTS:
            (staging / (prefix.name + part)).replace(f"{prefix}{part}")
        kept = (
            [known for known in steps_in(folder) if known != step][-(keep - 1) :]
            if keep > 1
            else []
        )
        _list(folder, [*kept, step])
    except (tf.errors.OpError, OSError) as error:
        raise ResourceError(f"checkpoint {prefix}: {_space(folder, contents, error)}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return prefix


def _staging(folder: Path, step: int) -> Path:
    return folder / f".{_PREFIX}-{step}.part"


def _finish_renaming(folder: Path, step: int) -> None:
    """End what a job killed between the two renames began.

    Its data file is in place, its index is not.
    """
    data, index = (_staging(folder, step) / f"{_PREFIX}-{step}{part}" for part in _PARTS)
    if index.is_file() and not data.exists():
        index.replace(folder / index.name)


def _space(folder: Path, contents: dict[str, tf.Tensor], error: Exception) -> str:
    needed = sum(
        each.shape.num_elements() * each.dtype.size
        for each in contents.values()
        if each.dtype != tf.string
    )
    free = shutil.disk_usage(folder).free if folder.is_dir() else 0
    fix = "look at the disk" if os.strerror(errno.EIO) in str(error) else "free some space"
    return (
        f"expected to write {needed} bytes, found {free} bytes free and an error "
        f"({first_line(error)}); {fix} or give another train_url"
    )


def _write_bundle(prefix: Path, tensors: dict[str, tf.Tensor]) -> None:
    names = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tensors[name] for name in names],
    )
    for part in _PARTS:  # a rename may reach the disk before the bytes do
        with Path(f"{prefix}{part}").open("rb") as file:
            os.fsync(file.fileno())


def _list(folder: Path, steps: list[int]) -> None:
    lines = [f'model_checkpoint_path: "{_PREFIX}-{steps[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{_PREFIX}-{step}"' for step in steps]
    write_text(folder / "checkpoint", "\n".join(lines) + "\n")
    for file in folder.glob(f"{_PREFIX}-*"):
        match = re.fullmatch(rf"{re.escape(_PREFIX)}-(\d+)\..*", file.name)
        if match and int(match[1]) not in steps:
            file.unlink()


def files_of_newest(folder: Path) -> list[str]:
    """Return the names of the files that make up the newest readable checkpoint.

    Args:
        folder: Where the checkpoints lie.

    Returns:
        The names, with that of the list `checkpoint`; empty when no checkpoint can be read.
    """
    for step in reversed(_listed(folder)):
        try:
            load(folder, step)
        except _BROKEN:
            continue
        return [*(f"{_PREFIX}-{step}{part}" for part in _PARTS), "checkpoint"]
    return []


def load(folder: Path, step: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read one checkpoint.

    Args:
        folder: Where the checkpoint lies.
        step: The number in its name.

    Returns:
        All tensors by name, and the state saved with them.

    Raises:
        tf.errors.OpError, ValueError, RuntimeError, LookupError: A file is missing or damaged.
            TensorFlow checks a sum of each tensor and of each block of the index.
    """
    _finish_renaming(folder, step)
    reader = tf.train.load_checkpoint(str(folder / f"{_PREFIX}-{step}"))
    tensors = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    return tensors, json.loads(tensors.pop(_STATE))


def state_at(path: Path) -> dict[str, Any] | None:
    """Return what a job saved beside the weights at a path.

    Args:
        path: The folder of a checkpoint, or its prefix.

    Returns:
        The state; None where no job wrote these weights, or nothing can be read.
    """
    try:
        return json.loads(tf.train.load_checkpoint(str(path)).get_tensor(_STATE))
    except _BROKEN:
        return None


def load_newest(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Read the newest checkpoint that can be read.

    A damaged checkpoint is named in the log, and the one before it is tried.

    Args:
        folder: Where the checkpoints lie.

    Returns:
        Tensors by name and the state, or None when there is no checkpoint that can be read.
    """
    for step in reversed(_listed(folder)):
        try:
            if missing := _missing(folder, step):
                raise ValueError(f"{' and '.join(missing)} missing")
            return load(folder, step)
        except _BROKEN as error:
            _log.warning(
                "checkpoint %s/%s-%d is damaged (%s); trying the one before",
                folder,
                _PREFIX,
                step,
                first_line(error),
            )
    return None
