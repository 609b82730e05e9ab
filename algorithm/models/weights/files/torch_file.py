"""The tensors of a PyTorch state dict, read without PyTorch and without running what a pickle asks.

A `.pth` is a pickle that describes tensors, and their numbers as raw bytes: in a zip (since PyTorch
1.6) or one after the other behind the pickle. The pickle may only name the few globals below, none
of which does anything here.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from algorithm.errors import DataError
from algorithm.models.weights.stored_tensors import StoredTensor

LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}
_REBUILD = {("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter")}
_LEGACY_PREAMBLE = 3  # pickles of the magic number, the protocol version and the machine's sizes


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype
    count: int


@dataclass(frozen=True)
class _Bytes:
    """The place of a storage's numbers."""

    path: Path
    offset: int


class _Global:
    """Stands for an admitted global: a call returns its arguments, nothing runs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        return arguments


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) in _REBUILD or (module == "torch" and name in _DTYPES):
            return _Global(name)
        raise pickle.UnpicklingError(
            f"it names {module}.{name}, which is not part of a plain state dict"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, _, count = pid[:5]
        return _Storage(str(key), np.dtype(_DTYPES[kind.name]), int(count))


def read_state_dict(path: Path) -> dict[str, StoredTensor]:
    """Read {key: tensor} in PyTorch's own layout.

    Raises:
        DataError: It is no state dict, or names globals that a state dict does not need.
    """
    try:
        if zipfile.is_zipfile(path):
            state, places = _read_zip(path)
        else:
            state, places = _read_legacy(path)
        state = state.get("state_dict", state)
        return {
            str(key): _tensor(value, places)
            for key, value in state.items()
            if isinstance(value, tuple)
        }
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        EOFError,
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RuntimeError,
    ) as error:
        raise DataError(
            f"weights {path}: expected a PyTorch state dict, found something else: {error}; "
            "fetch the file again or give another"
        ) from error


def _read_zip(path: Path) -> tuple[dict, dict[str, _Bytes]]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
        roots = [
            name.removesuffix("data.pkl")
            for name in archive.namelist()
            if name.endswith("/data.pkl")
        ]
        if len(roots) != 1:
            raise ValueError(f"{len(roots)} entries named data.pkl")
        root = roots[0]
        with archive.open(f"{root}data.pkl") as pickled:
            state = _InertUnpickler(pickled).load()
        places = {}
        for entry in archive.infolist():
            if entry.filename.startswith(f"{root}data/"):
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"{entry.filename} is compressed")
                places[entry.filename.removeprefix(f"{root}data/")] = _Bytes(
                    path, _start_of(entry, raw)
                )
    return state, places


def _start_of(entry: zipfile.ZipInfo, raw: BinaryIO) -> int:
    """Return the offset of an uncompressed entry.

    It lies behind the entry's 30-byte header, its name and its extra field.
    """
    raw.seek(entry.header_offset + 26)
    lengths = raw.read(4)
    return (
        entry.header_offset
        + 30
        + int.from_bytes(lengths[:2], "little")
        + int.from_bytes(lengths[2:], "little")
    )


def _read_legacy(path: Path) -> tuple[dict, dict[str, _Bytes]]:
    with path.open("rb") as raw:
        for _ in range(_LEGACY_PREAMBLE):
            _InertUnpickler(raw).load()
        unpickler = _StorageCollector(raw)
        state = unpickler.load()
        places = {}
        for key in _InertUnpickler(raw).load():
            storage = unpickler.storages[str(key)]
            count = int.from_bytes(raw.read(8), "little")
            if count != storage.count:
                raise ValueError(f"storage {key} has {count} numbers instead of {storage.count}")
            places[str(key)] = _Bytes(path, raw.tell())
            raw.seek(count * storage.dtype.itemsize, 1)
    return state, places


class _StorageCollector(_InertUnpickler):
    """Remembers storages: their type is in the pickle only, their bytes follow it untyped."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__(raw)
        self.storages: dict[str, _Storage] = {}

    def persistent_load(self, pid: Any) -> _Storage:
        storage = super().persistent_load(pid)
        self.storages[storage.key] = storage
        return storage


def _tensor(arguments: tuple[Any, ...], places: dict[str, _Bytes]) -> StoredTensor:
    """Return the tensor that a value of the state dict describes.

    A parameter is (tensor, requires_grad, hooks), a tensor (storage, offset, shape, strides).
    """
    if isinstance(arguments[0], tuple):
        arguments = arguments[0]
    storage, offset, shape, strides = arguments[:4]
    shape, strides = tuple(map(int, shape)), tuple(map(int, strides))
    reach = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if min((offset, *shape, *strides)) < 0 or (0 not in shape and reach >= storage.count):
        raise ValueError(f"a tensor of shape {shape} reaches outside its {storage.count} numbers")
    place = places[storage.key]
    if place.offset + storage.count * storage.dtype.itemsize > place.path.stat().st_size:
        raise ValueError(f"the file ends before the {storage.count} numbers at byte {place.offset}")
    return StoredTensor(shape, lambda: _numbers(place, storage, offset, shape, strides))


def _numbers(
    place: _Bytes, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> np.ndarray:
    try:
        flat = np.fromfile(place.path, storage.dtype, storage.count, offset=place.offset)
    except OSError as error:
        raise DataError(
            f"weights {place.path}: expected to read it, found {error.strerror}"
        ) from error
    steps = [stride * flat.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, steps).copy()
