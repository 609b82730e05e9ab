"""The size of the network's input, where image_size leaves it to the job."""

from __future__ import annotations

import logging
from typing import Any

from algorithm.data import Dataset
from algorithm.data.input_shape import best_shape
from algorithm.hyperparameters import Hyperparameters
from algorithm.models.zoo import PRESETS

_log = logging.getLogger("algorithm.jobs.job")
KEY = "image_size"  # in the state beside the weights


def input_size(
    hp: Hyperparameters, dataset: Dataset, trained: dict[str, Any] | None
) -> tuple[int, int]:
    """Return the size of the network's input, and say in the log where it was chosen.

    It is image_size where that is given; else the size at which the weights were trained, where a
    job goes on from its own or evaluates; else the shape of the training pictures at about the
    pixels of the model's square. Networks that learn from each other keep the square, so that
    teacher and student see the same.

    Args:
        hp: The job's hyperparameters.
        dataset: The job's data.
        trained: The state beside the weights that the job goes on from or evaluates, or None. An
            earlier version wrote no size into it, and trained at the square.

    Returns:
        (height, width) in pixels.
    """
    if hp.image_size:
        return hp.image_size
    side = PRESETS[hp.model_name].image_size
    if trained is not None:
        height, width = trained.get(KEY, (side, side))
        return height, width
    distils = hp.use_offline_kd or hp.use_online_kd or hp.export_teacher_model
    if distils or hp.mode == "eval" or not dataset.train:
        return side, side
    (height, width), gain = best_shape(dataset.train, side)
    if (height, width) != (side, side):
        _log.info(
            "image_size: %dx%d (height x width), the shape of the training pictures, shows them "
            "%.0f %% larger than %dx%d at about the same cost; image_size=%d in hparams takes the "
            "square",
            height,
            width,
            100 * (gain - 1),
            side,
            side,
            side,
        )
    return height, width
