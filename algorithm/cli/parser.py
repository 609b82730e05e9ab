"""The verbs of `python -m algorithm`, and the parser that is made of them."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from algorithm import __version__
from algorithm.cli import data, error_report, train_help
from algorithm.cli.console_log import start_logging
from algorithm.cli.other_tools_flags import Taken, take_habits
from algorithm.cli.suggesting_parser import PersonParser, refuse_unknown_verb
from algorithm.cli.verb import Verb, VerbGroup
from algorithm.cli.verbs import (
    assess,
    benchmark,
    demo,
    describe,
    evaluate,
    export,
    local_platform,
    predict,
    serve,
    training_job,
    weights,
)
from algorithm.errors import ArgumentError

_log = logging.getLogger("algorithm")

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
    if not argv:
        print(command_parser().format_help())
        return ArgumentError.exit_code
    help_wanted = bool({"-h", "--help"} & set(argv))
    if argv[0] == "train" and help_wanted:
        print(train_help.TEXT)
        return 0
    start_logging()
    if argv[0] == "train":
        return _run_job(argv[1:])
    if argv[0] == "evaluate" and not help_wanted and not _names_a_model(argv):
        return _run_job([*argv[1:], "--mode=eval"])
    return error_report.exit_code_of(lambda: _run_verb(argv))


def _run_verb(argv: Sequence[str]) -> int | None:
    inner = {
        verb.name: [each.name for each in verb.verbs] if isinstance(verb, VerbGroup) else []
        for verb in VERBS
    }
    refuse_unknown_verb(argv, inner)
    arguments, others = command_parser().parse_known_args(argv)
    if others:
        arguments.parser.refuse(others)
    return arguments.command(arguments)


def _run_job(argv: Sequence[str]) -> int:
    """Run a training job with a person's flags."""
    found: list[Taken] = []
    code = error_report.exit_code_of(lambda: found.append(take_habits(argv)))
    if code:
        return code
    for line in found[0].lines:
        _log.info("%s", line)
    os.environ.update(found[0].environment)
    return training_job.run_job(found[0].arguments)


def _names_a_model(argv: Sequence[str]) -> bool:
    return any(word.split("=")[0].lstrip("-") == "model_dir" for word in argv)


def command_parser() -> PersonParser:
    """Return the parser of all verbs."""
    parser = PersonParser(
        "python -m algorithm", description="EfficientDet, from a dataset to a service."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in VERBS:
        verb.add_to(verbs)
    return parser
