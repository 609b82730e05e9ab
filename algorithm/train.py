"""Boot file of a platform job: argv -> job -> exit code, by algorithm/cli/verbs/training_job.py.

As a module it can be called: `from algorithm import train; train(data_url=..., train_url=...)`.
This file parses on Python 3.6 and newer, so that an older engine is told what is needed.
"""

import sys
from pathlib import Path


def main(argv: "list[str]") -> int:
    """Run the training job that argv describes and return its exit code."""
    from algorithm.cli.verbs.training_job import run_job

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


class _Callable(type(sys)):  # type: ignore[misc]
    """A module that is a function too, as `algorithm.train` is the name of both."""

    def __call__(self, **hyperparameters):  # its types stand in algorithm/__init__.pyi
        """Run a training job in this process; see algorithm.cli.python_call.train."""
        from algorithm.cli.python_call import train

        return train(**hyperparameters)


sys.modules[__name__].__class__ = _Callable

if __name__ == "__main__":
    find_package()
    from algorithm.cli.python_version import require_python

    require_python()
    from algorithm.cli.native_log import quiet_native_log

    quiet_native_log()
    sys.exit(main(sys.argv[1:]))
