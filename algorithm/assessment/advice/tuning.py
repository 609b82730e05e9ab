"""Tuning by the advice, one piece at a time: short jobs, of which those that help are kept."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import algorithm
from algorithm.assessment.advice.finding import Finding
from algorithm.assessment.advice.next_job import changed_values, parameters
from algorithm.assessment.advice.setting_steps import Change, Setting
from algorithm.assessment.masks.mask_analysis import COSTED
from algorithm.assessment.options import Options
from algorithm.data.split_record import FILE as SPLIT
from algorithm.data.split_record import GIVEN, SplitRecord
from algorithm.errors import AlgorithmError, ArgumentError
from algorithm.evaluation.resampled import Interval, Resampled, change_in_words
from algorithm.storage import is_remote, local_path
from algorithm.storage.atomic_files import write_json

FOLDER = "tuning"
LENGTHS = ("num_epochs", "train_minutes", "num_steps")  # what says how long a job trains
METRIC = "AP"
_TAIL = 5  # lines of a failed job's log that are shown
_log = logging.getLogger("algorithm.assessment")


@dataclass(frozen=True)
class Measured:
    """What a job's best checkpoint is worth on EVAL.

    Attributes:
        ap: Its AP.
        resampled: AP in resamples of the EVAL pictures; None where the job kept none.
    """

    ap: float
    resampled: Resampled | None = None

    def gain_over(self, other: Measured) -> tuple[float, Interval | None]:
        """Return how much higher its AP is, and the 95 % interval of that, None where unknown."""
        pair = self.resampled, other.resampled
        known = pair[0].change_since(pair[1], METRIC) if pair[0] and pair[1] else None
        return self.ap - other.ap, known


RunJob = Callable[[Mapping[str, str], str, Path], Measured]


@dataclass(frozen=True)
class Trail:
    """The jobs of a tuning.

    Attributes:
        rows: For each job its number, changes, AP, gain over the best so far, the 95 % interval of
            the gain, and whether it was kept.
        kept: The changes that helped, with their findings.
    """

    rows: tuple[dict[str, Any], ...]
    kept: tuple[tuple[Change, Finding], ...]


def tune(
    options: Options,
    setting: Setting,
    found: Sequence[Finding],
    run_job: RunJob | None = None,
    record: SplitRecord | None = None,
) -> Trail:
    """Train once as before, then once for each of the gravest findings that ask for a change.

    Each job adds its change to those that were kept. A change is kept where the 95 % interval of
    its gain lies above 0: a smaller gain may be the choice of the EVAL pictures. Jobs leave their
    folders in OUTPUT/tuning. A job that fails counts as no gain.

    Args:
        options: The options of the assessment.
        setting: What the model was trained with.
        found: The findings, the gravest first.
        run_job: Takes (hyperparameters, data_url, folder) and returns what the job's best
            checkpoint is worth; train_and_measure by default.
        record: The split of the job that made the model, which the jobs keep to.

    Returns:
        What the jobs gave.

    Raises:
        ArgumentError: Jobs cannot be run here.
        AlgorithmError: The first job fails.
    """
    _check(options)
    run_job = partial(_with_split, record, run_job or train_and_measure)
    folder = local_path(options.output) / FOLDER
    epochs = {} if not options.tune_epochs else {"num_epochs": str(options.tune_epochs)}
    # Else the time or the number of steps would say how long.
    others = [name for name in LENGTHS[1:] if epochs and setting.typed(name)]
    epochs |= dict.fromkeys(others, "0")
    values = {**setting.values, **epochs}
    best = run_job(values, options.data_url, folder / "0")
    rows, kept = [_row(0, "", best, 0.0, None, True)], []
    tried = candidates(found, bool(epochs))
    for number, (finding, changes) in enumerate(tried[: options.tune], start=1):
        text = ", ".join(f"{change.name}={change.after}" for change in changes)
        _log.info("tuning job %d of %d: %s", number, min(options.tune, len(tried)), text)
        found_here = _attempt(
            run_job, changed_values(values, changes), options.data_url, folder / str(number)
        )
        gain, interval = found_here.gain_over(best) if found_here else (None, None)
        better = interval is not None and interval[0] > 0
        rows.append(_row(number, text, found_here, gain, interval, better))
        _log.info("tuning job %d: %s", number, _told(gain, interval, better, found_here))
        if found_here is not None and better:
            values, best = changed_values(values, changes), found_here
            kept += [(change, finding) for change in changes]
    return Trail(tuple(rows), tuple(kept))


def _with_split(
    record: SplitRecord | None,
    run_job: RunJob,
    values: Mapping[str, str],
    data_url: str,
    folder: Path,
) -> Measured:
    """Run a job in a folder that has the record already, as one that was given to the job."""
    if record is not None and not (folder / SPLIT).is_file():
        write_json(folder / SPLIT, replace(record, rule=GIVEN).as_dict())
    return run_job(values, data_url, folder)


def _attempt(
    run_job: RunJob, values: Mapping[str, str], data_url: str, folder: Path
) -> Measured | None:
    try:
        return run_job(values, data_url, folder)
    except AlgorithmError as error:
        _log.warning("%s", error)
        return None


def train_and_measure(values: Mapping[str, str], data_url: str, folder: Path) -> Measured:
    """Train in a process of its own.

    Args:
        values: Hyperparameters as text, by name.
        data_url: The dataset.
        folder: The job's train_url.

    Returns:
        What its best checkpoint is worth.

    Raises:
        AlgorithmError: The job failed; the message has the end of its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    flags = [
        f"--{name}={text}"
        for name, text in parameters({**values, "deps_save_path": ""}).items()
        if text
    ]
    log = folder / "log.txt"
    command = [
        sys.executable,
        "-m",
        "algorithm",
        "train",
        *flags,
        f"--data_url={data_url}",
        f"--train_url={folder}",
    ]
    surroundings = {**os.environ, "PYTHONPATH": str(Path(algorithm.__file__).parents[1])}
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(
            command, stdout=stream, stderr=subprocess.STDOUT, env=surroundings, check=False
        )
    if done.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:]
        raise AlgorithmError(
            f"a tuning job in {folder} ended with exit code {done.returncode}:\n" + "\n".join(lines)
        )
    return _measured(folder)


