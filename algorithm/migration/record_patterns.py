"""The one place for data_url, from the patterns of training and evaluation records."""

from __future__ import annotations

from posixpath import basename, dirname

from algorithm.errors import ArgumentError


def data_url_of(train: str, evaluation: str) -> str:
    """Return the folder that both patterns lie in.

    Its files tell by their names which side they are of.

    Args:
        train: The pattern of training records, or "".
        evaluation: The pattern of evaluation records, or "".

    Returns:
        The folder, "" for no pattern.

    Raises:
        ArgumentError: The patterns lie in two folders.
    """
    folders = {dirname(pattern) or "." for pattern in (train, evaluation) if pattern}
    if len(folders) > 1:
        raise ArgumentError(
            "expected the records for training and evaluation in one folder, found "
            f"{' and '.join(sorted(folders))}; put them into one ({basename(train)}, "
            f"{basename(evaluation)}), or give --data_url"
        )
    return next(iter(folders), "")
