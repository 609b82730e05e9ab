"""The search for weights that are already on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import algorithm
from algorithm.errors import ArgumentError
from algorithm.models.weights.catalogue import (
    DEFAULT_FAMILIES,
    PublishedFile,
    published_for,
    start_names,
)
from algorithm.models.zoo import PRESETS

CACHE_VARIABLE = "EFFICIENTDET_CACHE"
# Names that people give a file after what it holds.
_PLAIN_ENDINGS = ("", ".tar.gz", ".tgz", ".h5", ".pth")


@dataclass(frozen=True)
class LocalWeights:
    """Weights that were found.

    Attributes:
        scope: The widest they can fill a new detector in.
        where: In words, for the log.
    """

    path: Path
    scope: str
    where: str


def cache_dir() -> Path:
    """Return where downloads are kept: $EFFICIENTDET_CACHE, else ~/.cache/efficientdet."""
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "efficientdet")


def default_search_dirs() -> tuple[Path, ...]:
    """Return `pretrained/` beside the package, `pretrained/` inside it, then the cache."""
    package = Path(algorithm.__file__).parent
    return package.parent / "pretrained", package / "pretrained", cache_dir()


def find_pretrained(
    model_name: str, search_dirs: Sequence[str | os.PathLike[str]] | None = None
) -> LocalWeights | None:
    """Find the best weights at hand for a model.

    In this order: a detector (its own, then one that has all of its variables) in one of the
    folders, in their order; a backbone in one of them; a backbone in an installed package. A folder
    is searched for the model's (backbone's) name, plain or with an archive's ending, and for the
    published files by their own place in the cache.

    Args:
        model_name: A row of the table of models.
        search_dirs: The folders; None means `default_search_dirs`.

    Returns:
        The weights, or None.

    Raises:
        ArgumentError: An unknown model.
    """
    if model_name not in PRESETS:
        raise ArgumentError(
            f"model_name: {model_name!r} is not a known model; choose one of {', '.join(PRESETS)}"
        )
    folders = [
        Path(folder) for folder in (default_search_dirs() if search_dirs is None else search_dirs)
    ]
    wanted = [each for each in published_for(model_name) if each.family in DEFAULT_FAMILIES]
    *detectors, backbone = start_names(model_name)
    for name, scope in (*((name, "detection") for name in detectors), (backbone, "classification")):
        files = [each for each in wanted if each.name == name]
        for folder in folders:
            found = _in_folder(folder, name, files)
            if found:
                return LocalWeights(found, scope, f"in {folder}")
    return next(
        (
            LocalWeights(path, "classification", f"from the installed package {each.package}")
            for each in wanted
            if (path := packaged_file(each))
        ),
        None,
    )


def local_copy(published: PublishedFile, search_dirs: Sequence[Path] | None = None) -> Path | None:
    """Return where a published file is present under its own name, or None."""
    folders = default_search_dirs() if search_dirs is None else search_dirs
    places = [Path(folder) / published.file_name for folder in folders]
    return next((place for place in places if place.is_file()), None) or packaged_file(published)


def packaged_file(published: PublishedFile) -> Path | None:
    """Return the `.pth` of an installed package, found through its record, or None.

    None of the package's code runs.
    """
    if not published.package:
        return None
    try:
        files = metadata.files(published.package) or []
    except metadata.PackageNotFoundError:
        return None
    paths = [Path(file.locate()) for file in files if file.suffix == ".pth"]
    return next((path for path in paths if path.is_file()), None)


def _in_folder(folder: Path, name: str, files: Sequence[PublishedFile]) -> Path | None:
    plain = [folder / f"{name}{ending}" for ending in _PLAIN_ENDINGS]
    return next(
        (
            place
            for place in (*plain, *(folder / each.file_name for each in files))
            if place.exists()
        ),
        None,
    )
