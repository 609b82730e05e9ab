"""Errors sorted by who can fix them, each with the exit code and HTTP status it ends in."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its type where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


class JobError(Exception):
    """A failure that is understood.

    Its first line says what was expected, what was found, where, and the likely fix.
    """

    exit_code = 1
    http_status = 500
    kind = "INTERNAL"


class UserError(JobError):
    """The person who submitted the job or the request can fix it."""

    exit_code = 2
    http_status = 400
    kind = "INPUT"


class ArgumentError(UserError):
    """A hyperparameter or command-line argument is wrong."""

    exit_code = 2
    kind = "ARGUMENT"


class DataError(UserError):
    """The dataset, the weights or the model folder given are not usable."""

    exit_code = 3
    kind = "DATA"


class PlatformError(JobError):
    """The surroundings failed: whoever runs the platform or the machine can fix it."""

    exit_code = 4
    http_status = 503
    kind = "PLATFORM"


class StorageError(PlatformError):
    """Bytes could not be read from or written to where they live."""

    exit_code = 4
    kind = "STORAGE"


class ResourceError(PlatformError):
    """The machine ran out of disk or memory."""

    exit_code = 6
    kind = "RESOURCE"


class AlgorithmError(JobError):
    """The algorithm itself could not go on."""

    exit_code = 1
    kind = "ALGORITHM"


class DivergenceError(AlgorithmError):
    """Training produced a non-finite loss."""

    exit_code = 5
    kind = "DIVERGED"


class Stopped(JobError):
    """The job was asked to stop, saved its state and can be run again.

    Its exit code is 128 + the signal: 143 for SIGTERM, 130 for Ctrl-C.
    """

    exit_code = 143
    kind = "STOPPED"
