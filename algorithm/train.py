"""Boot file of a platform job: argv -> job -> exit code. Nothing else."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_log = logging.getLogger("algorithm")


def main(argv: Sequence[str]) -> int:
    """Run the training job that argv describes and return its exit code."""
    from algorithm.cli import exit_codes
    from algorithm.hyperparameters import TABLE, as_text, parse
    from algorithm.migration.pipeline_config import with_pipeline_config

    if set(argv) & {"-h", "--help"}:
        print(as_text(TABLE, "en"))
        return 0

    start_logging()

    def command() -> int:
        flags, lines = with_pipeline_config(argv)
        for line in lines:
            _log.info("%s", line)
        hyperparameters = parse(flags)
        if hyperparameters.ignored:
            _log.info(
                "flags that are no hyperparameters, ignored: %s", ", ".join(hyperparameters.ignored)
            )
        # Only now: a wrong argument is refused without waiting for TensorFlow.
        from algorithm.jobs import job

        return job.run(hyperparameters)

    return exit_codes.exit_code_of(command, exit_codes.option_value(argv, "train_url"))


def start_logging() -> None:
    """Let what this project logs be seen, and of other packages only what they warn of (of TensorFlow: its errors).

    TensorFlow looks at its own level when it is imported, so this comes first.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    _log.setLevel(logging.INFO)


def find_package() -> None:
    """Let `import algorithm` find this package, whatever folder the job was started in.

    Python puts the folder of a script first on sys.path: here that would make our rooms look like top-level modules.
    """
    here = Path(__file__).resolve().parent
    sys.path[:] = [
        str(here.parent),
        *(entry for entry in sys.path if Path(entry or ".").resolve() != here),
    ]


if __name__ == "__main__":
    find_package()
    sys.exit(main(sys.argv[1:]))
