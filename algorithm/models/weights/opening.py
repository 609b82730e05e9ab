"""The opening of a file or folder of weights, recognised by its content."""

from __future__ import annotations

import dataclasses
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5py

from algorithm.errors import DataError
from algorithm.models.weights.files.archive import extract, is_tar
from algorithm.models.weights.files.keras_h5 import read_keras_h5
from algorithm.models.weights.files.label_names import label_names_beside
from algorithm.models.weights.files.tensorflow_bundle import read_bundle
from algorithm.models.weights.files.torch_backbone import read_torch_backbone
from algorithm.models.weights.files.torch_file import LEGACY_MAGIC
from algorithm.models.weights.stored_tensors import WeightSource

_KINDS = (
    "a checkpoint (its folder or its prefix), a .tar.gz of one, a Keras .h5 or a classifier's .pth"
)
_NEWEST = re.compile(r'^model_checkpoint_path: "(.+)"', re.MULTILINE)


@contextmanager
def open_weights(path: str | os.PathLike[str]) -> Iterator[WeightSource]:
    """Open weights for reading inside the `with`; temporary copies are removed after it.

    Args:
        path: A checkpoint's folder, its prefix or one of its files, a tar archive of one, a Keras
            `.h5` or a PyTorch `.pth`.

    Yields:
        The weights.

    Raises:
        DataError: There is nothing, nothing that is recognised, or it is damaged.
    """
    with ExitStack() as resources:
        source = _open(Path(path), resources)
        if not source.tensors:
            raise DataError(
                f"weights {path}: expected an EfficientDet, a RetinaNet or a backbone of one, "
                f"found a {source.kind} with no variable of either; give another file"
            )
        yield dataclasses.replace(source, path=str(path))


def _open(path: Path, resources: ExitStack) -> WeightSource:
    prefix = re.sub(r"\.(index|data-\d+-of-\d+|meta)$", "", str(path))
    if Path(f"{prefix}.index").is_file():
        return dataclasses.replace(read_bundle(prefix), label_names=label_names_beside(path.parent))
    if path.is_dir():
        return _open(_inside(path), resources)
    if not path.is_file():
        raise DataError(f"weights {path}: expected {_KINDS}, found nothing there; check the path")
    if is_tar(path):
        return _open(extract(path, resources), resources)
    if h5py.is_hdf5(path):
        source = read_keras_h5(_open_h5(path, resources), str(path))
        return dataclasses.replace(source, label_names=label_names_beside(path.parent))
    if zipfile.is_zipfile(path) or _starts_with(path, LEGACY_MAGIC):
        return read_torch_backbone(path)
    raise DataError(
        f"weights {path}: expected {_KINDS}, found a file that is none of them; check the path"
    )


def _inside(folder: Path) -> Path:
    """Return what the file `checkpoint` names.

    Without that file it is the only weight file, else the only subfolder.
    """
    listing = folder / "checkpoint"
    named = (
        _NEWEST.search(listing.read_text(encoding="utf-8", errors="replace"))
        if listing.is_file()
        else None
    )
    if named:
        return (
            folder / Path(named[1]).name
        )  # an absolute path there belongs to the machine that wrote it
    for pattern in ("*.index", "*.h5", "*.pth"):
        found = sorted(folder.glob(pattern))
        if len(found) == 1:
            return found[0]
    subfolders = sorted(each for each in folder.iterdir() if each.is_dir())
    if len(subfolders) == 1 and len(list(folder.iterdir())) == 1:
        return subfolders[0]
    names = ", ".join(sorted(each.name for each in folder.iterdir())[:8]) or "nothing"
    way_on = (
        "this is a model folder, which holds none; give the folder archive beside it"
        if (folder / "saved_model.pb").is_file()
        else "name the file itself"
    )
    raise DataError(f"weights {folder}: expected {_KINDS} in the folder, found {names}; {way_on}")


def _open_h5(path: Path, resources: ExitStack) -> h5py.File:
    try:
        return resources.enter_context(h5py.File(path, "r"))
    except OSError as error:
        raise DataError(
            f"weights {path}: expected a whole .h5 file, found a damaged one ({error}); "
            "fetch it again"
        ) from error


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic
