"""A training job: argv and environment -> checks of less than a second -> the job -> exit code."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping, Sequence

from algorithm.cli import error_report
from algorithm.cli.console_log import start_logging
from algorithm.cli.early_checks import check_start
from algorithm.cli.error_report import option_value
from algorithm.cli.verb import Verb
from algorithm.errors import ArgumentError, JobError
from algorithm.training.devices.onednn import onednn_for_training

_log = logging.getLogger("algorithm")


def run_job(argv: Sequence[str]) -> int:
    """Run the training job that argv and the environment describe and return its exit code."""
    from algorithm.hyperparameters import TABLE, as_text

    if set(argv) & {"-h", "--help"}:
        print(as_text(TABLE, "en"))
        return 0
    start_logging()
    flags = with_places(argv, os.environ)
    refusals: list[JobError] = []
    guard = error_report.exit_code_of(lambda: refusals.extend(_refusals(flags)))
    if guard:
        return guard
    told_in = "" if refusals else option_value(flags, "train_url")
    return error_report.exit_code_of(lambda: _run(flags, refusals), told_in)


def _refusals(argv: Sequence[str]) -> list[JobError]:
    """Return why this job may not write into train_url, not even what went wrong."""
    from algorithm.jobs.outputs.train_url_refusal import refusal_of_train_url

    train_url, data_url = (option_value(argv, flag) for flag in ("train_url", "data_url"))
    if not train_url or not _writes_results(argv):
        return []
    refusal = refusal_of_train_url(train_url, data_url)
    return [refusal] if refusal else []


def run_or_raise(argv: Sequence[str]) -> None:
    """Run the training job that argv and the environment describe, for a program that calls it.

    Raises:
        JobError: As the exit code would say; no failure.json is written.
    """
    flags = with_places(argv, os.environ)
    _run(flags, _refusals(flags))


def with_places(argv: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return argv with the places that stand in the environment alone. A flag with a value wins."""
    from algorithm.modelarts.environment import places_given

    added = []
    for flag, (variable, place) in places_given(environment).items():
        if not option_value(argv, flag):
            _log.info("%s=%s, from the environment variable %s", flag, place, variable)
            added.append(f"--{flag}={place}")
    return [*argv, *added]


def _run(argv: Sequence[str], refusals: Sequence[JobError]) -> int:
    """Check the job's arguments before anything slow starts, then run it.

    The order of the checks: 1. data_url; 2. train_url, each where it is given; 3. all flags.
    refusals are what speaks against train_url.
    """
    from algorithm.hyperparameters import parse
    from algorithm.jobs.job_urls import check_data_url, check_train_url, fresh_start_advice
    from algorithm.migration.pipeline_config import with_pipeline_config

    writes = _writes_results(argv)
    data_url, train_url = (option_value(argv, flag) for flag in ("data_url", "train_url"))
    if data_url:
        check_data_url(data_url)
    for refusal in refusals:
        raise refusal
    if train_url and writes:
        check_train_url(train_url)
    flags, lines = with_pipeline_config(argv)
    for line in lines:
        _log.info("%s", line)
    hp = parse(flags)
    if hp.data_url != data_url:  # pipeline_config names it
        check_data_url(hp.data_url)
        for refusal in _refusals([f"--data_url={hp.data_url}", f"--train_url={hp.train_url}"]):
            raise refusal
    for line in hp.notes:
        _log.info("%s", line)
    if hp.ignored:
        _log.info("flags that are no hyperparameters, ignored: %s", ", ".join(hp.ignored))
    advice = fresh_start_advice(hp.train_url, os.environ) if writes else ""
    if advice and hp.mode.startswith("train"):
        _log.info("%s", advice)
    with onednn_for_training():
        if writes:  # another machine goes on from what this one sends, and has no train_url
            check_start(hp)  # may import TensorFlow
        _log.info("starting TensorFlow ...")
        from algorithm.jobs import fold_jobs, job  # only now: it waits for TensorFlow

    return fold_jobs.run(hp) if hp.folds else job.run(hp)


def _writes_results(argv: Sequence[str]) -> bool:
    """Return whether this process is the one of its job that writes into train_url."""
    from algorithm.modelarts.hosts import find_cluster

    index = option_value(argv, "task_index")
    try:
        cluster = find_cluster(
            option_value(argv, "worker_hosts"), int(index) if index.isdigit() else None, os.environ
        )
    except ArgumentError:  # the job says it, after what comes first
        return True
    return option_value(argv, "job_name") != "ps" and (cluster is None or cluster.index == 0)


def _no_flags(parser: argparse.ArgumentParser) -> None:
    """Its flags are the hyperparameters, which run_job reads."""


VERB = Verb(
    "train",
    "run a training job; its flags: python -m algorithm describe",
    _no_flags,
    lambda arguments: run_job([]),
)
