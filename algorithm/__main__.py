"""The verbs for a person: python -m algorithm VERB. They are in algorithm/cli.

This file parses on Python 3.6 and newer, so that an older one is told what is needed.
"""

import sys


def main(argv: "list[str]") -> int:
    """Do what argv asks and return the exit code."""
    from algorithm.cli.parser import run_command

    return run_command(argv)


def console() -> None:
    """Do what the command line asks, as `python -m algorithm` and as `efficientdet`."""
    from algorithm.cli.python_version import require_python

    require_python()
    from algorithm.cli.native_log import quiet_native_log

    quiet_native_log()
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    console()
