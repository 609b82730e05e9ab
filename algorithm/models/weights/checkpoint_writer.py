"""The writer of weights as a checkpoint with the published names, which every tool reads."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from algorithm.errors import ArgumentError, StorageError, first_line
from algorithm.modelarts.model_index import NAMES

_PREFIX = "model"


def write_checkpoint(
    tensors: Mapping[str, np.ndarray],
    output: str | os.PathLike[str],
    label_names: Sequence[str] | None = None,
) -> Path:
    """Write a checkpoint folder; it appears complete or not at all.

    Args:
        tensors: By published name.
        output: The new folder.
        label_names: Class names, written as label_map.json where given.

    Returns:
        The folder, with `checkpoint`, `model.index` and `model.data-00000-of-00001`.

    Raises:
        ArgumentError: Something is there already.
        StorageError: It cannot be written.
    """
    target = Path(output)
    if target.exists():
        raise ArgumentError(
            f"output {target}: expected nothing there yet, found something; name another folder"
        )
    staged = target.with_name(f".{target.name}.part")
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        names = sorted(tensors)
        tf.raw_ops.SaveV2(
            prefix=str(staged / _PREFIX),
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tf.convert_to_tensor(tensors[name]) for name in names],
        )
        (staged / "checkpoint").write_text(
            f'model_checkpoint_path: "{_PREFIX}"\n', encoding="utf-8"
        )
        if label_names:
            content = json.dumps({NAMES: list(label_names)}, ensure_ascii=False)
            (staged / "label_map.json").write_text(content, encoding="utf-8")
        staged.replace(target)
    except (OSError, tf.errors.OpError) as error:
        raise StorageError(
            f"output {target}: expected to write it, found {first_line(error)}; "
            "check the folder and the disk"
        ) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return target
