"""The jobs behind the weights and the teacher of a job: which pictures they trained on."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from algorithm.data import Dataset
from algorithm.data.recorded_usages import trained_before
from algorithm.data.split_record import (
    FILE,
    SplitRecord,
    contents_of,
    find_record,
    known_pictures,
    read_record,
)
from algorithm.hyperparameters import Hyperparameters
from algorithm.storage import info, is_remote, local_path, stage_in

_log = logging.getLogger("algorithm.jobs.job")
AUTOMATIC = ("auto", "none")  # values of pretrained that are no place


def held_against_earlier(hp: Hyperparameters, dataset: Dataset, scratch: Path) -> Dataset:
    """Look whether the jobs behind the starting weights trained on EVAL pictures of this one.

    Args:
        hp: The job's hyperparameters: pretrained, peer_pretrained, teacher_model_url.
        dataset: The job's data.
        scratch: A local folder for records from a store.

    Returns:
        The dataset with `before`. Where EVAL pictures are among them, a warning says how many.

    Raises:
        DataError: A record or a picture cannot be read.
    """
    places = [hp.pretrained]
    places += [hp.teacher_model_url] * hp.use_offline_kd + [hp.peer_pretrained] * hp.use_online_kd
    found = (record_beside(place, scratch) for place in dict.fromkeys(places))
    records = [record for record in found if record is not None]
    before = known_pictures(records)
    ids = [sample.image_id for sample in dataset.eval]
    contents = contents_of(sample.path for sample in dataset.eval) if before else []
    known = trained_before(before, ids, contents)
    if known:
        _log.warning(
            "%d of %d EVAL pictures may be among those that the job behind the starting weights or "
            "the teacher was trained on (%s): AP is too high by what these know of them; give "
            "other weights, or the data with the usages of that split",
            len(known),
            len(ids),
            ", ".join(record.place for record in records),
        )
    return replace(dataset, before=before)


def record_beside(place: str, scratch: Path) -> SplitRecord | None:
    """Return the split that the job behind weights or a teacher recorded, None where none is found.

    Args:
        place: As of `pretrained`: a file or folder, local or in a store.
        scratch: A local folder for a record from a store.

    Raises:
        DataError: The record cannot be read.
    """
    if place in (*AUTOMATIC, "") or place.startswith(("http://", "https://")):
        return None
    if not is_remote(place):
        return find_record(local_path(place))
    folder = place.rstrip("/")
    for _ in range(3):  # of the folder, or of the file and its folder, and the one above
        if info(f"{folder}/{FILE}") is not None:
            record = read_record(stage_in(f"{folder}/{FILE}", scratch / "splits"))
            return replace(record, place=f"{folder}/{FILE}")
        folder = folder.rpartition("/")[0]
        if folder.endswith("/"):  # above the bucket
            break
    return None
