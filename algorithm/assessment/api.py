"""The platform's Python interface for other people's assessment scripts: `analyse`."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from algorithm.assessment.advice.setting_steps import Setting
from algorithm.assessment.analysis import analyse_records
from algorithm.assessment.assessment import summary_lines
from algorithm.assessment.observation import Observation
from algorithm.assessment.report.result_files import DISPLAY, result_texts, write_results
from algorithm.assessment.sensitivity.picture_measures import PictureMeasures, measure_picture
from algorithm.data.feeding.decoding import PictureError, decode_image
from algorithm.errors import ArgumentError, DataError, StorageError
from algorithm.evaluation.records import make_records
from algorithm.storage import is_remote, local_path, stage_in, stage_out

TASKS = ("image_object_detection", "object_detection")
_log = logging.getLogger("algorithm.assessment")


def analyse(
    task_type: str,
    pred_list: Sequence[Any],
    label_list: Sequence[Any],
    name_list: Sequence[str],
    label_map_dict: Mapping[str, str] | str = "",
    custom_metric: Mapping[str, Any] | str = "",
    save_path: str = "",
    op_list: Sequence[str] = (),
) -> dict[str, Any]:
    """Analyse predictions in the platform's form.

    Args:
        task_type: The platform's name of the task.
        pred_list: For each picture [boxes N x 4 ([ymin, xmin, ymax, xmax] in pixels), classes N
            from 0, scores N]; [[[]], [], []] for none.
        label_list: For each picture [boxes, classes], in the same form.
        name_list: Each picture, local or remote. One that cannot be read is left out of what needs
            pixels.
        label_map_dict: {"0": name, ...} or its JSON. By default each class is called by its number.
        custom_metric: Further figures in the display's form, or their JSON.
        save_path: Local or remote folder for assessment.json, display.json, next_job.json and
            report.html; "" writes none.
        op_list: Names of operations to keep in the display, all by default.

    Returns:
        The platform's display, {"zh-cn": ..., "en-us": ...}.

    Raises:
        ArgumentError: The task is another one, or a text is no JSON object.
        DataError: There are no pictures, lists of different lengths, a class that the label map
            does not have, or numbers that are not finite.
    """
    if task_type not in TASKS:
        raise ArgumentError(f"task_type: expected one of {', '.join(TASKS)}, found {task_type!r}")
    if not isinstance(save_path, str):
        raise ArgumentError(
            f"save_path: expected the path of a folder, found {save_path!r}; give op_list by its "
            "name"
        )
    label_map, custom = (
        _object(label_map_dict, "label_map_dict"),
        _object(custom_metric, "custom_metric"),
    )
    if not len(pred_list):
        raise DataError(
            "expected the predictions of at least one picture in pred_list, found none: does the "
            "dataset have EVAL samples?"
        )
    if not len(pred_list) == len(label_list) == len(name_list):
        raise DataError(
            f"expected lists of one length, found {len(pred_list)} in pred_list, "
            f"{len(label_list)} in label_list and {len(name_list)} in name_list"
        )
    names = _label_names(label_map, pred_list, label_list)
    with tempfile.TemporaryDirectory() as folder:
        seen = _observation(names, name_list, label_list, pred_list, Path(folder))
        analysis = analyse_records(seen.records, seen.measures, custom)
        texts = result_texts(analysis, Setting(), paths=seen.paths)
        if save_path:
            target = Path(folder) / "results" if is_remote(save_path) else local_path(save_path)
            write_results(texts, target)
            if is_remote(save_path):
                stage_out(target, save_path)
    for line in summary_lines(analysis, Setting()):
        _log.info("%s", line)
    shown = json.loads(texts[DISPLAY])
    return {
        language: {name: row for name, row in rows.items() if not op_list or name in op_list}
        for language, rows in shown.items()
    }


def _object(value: Mapping[str, Any] | str, name: str) -> dict[str, Any]:
    if isinstance(value, str) and not value.strip():
        return {}
    try:
        content = json.loads(value) if isinstance(value, str) else dict(value)
        if isinstance(content, dict):
            return content
        raise ValueError(f"it is a {type(content).__name__}")
    except (ValueError, TypeError) as error:
        raise ArgumentError(
            f"{name}: expected a dict or the JSON of one, found {str(value)[:60]!r} ({error})"
        ) from error


def _label_names(
    label_map: Mapping[str, Any], predictions: Sequence[Any], labels: Sequence[Any]
) -> list[str]:
    """Return the names by number; a number without a name is its own name."""
    try:
        numbered = {int(number): str(name) for number, name in label_map.items()}
    except ValueError as error:
        raise ArgumentError(
            f"label_map_dict: expected class numbers as keys, found {error}"
        ) from error
    if not numbered:
        numbered = {
            int(label): str(int(label)) for row in (*predictions, *labels) for label in row[1]
        }
    return [numbered.get(number, str(number)) for number in range(max(numbered, default=0) + 1)]


def _observation(
    names: Sequence[str],
    pictures: Sequence[str],
    labels: Sequence[Any],
    found: Sequence[Any],
    scratch: Path,
) -> Observation:
    truths = [tuple(row[:2]) for row in labels]
    make_records(
        names, pictures, truths, found
    )  # errors in the lists are found before any picture is fetched
    rows = [
        _measured(picture, row[0], scratch) for picture, row in zip(pictures, labels, strict=True)
    ]
    unread = sum(measured is None for measured, _ in rows)
    if unread:
        _log.warning(
            "%d of %d pictures in name_list cannot be read, such as %s: they are left out of what "
            "needs pixels",
            unread,
            len(rows),
            next(
                picture
                for picture, (measured, _) in zip(pictures, rows, strict=True)
                if measured is None
            ),
        )
    measures = [measured for measured, _ in rows]
    sizes = [(row.height, row.width) if row else (float("nan"),) * 2 for row in measures]
    return Observation(
        make_records(names, pictures, truths, found, sizes),
        measures,
        tuple(path for _, path in rows),
    )


def _measured(picture: str, boxes: Any, scratch: Path) -> tuple[PictureMeasures | None, str]:
    """Return (measures or None, local path or "") of a picture."""
    try:
        path = stage_in(str(picture), scratch)
        return measure_picture(
            decode_image(path.read_bytes(), str(picture)), np.asarray(boxes, float).reshape(-1, 4)
        ), str(path)
    except (OSError, PictureError, StorageError):  # counted and named by the caller
        return None, ""
