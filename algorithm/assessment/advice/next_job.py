"""The next job's hyperparameters, ready to submit."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from algorithm.assessment.advice.finding import Finding
from algorithm.assessment.advice.setting_steps import Change
from algorithm.errors import ArgumentError, DataError
from algorithm.hyperparameters import HPARAMS, ROWS, TABLE, parse, read_value, write_value

ALWAYS = "moving_average_decay"  # the platform's table always has it in hparams
STARTS = ("auto", "none", "", None)  # values of pretrained that are no place
JOB_FILE = "job.json"


def read_job(model_dir: Path) -> dict[str, str]:
    """Read the hyperparameters of the job that made a model folder, from job.json beside it.

    Args:
        model_dir: The model folder.

    Returns:
        The values as text, by name; none where there is no such file, as for a folder that was
        copied.

    Raises:
        DataError: The file is not what a job writes, or has values that this version does not know.
    """
    path = model_dir.resolve().parent / JOB_FILE
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))["hyperparameters"]
        known = {name: str(value) for name, value in values.items() if name in ROWS}
        for name, text in known.items():
            read_value(ROWS[name], text)
        return known
    except (ValueError, KeyError, TypeError, AttributeError, ArgumentError) as error:
        raise DataError(
            f"expected the hyperparameters of a training job in {path}, found something else "
            f"({error}): restore or remove the file"
        ) from error


def changed_values(values: Mapping[str, str], changes: Sequence[Change]) -> dict[str, str]:
    """Return the hyperparameters with the changes made.

    Weights given by path fit the former model, so another model looks for its own.

    Args:
        values: The former job's, as text by name.
        changes: The changes.

    Returns:
        The values as text, by name.
    """
    changed = {**values, **{change.name: change.after for change in changes}}
    if (
        changed.get("model_name") != values.get("model_name")
        and changed.get("pretrained") not in STARTS
    ):
        changed["pretrained"] = STARTS[0]
    return changed


def parameters(values: Mapping[str, str]) -> dict[str, str]:
    """Return what to submit: every published parameter.

    All keys of hparams that differ from their default are in its list.

    Args:
        values: Hyperparameters as text, by name.

    Returns:
        The parameters as text, by name.

    Raises:
        ArgumentError: The job would not take a value.
    """
    keys = {
        name: text
        for name, text in values.items()
        if name in HPARAMS and (name == ALWAYS or text not in ("", write_value(ROWS[name].default)))
    }
    keys.setdefault(ALWAYS, "0")
    # An empty value would be read as the default, which for these rows it is.
    listed = ",".join(f"{name}={text}" for name, text in keys.items() if text)
    result = {
        row.name: values.get(row.name, "") or write_value(row.default)
        for row in TABLE
        if row.where == "parameter"
    }
    result["hparams"] = listed
    parse([f"--{name}={text}" for name, text in result.items()] + ["--data_url=.", "--train_url=."])
    return result


def next_job(
    values: Mapping[str, str], source: str, chosen: Sequence[tuple[Change, Finding]]
) -> dict[str, Any]:
    """Return the content of next_job.json.

    Its parameters are as the platform takes them; its changes say what differs from the job before,
    and why; its command is the same for a terminal, where DATASET and OUT stand for places.

    Args:
        values: The former job's hyperparameters as text, by name.
        source: Where they come from, "" for the defaults.
        chosen: The changes and their findings.

    Returns:
        The content.

    Raises:
        ArgumentError: The job would not take a value.
    """
    submit = parameters(changed_values(values, [change for change, _ in chosen]))
    words = [
        "python",
        "algorithm/train.py",
        "--data_url=DATASET",
        "--train_url=OUT",
        *(f"--{name}={text}" for name, text in submit.items() if text),
    ]
    return {
        "based_on": source,
        "parameters": [{"name": name, "value": text} for name, text in submit.items()],
        "changes": [
            {
                "name": change.name,
                "from": change.before,
                "to": change.after,
                "grade": finding.grade,
                "en-us": finding.reason[0],
                "zh-cn": finding.reason[1],
            }
            for change, finding in chosen
        ],
        "command": shlex.join(words),
    }