def _measured(folder: Path) -> Measured:
    """Return what metrics.json says of the job's best checkpoint, which is the one it exports.

    Raises:
        AlgorithmError: Its AP is undefined.
    """
    figures = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    if figures[METRIC] is None:
        raise AlgorithmError(
            f"--tune: expected an AP to compare jobs by, found that it is undefined in {folder}: "
            "the EVAL pictures need boxes"
        )
    return Measured(figures[METRIC], Resampled.of(figures.get("resampled")))


def _told(
    gain: float | None, interval: Interval | None, better: bool, found: Measured | None
) -> str:
    """What came of a job, in words."""
    if gain is None or found is None:
        return "failed, not kept"
    if interval is None or found.resampled is None:
        return f"AP {gain:+.4f}, of which no interval is known, not kept"
    words = change_in_words(gain, interval, found.resampled.pictures)
    return f"{words}, {'kept' if better else 'not kept'}"


def candidates(found: Sequence[Finding], fixed_epochs: bool) -> list[tuple[Finding, list[Change]]]:
    """Return what to try: each change once, with the gravest finding that asks for it.

    Jobs are compared by AP of boxes, so that what is about masks is not tried. Where the length of
    the jobs is given, nothing of it is tried: they must be comparable.

    Args:
        found: The findings, the gravest first.
        fixed_epochs: Whether the length of the jobs is given.

    Returns:
        The findings with the changes to try.
    """
    seen: set[str] = {*LENGTHS, "mode"} if fixed_epochs else set()
    candidates = []
    for finding in found:
        if finding.key in COSTED:
            continue
        changes = [change for change in finding.changes if change.name not in seen]
        seen |= {change.name for change in changes}
        candidates += [(finding, changes)] if changes else []
    return candidates


def _row(
    job: int,
    changes: str,
    found: Measured | None,
    gain: float | None,
    interval: Interval | None,
    kept: bool,
) -> dict[str, Any]:
    return {
        "job": job,
        "changes": changes,
        METRIC: found.ap if found else None,
        "gain": gain,
        "interval": interval,
        "kept": kept,
    }


def _check(options: Options) -> None:
    if importlib.util.find_spec("algorithm.train") is None:
        raise ArgumentError(
            "--tune: expected the whole package, found only the part that a model folder carries: "
            "run `python -m algorithm assess` from an installation"
        )
    if is_remote(options.output):
        raise ArgumentError(
            f"--tune: expected a local --output for the training jobs, found {options.output}"
        )
