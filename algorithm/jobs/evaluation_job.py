"""A job that only evaluates: mode=eval."""

from __future__ import annotations

import logging

from algorithm.data import Dataset
from algorithm.errors import DataError
from algorithm.evaluation.evaluator import Evaluator
from algorithm.evaluation.resampled import interval_in_words
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.from_hyperparameters import nms_config
from algorithm.jobs.outputs.closing_report import shown
from algorithm.jobs.outputs.publishing import save_results
from algorithm.jobs.outputs.run_folder import METRICS, TRAINED_ON, RunFolder
from algorithm.modelarts.environment import Workspace
from algorithm.models import Detector
from algorithm.models.weights.warm_start import Start
from algorithm.training.log_forms.log_form import Evaluated
from algorithm.training.log_forms.log_forms import FORMS

_log = logging.getLogger("algorithm.jobs.job")


def refuse_untrained(hp: Hyperparameters, start: Start | None) -> None:
    """Refuse to evaluate a network whose class predictor nobody trained: its AP is 0, always.

    Args:
        hp: The job's hyperparameters; its train_url holds no best checkpoint.
        start: The weights that were found instead, None for random ones.

    Raises:
        DataError: They are no detector's.
    """
    if start is None or start.scope == "classification":
        found = "random weights" if start is None else f"a backbone {start.where}"
        raise DataError(
            f"mode=eval: expected a trained detector, found no best checkpoint in {hp.train_url} "
            f"and {found}; give the train_url of a job that trained, or its folder archive as "
            "pretrained"
        )


def evaluate_only(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    run_folder: RunFolder,
    workspace: Workspace,
) -> None:
    """Evaluate the archived checkpoint of train_url, or `pretrained` where there is none.

    The figures go into metrics.json, or into evaluation.json where metrics.json has those of a
    training job on other pictures; and into deps_save_path if the job was given one.

    Args:
        hp: The job's hyperparameters.
        detector: Has its starting weights.
        dataset: The pictures to evaluate on.
        run_folder: Holds the archive and gets the figures.
        workspace: Gets temporary files.
    """
    if run_folder.best.read():
        run_folder.best.load_into(detector)
        _log.info("evaluating %s", run_folder.best.folder)
    evaluator = Evaluator(detector, nms_config(hp), dataset, hp.eval_batch_size)
    evaluation, _ = evaluator.run()
    evaluated = Evaluated(
        1,
        1,
        0,
        evaluation.metrics,
        evaluation.summary,
        *evaluator.seconds,
        evaluator.batches,
        mask_metrics=evaluation.masks.metrics if evaluation.masks else {},
        mask_summary=evaluation.masks.summary if evaluation.masks else "",
    )
    _log.info("%s", "\n".join(FORMS[hp.log_form]().evaluation(evaluated)))
    seen = dataset.seen_among(dataset.eval)
    figures = {**evaluation.as_dict(), TRAINED_ON: seen}
    name = run_folder.write_evaluation(figures, dataset)
    _log.info(
        "AP %s%s; the figures are in %s/%s%s",
        shown(figures["AP"]),
        interval_in_words(figures),
        hp.train_url.rstrip("/"),
        name,
        ""
        if name == METRICS
        else f"; {METRICS} keeps those that the training job measured on its own EVAL pictures",
    )
    save_results(hp, figures, workspace)
