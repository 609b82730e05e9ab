"""folds=K: one job for each of K splits of the data, and what their figures are together.

The pictures that train and those that evaluate are dealt out to K parts. Job i evaluates part i and
trains on the others, in train_url/fold_i. Mean and spread of the figures go into
train_url/folds.json after each job. A job that is finished is not run again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras

from algorithm import storage
from algorithm.data import Sample, load_dataset
from algorithm.data.split import STATED, stratified_parts
from algorithm.data.split_record import GIVEN, SplitRecord, contents_of
from algorithm.errors import ArgumentError
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs import job
from algorithm.jobs.outputs.closing_report import FIGURES
from algorithm.jobs.outputs.run_folder import JOB_FILE, TRAINING_MODES
from algorithm.modelarts.environment import open_workspace
from algorithm.modelarts.hosts import find_cluster
from algorithm.storage.location import join

FILE = "folds.json"
MASK_FIGURES = ("AP", "AP50")  # of models with masks: segm_AP and so on
_log = logging.getLogger("algorithm.jobs.job")


def run(hp: Hyperparameters) -> int:
    """Run the jobs of hp.folds one after the other.

    Args:
        hp: The hyperparameters of each of them, with folds above 1.

    Returns:
        0, the exit code.

    Raises:
        ArgumentError: The jobs cannot be run, or train_url holds something else.
        JobError: As of job.run.
    """
    _check(hp)
    records = _records(hp)
    digest = hashlib.sha256(repr([sorted(row.eval.items()) for row in records]).encode())
    pictures = digest.hexdigest()[:16]
    _check_folder(hp, pictures)
    found: list[Mapping[str, Any]] = []
    _write(hp, pictures, found)
    for number, record in enumerate(records, start=1):
        _log.info(
            "fold %d of %d: %d pictures train, %d evaluate",
            number,
            hp.folds,
            len(record.train),
            len(record.eval),
        )
        name = f"fold_{number}"
        one = replace(
            hp,
            folds=0,
            train_url=join(hp.train_url, name),
            deps_save_path=join(hp.deps_save_path, name) if hp.deps_save_path else "",
        )
        job.run(one, record)
        keras.utils.clear_session()
        found.append(json.loads(storage.read_bytes(join(one.train_url, "metrics.json"))))
        _write(hp, pictures, found)
    for line in table(found):
        _log.info("%s", line)
    _log.info(
        "the folds tell how sure the figures are; the model to deploy is that of a job without "
        "folds, which trains on all training pictures"
    )
    return 0


def fold_records(
    samples: Sequence[Sample], label_names: Sequence[str], folds: int, seed: int
) -> list[SplitRecord]:
    """Deal samples out to folds, classes evenly; pictures with the same content stay together.

    Args:
        samples: All samples.
        label_names: Names of the classes, label 0 first.
        folds: How many splits to make.
        seed: Another one gives others.

    Returns:
        The record of each split.

    Raises:
        DataError: There are fewer different pictures than folds.
    """
    contents = contents_of(sample.path for sample in samples)
    groups = {content: place for place, content in enumerate(contents)}
    parts = stratified_parts(
        [sample.image_id for sample in samples],
        [tuple(label_names[label] for label in sample.labels) for sample in samples],
        [groups[content] for content in contents],
        [1 / folds] * folds,
        seed,
    )
    rows = list(zip(samples, contents, parts, strict=True))
    return [
        SplitRecord(
            f"fold {fold + 1} of {folds}",
            GIVEN,
            {sample.image_id: content for sample, content, part in rows if part != fold},
            {sample.image_id: content for sample, content, part in rows if part == fold},
        )
        for fold in range(folds)
    ]


def together(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return mean and spread of the figures of jobs.

    Args:
        found: metrics.json of each.

    Returns:
        {"figures": {name: row}, "per_class": {name: row}}, the latter of AP. A row is {"mean",
        "standard_deviation", "each"}; mean and standard deviation are over the jobs where the
        figure is defined, and None where there are none, or only one for the latter. Models with
        masks have AP and AP50 of masks as segm_AP and segm_AP50.
    """
    classes = dict.fromkeys(name for figures in found for name in figures["per_class"])
    masked = any("segm" in figures for figures in found)
    return {
        "figures": {
            **{name: _row([figures[name] for figures in found]) for name in FIGURES},
            **{
                f"segm_{name}": _row([figures.get("segm", {}).get(name) for figures in found])
                for name in MASK_FIGURES * masked
            },
        },
        "per_class": {
            name: _row([figures["per_class"].get(name, {}).get("AP") for figures in found])
            for name in classes
        },
    }


