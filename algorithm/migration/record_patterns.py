"""From the patterns of training and evaluation records to the one place that data_url names."""

from __future__ import annotations

from posixpath import basename, dirname

from algorithm.errors import ArgumentError


def data_url_of(train: str, evaluation: str) -> str:
    """The folder both patterns lie in; its files tell by their names which side they are of. "" for
    no pattern.

    Raises ArgumentError for patterns in two folders.
    """
    folders = {dirname(pattern) or "." for pattern in (train, evaluation) if pattern}
    if len(folders) > 1:
        raise ArgumentError(
            "expected the records for training and evaluation in one folder, found "
            f"{' and '.join(sorted(folders))}; put them into one ({basename(train)}, "
            f"{basename(evaluation)}), or give --data_url"
        )
    return next(iter(folders), "")
