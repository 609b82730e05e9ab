"""A training job: argv and environment -> checks of less than a second -> the job -> exit code."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping, Sequence

from algorithm.cli import error_report
from algorithm.cli.console_log import start_logging
from algorithm.cli.error_report import option_value
from algorithm.cli.verb import Verb
from algorithm.errors import ArgumentError

_log = logging.getLogger("algorithm")


def run_job(argv: Sequence[str]) -> int:
    """Run the training job that argv and the environment describe and return its exit code."""
    from algorithm.hyperparameters import TABLE, as_text

    if set(argv) & {"-h", "--help"}:
        print(as_text(TABLE, "en"))
        return 0
    start_logging()
    flags = with_places(argv, os.environ)
    return error_report.exit_code_of(lambda: _run(flags), option_value(flags, "train_url"))


def run_or_raise(argv: Sequence[str]) -> None:
    """Run the training job that argv and the environment describe, for a program that calls it.

    Raises:
        JobError: As the exit code would say; no failure.json is written.
    """
    _run(with_places(argv, os.environ))


def with_places(argv: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return argv with the places that stand in the environment alone. A flag with a value wins."""
    from algorithm.modelarts.environment import places_given

    added = []
    for flag, (variable, place) in places_given(environment).items():
        if not option_value(argv, flag):
            _log.info("%s=%s, from the environment variable %s", flag, place, variable)
            added.append(f"--{flag}={place}")
    return [*argv, *added]


def _run(argv: Sequence[str]) -> int:
    """Check the job's arguments before anything slow starts, then run it.

    The order of the checks: 1. data_url; 2. train_url, each where it is given; 3. all flags.
    """
    from algorithm.hyperparameters import parse
    from algorithm.jobs.job_urls import check_data_url, check_train_url, fresh_start_advice
    from algorithm.migration.pipeline_config import with_pipeline_config

    writes = _writes_results(argv)
    data_url, train_url = (option_value(argv, flag) for flag in ("data_url", "train_url"))
    if data_url:
        check_data_url(data_url)
    if train_url and writes:
        check_train_url(train_url)
    flags, lines = with_pipeline_config(argv)
    for line in lines:
        _log.info("%s", line)
    hp = parse(flags)
    if hp.data_url != data_url:  # pipeline_config names it
        check_data_url(hp.data_url)
    if hp.ignored:
        _log.info("flags that are no hyperparameters, ignored: %s", ", ".join(hp.ignored))
    advice = fresh_start_advice(hp.train_url, os.environ) if writes else ""
    if advice and hp.mode.startswith("train"):
        _log.info("%s", advice)
    from algorithm.jobs import job  # only now: it waits for TensorFlow

    return job.run(hp)


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