def table(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return mean and spread of the figures as lines of a log."""
    rows = together(found)
    named = {**rows["figures"], **{f"AP of {name}": row for name, row in rows["per_class"].items()}}
    wide = max(map(len, named))
    lines = [f"{'':{wide}}   mean  spread  folds 1 to {len(found)}"]
    for name, row in named.items():
        each = " ".join(_shown(value) for value in row["each"])
        mean, spread = _shown(row["mean"]), _shown(row["standard_deviation"])
        lines.append(f"{name:{wide}}  {mean}  {spread}  {each}")
    return lines


def _shown(value: float | None) -> str:
    return "     -" if value is None else f"{value:.4f}"


def _row(each: list[float | None]) -> dict[str, Any]:
    known = [value for value in each if value is not None]
    return {
        "mean": statistics.mean(known) if known else None,
        "standard_deviation": statistics.stdev(known) if len(known) > 1 else None,
        "each": each,
    }


def _check(hp: Hyperparameters) -> None:
    if hp.mode not in TRAINING_MODES:
        raise ArgumentError(
            f"--hparams=folds: expected mode={' or '.join(TRAINING_MODES)} with it, found "
            f"mode={hp.mode}: leave folds out"
        )
    if find_cluster(hp.worker_hosts, hp.task_index, os.environ):
        raise ArgumentError(
            "--hparams=folds: expected one machine, found a job on several: leave folds out, or "
            "run it on one"
        )


def _records(hp: Hyperparameters) -> list[SplitRecord]:
    """The splits of all pictures that the job would train on or evaluate."""
    with open_workspace() as workspace:
        dataset = load_dataset(
            storage.stage_in(hp.data_url, workspace.inputs),
            clean=hp.do_data_cleaning,
            seed=hp.seed,
            work_dir=workspace.work,
            resolve=storage.stager(hp.data_url, workspace.inputs),
            pictures_dir=workspace.work,
        )
        if dataset.split_rule == STATED:
            _log.warning(
                "folds=%d: the dataset's own split (%d training and %d evaluation pictures) is not "
                "kept, all of them are dealt out anew",
                hp.folds,
                len(dataset.train),
                len(dataset.eval),
            )
        samples = (*dataset.train, *dataset.eval)
        return fold_records(samples, dataset.label_names, hp.folds, hp.seed)


def _check_folder(hp: Hyperparameters, pictures: str) -> None:
    """Check that train_url holds these folds or nothing.

    Raises:
        ArgumentError: It holds another job, or folds of other pictures.
    """
    if storage.exists(join(hp.train_url, JOB_FILE)):
        raise ArgumentError(
            f"train_url: expected a new folder for the jobs of folds={hp.folds}, found "
            f"{hp.train_url} with a job of its own; give a new train_url"
        )
    place = join(hp.train_url, FILE)
    if not storage.exists(place):
        return
    before = json.loads(storage.read_bytes(place))
    if before["folds"] != hp.folds or before["pictures"] != pictures:
        raise ArgumentError(
            f"train_url: {hp.train_url} holds {before['folds']} folds, of other pictures or of "
            "another seed; give a new train_url, or the same data, seed and folds to go on"
        )


def _write(hp: Hyperparameters, pictures: str, found: Sequence[Mapping[str, Any]]) -> None:
    content = {"folds": hp.folds, "pictures": pictures, "done": len(found), **together(found)}
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    for url in filter(None, (hp.train_url, hp.deps_save_path)):
        storage.write_bytes(join(url, FILE), text.encode())
