"""Boot file of a platform job: argv -> job -> exit code, by algorithm/cli/training_job.py.

This file parses on Python 3.6 and newer, so that an older engine is told what is needed.
"""

import sys
from pathlib import Path


def main(argv: "list[str]") -> int:
    """Run the training job that argv describes and return its exit code."""
    from algorithm.cli.training_job import run_job

    return run_job(argv)


def find_package() -> None:
    """Let `import algorithm` find this package, whatever folder the job was started in.

    Python puts the folder of a script first on sys.path: here that would make our rooms look like
    top-level modules.
    """
    here = Path(__file__).resolve().parent
    sys.path[:] = [
        str(here.parent),
        *(entry for entry in sys.path if Path(entry or ".").resolve() != here),
    ]


if __name__ == "__main__":
    find_package()
    from algorithm.cli.python_version import require_python

    require_python()
    from algorithm.cli.native_log import quiet_native_log

    quiet_native_log()
    sys.exit(main(sys.argv[1:]))
