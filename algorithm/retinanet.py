"""The commands of the Cloud TPU RetinaNet tutorial: python -m algorithm.retinanet with its flags.

They start the one training job. What the flags mean is in algorithm/migration/cloud_tpu_flags.py.
This file parses on Python 3.6 and newer, so that an older one is told what is needed.
"""

import sys


def main(argv: "list[str]") -> int:
    """Do what the tutorial's flags ask and return the exit code."""
    from algorithm.cli import error_report
    from algorithm.cli.console_log import start_logging
    from algorithm.cli.verbs.training_job import run_job
    from algorithm.migration.cloud_tpu_flags import ALL_FLAGS, job_arguments

    if {"-h", "--help"} & set(argv):
        print(__doc__.splitlines()[0])
        print(f"flags: {', '.join(f'--{name}' for name in ALL_FLAGS)}, and every hyperparameter")
        return 0
    start_logging()
    arguments = []
    code = error_report.exit_code_of(
        lambda: arguments.extend(job_arguments(argv)), error_report.option_value(argv, "model_dir")
    )
    return code or run_job(arguments)


if __name__ == "__main__":
    from algorithm.cli.python_version import require_python

    require_python()
    from algorithm.cli.native_log import quiet_native_log

    quiet_native_log()
    sys.exit(main(sys.argv[1:]))
