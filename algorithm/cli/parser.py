"""The verbs of `python -m algorithm`, and the parser that is made of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from algorithm.cli import (
    assess,
    benchmark,
    data,
    demo,
    describe,
    error_report,
    evaluate,
    export,
    local_platform,
    predict,
    serve,
    training_job,
    weights,
)
from algorithm.cli.console_log import start_logging
from algorithm.cli.verb import Verb, VerbGroup

VERBS: tuple[Verb | VerbGroup, ...] = (
    training_job.VERB,
    evaluate.VERB,
    export.VERB,
    predict.VERB,
    serve.VERB,
    local_platform.VERB,
    assess.VERB,
    data.GROUP,
    weights.GROUP,
    benchmark.VERB,
    describe.VERB,
    demo.VERB,
)


def run_command(argv: Sequence[str]) -> int:
    """Do what argv asks and return the exit code.

    The flags of `train`, and of `evaluate` without --model_dir, are those of a training job.
    """
    if argv[:1] == ["train"]:
        return training_job.run_job(argv[1:])
    if argv[:1] == ["evaluate"] and not any(word.split("=")[0] == "--model_dir" for word in argv):
        mode = () if {"-h", "--help"} & set(argv) else ("--mode=eval",)
        return training_job.run_job([*argv[1:], *mode])
    arguments = command_parser().parse_args(argv)
    start_logging()
    return error_report.exit_code_of(lambda: arguments.command(arguments))


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    parser = argparse.ArgumentParser(
        "python -m algorithm", description="EfficientDet, from a dataset to a service."
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in VERBS:
        verb.add_to(verbs)
    return parser
