"""A job that learns a few pictures by heart: mode=overfit_check."""

from __future__ import annotations

import dataclasses
import logging

from algorithm.data import Dataset
from algorithm.data.feeding.augmentation import Augmentation
from algorithm.data.feeding.pipeline import train_batches
from algorithm.errors import DataError
from algorithm.evaluation.evaluator import Evaluator
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.from_hyperparameters import loss_config, nms_config
from algorithm.models import Detector
from algorithm.training.optimizers import make_optimizer
from algorithm.training.overfit import LEARNING_RATE, choose_pictures, overfit
from algorithm.training.trainer import TrainConfig, Trainer

_log = logging.getLogger("algorithm.jobs.job")


def overfit_check(hp: Hyperparameters, detector: Detector, dataset: Dataset) -> None:
    """Learn a few training pictures by heart, and write no model.

    Args:
        hp: The job's hyperparameters.
        detector: Has its starting weights.
        dataset: The job's data.

    Raises:
        DataError: The pictures were not learned.
    """
    pictures = dataclasses.replace(dataset, eval=tuple(choose_pictures(dataset.train)))
    batch = next(
        iter(
            train_batches(
                pictures.eval,
                image_size=detector.image_size,
                batch_size=len(pictures.eval),
                seed=hp.seed,
                augmentation=Augmentation(flip=False, jitter=(1.0, 1.0)),
                masks=detector.masks,
            )
        )
    )
    trainer = Trainer(
        detector,
        make_optimizer("adam", LEARNING_RATE, hp.momentum),
        TrainConfig(loss_config(hp, dataset), weight_decay=0.0),
    )
    evaluator = Evaluator(
        detector, nms_config(hp), pictures, len(pictures.eval), batch_statistics=True
    )
    result = overfit(trainer, batch, lambda: evaluator.run()[0].metrics["AP50"])
    done = (
        f"AP50 {result.ap50:.3f} on {len(pictures.eval)} training pictures after {result.steps} "
        f"steps, {result.seconds:.0f} s"
    )
    masks = evaluator.run()[0].masks if detector.masks else None
    if masks:
        done += f"; masks: AP50 {masks.metrics['AP50'] or 0.0:.3f}"
    if not result.learned:
        raise DataError(
            f"overfit_check: expected the pictures to be learned by heart, found {done}; look "
            "whether the boxes lie on the objects (python -m algorithm data check), try a larger "
            "image_size if they are small"
        )
    _log.info("overfit_check passed: %s", done)
