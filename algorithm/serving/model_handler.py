"""The inference handler that lies in a model folder, loaded by the platform's rules."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import inspect
import itertools
import os
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from algorithm.errors import DataError, JobError
from algorithm.serving.limits import LOAD_SECONDS

MODEL_NAME = "serve"  # what the platform's server calls a model by default
BASE_CLASS = "TfServingBaseService"
MODEL_PARTS = (
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
    "customize_service.py",
    "config.json",
    "index",
)
_load_numbers = itertools.count(1)


class _FrugalLoader(SourceFileLoader):
    """A loader of source that leaves no __pycache__ in the model folder, whose content is fixed."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Drop the byte code."""


def load_service(model_dir: str | os.PathLike[str], *, wait: bool = True) -> Any:
    """Load the handler of a model folder.

    Args:
        model_dir: The folder.
        wait: Whether to wait until its model is loaded, where it loads one in the background.
            Without it `health()` of such a service says when.

    Returns:
        Its service object, ready for `inference(data)`.

    Raises:
        DataError: Parts of the folder are missing, the handler does not define exactly one service,
            or it cannot be loaded or started.
    """
    folder = Path(model_dir)
    missing = [part for part in MODEL_PARTS if not (folder / part).is_file()]
    if missing:
        raise DataError(
            f"expected a model folder, {folder} lacks {', '.join(missing)}: "
            "give the directory `model` that a finished training job wrote"
        )
    path = folder / "customize_service.py"
    try:
        service = _only_service_class(_load_module(path), path)(MODEL_NAME, str(folder))
        if wait and hasattr(service, "wait_until_loaded"):
            service.wait_until_loaded(LOAD_SECONDS)
        return service
    except JobError:
        raise
    except Exception as error:  # the handler may be anybody's code
        raise DataError(
            f"the handler {path} cannot be started: {type(error).__name__}: {error}"
        ) from error


def _load_module(path: Path) -> ModuleType:
    """Load the handler as a module of its own name.

    So several model folders live side by side.
    """
    name = f"customize_service_{next(_load_numbers)}"
    loader = _FrugalLoader(name, str(path))
    spec = importlib.machinery.ModuleSpec(name, loader, origin=str(path))
    spec.has_location = True
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _only_service_class(module: ModuleType, path: Path) -> type:
    """Return the one class derived from the base class that nothing is derived from.

    Raises:
        DataError: There is none, or there are several.
    """
    base = getattr(module, BASE_CLASS, None)
    if not inspect.isclass(base):
        raise DataError(
            f"expected {path} to import {BASE_CLASS}, found no class of that name in it"
        )
    classes = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, base) and not member.__subclasses__()
    ]
    if len(classes) != 1 or classes[0] is base:
        found = ", ".join(member.__name__ for member in classes if member is not base) or "none"
        raise DataError(
            f"expected exactly one class derived from {BASE_CLASS} in {path}, found {found}"
        )
    return classes[0]
