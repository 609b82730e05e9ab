"""The output of a verb: what is there is named before it is replaced, and never somebody else's."""

from __future__ import annotations

import logging
from pathlib import Path

from algorithm.errors import ArgumentError
from algorithm.storage.folder_ownership import FolderMaker, listed, names_in

_log = logging.getLogger("algorithm")
# The verbs that write into a folder, with what they leave there.
MAKERS = {
    maker.name: maker
    for maker in (
        FolderMaker("predict", ("detections.json",), ("crops", "labels", "coco.json")),
        FolderMaker(
            "assess", ("assessment.json",), ("report.html", "display.json", "next_job.json")
        ),
        FolderMaker("data sample", ("sample.manifest",), ("images", "annotations")),
        FolderMaker(
            "data clean", ("output.manifest",), ("Data", "path_map.json", "cleaning_report.*")
        ),
        FolderMaker(
            "data check", ("data_check.json",), ("data_check.html", "cleaning_report.*", "split.*")
        ),
    )
}


def claim_folder(output: str, verb: str) -> None:
    """Let a verb write into a folder; say what is replaced there.

    Args:
        output: A local folder or a URL, which need not exist.
        verb: A key of MAKERS.

    Raises:
        ArgumentError: The folder holds something, and the verb did not make it.
        StorageError: The store or the disk does not tell what is there.
    """
    maker, names = MAKERS[verb], names_in(output)
    strangers = maker.strangers(names)
    if strangers:
        raise ArgumentError(
            f"--output: expected a new or an empty folder, or one that `{verb}` wrote, found "
            f"{output} with {listed(strangers)}; give another folder"
        )
    earlier = maker.left_behind(names)
    if earlier:
        _log.info(
            "%s holds what an earlier `%s` wrote: %s; files of the same names are replaced",
            output,
            verb,
            listed(earlier),
        )


def claim_file(output: str) -> None:
    """Let a verb write a JSON file; say that it is replaced where it is there.

    Raises:
        ArgumentError: It is a folder, or it is there and no JSON file by its name.
    """
    path = Path(output)
    if path.is_dir() or (path.exists() and path.suffix != ".json"):
        raise ArgumentError(
            f"--output: expected a new file, or a .json file to replace, found {path}; give "
            "another one"
        )
    if path.exists():
        _log.info("%s is there and is replaced", path)
