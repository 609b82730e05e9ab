"""The dataset of a job: read, checked, and looked at before time is spent on it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from algorithm.data import Dataset, Sample, load_dataset
from algorithm.data.checking.check_report import check_lines, write_report
from algorithm.data.checking.dataset_check import check_dataset
from algorithm.data.checking.suggestions import model_choices
from algorithm.data.split_record import GIVEN, UNRECORDED, SplitRecord, find_record
from algorithm.errors import DataError
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.earlier_jobs import AUTOMATIC, held_against_earlier
from algorithm.jobs.outputs.run_folder import TRAINING_MODES, RunFolder
from algorithm.modelarts.environment import Workspace
from algorithm.models import PRESETS, Detector
from algorithm.storage import is_remote, local_path, stage_in, stager

_log = logging.getLogger("algorithm.jobs.job")


def load_data(
    hp: Hyperparameters,
    workspace: Workspace,
    run_folder: RunFolder,
    label_names: tuple[str, ...] | None,
    record: SplitRecord | None,
) -> Dataset:
    """Read the dataset of a job, and log what is in it.

    Args:
        hp: The job's hyperparameters.
        workspace: Gets what has to be fetched or unpacked.
        run_folder: Gets the reports.
        label_names: Classes in the order that the starting weights or a checkpoint know, or None.
        record: The split to keep to, see recorded_split.

    Returns:
        The checked dataset with its split.
    """
    _log.info("reading %s ...", hp.data_url)
    source = stage_in(hp.data_url, workspace.inputs)
    dataset = load_dataset(
        source,
        clean=hp.do_data_cleaning,
        seed=hp.seed,
        work_dir=run_folder.folder,
        label_names=label_names,
        resolve=stager(hp.data_url, workspace.inputs),
        require=("eval",) if hp.mode == "eval" else ("train", "eval"),
        pictures_dir=workspace.work,
        eval_last=hp.eval_last,
        outlines=hp.with_masks,
        record=record,
        bit_depth=hp.bit_depth,
    )
    for warning in dataset.warnings:
        _log.warning("%s", warning)
    if hp.mode in TRAINING_MODES:
        dataset = held_against_earlier(hp, dataset, workspace.inputs)
    if hp.with_masks:
        check_outlines(dataset, hp.data_url, ("eval",) if hp.mode == "eval" else ("train", "eval"))
    _log.info(
        "data: %d training and %d evaluation pictures, %s: %s",
        len(dataset.train),
        len(dataset.eval),
        "1 class" if len(dataset.label_names) == 1 else f"{len(dataset.label_names)} classes",
        ", ".join(dataset.label_names),
    )
    return dataset


def check_outlines(dataset: Dataset, where: str, usages: Sequence[str]) -> None:
    """Check that there is something to learn masks from, before time is spent.

    Args:
        dataset: The job's data.
        where: What the user called it.
        usages: "train", "eval": which of its parts need outlines.

    Raises:
        DataError: A part has no outline at all.
    """
    for usage in usages:
        samples: Sequence[Sample] = getattr(dataset, usage)
        outlined = sum(
            outline is not None for sample in samples for outline in sample.outlines or ()
        )
        objects = sum(len(sample.labels) for sample in samples)
        if not outlined:
            raise DataError(
                f"masks=True: expected outlines of objects in the {usage} pictures of {where}, "
                f"found {objects} boxes without any; give data with polygons or masks (the "
                "documentation lists the forms), or leave masks out to train on boxes"
            )
        if outlined < objects:
            _log.warning(
                "%d of %d objects of the %s pictures have no outline: they count for boxes only",
                objects - outlined,
                objects,
                usage,
            )


def recorded_split(
    hp: Hyperparameters, run_folder: RunFolder, *, resumed: bool
) -> SplitRecord | None:
    """Return the split that a job has to keep to, or None where it makes its own.

    A job that goes on and one that evaluates a job's model keep to the split of that job; so does
    any job where a split was given to it (`assess --tune` does).

    Args:
        hp: The job's hyperparameters.
        run_folder: The folder of the job.
        resumed: Whether there is a checkpoint that the job takes up.

    Raises:
        DataError: What is recorded cannot be read.
    """
    record = run_folder.split(hp.train_url)
    if record is not None and (resumed or record.rule == GIVEN):
        return record
    if hp.mode != "eval" or (not resumed and hp.pretrained in AUTOMATIC):
        return None
    elsewhere = not resumed and not is_remote(hp.pretrained)
    record = find_record(local_path(hp.pretrained)) if elsewhere else None
    if record is None:
        _log.warning("%s", UNRECORDED)
    return record


def look_at_data(
    hp: Hyperparameters, detector: Detector, dataset: Dataset, run_folder: RunFolder
) -> None:
    """Measure the dataset against this detector before time is spent on it.

    The report goes into data_report/, its warnings into the log.

    Args:
        hp: The job's hyperparameters.
        detector: The network to be trained.
        dataset: The job's data.
        run_folder: Gets the report.
    """
    check = check_dataset(
        dataset,
        anchors=detector.anchors,
        image_size=detector.image_size,
        model_name=hp.model_name,
        anchor_scale=detector.preset.anchor_scale,
        batch_size=hp.train_batch_size,
        max_detections=hp.max_detections,
        choices=model_choices(PRESETS.values()),
    )
    page = write_report(check, run_folder.folder / "data_report")
    for line in check.warnings:
        _log.warning("%s", line)
    for line in (*check_lines(check), f"data report: {page}"):
        _log.info("%s", line)
