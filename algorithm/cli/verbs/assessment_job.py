"""An assessment job, as the platform starts it: argv -> assessment -> exit code."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from algorithm.assessment.options import add_options, options_of
from algorithm.cli import error_report
from algorithm.cli.console_log import start_logging


def run_assessment(argv: Sequence[str], description: str) -> int:
    """Run the assessment that argv describes and return its exit code.

    Args:
        argv: flags; those that mean nothing here are logged and ignored.
        description: of the program, for --help.

    Returns:
        The exit code of the kind of error, 0 for none.
    """
    parser = argparse.ArgumentParser(
        "model_assessment.py", description=description, allow_abbrev=False
    )
    add_options(parser)
    arguments, others = parser.parse_known_args(argv)
    start_logging()

    def command() -> None:
        options = options_of(arguments, others)
        # Only now: a wrong argument is refused without waiting for what is imported here.
        from algorithm.assessment.assessment import assess

        print(assess(options))

    return error_report.exit_code_of(command)
