"""How far a job is, and its curves, read from its log and its outputs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from algorithm.errors import StorageError
from algorithm.local_platform.job_plan import HOME, plan_of
from algorithm.local_platform.ledger import Record
from algorithm.storage.location import inside

_STEP = re.compile(r"^train epoch=(\d+)/(\d+) step=(\d+)/(\d+) (.*)$", re.MULTILINE)
_EVAL = re.compile(r"^eval epoch=(\d+)/\d+ step=\d+ (.*)$", re.MULTILINE)
_FIGURE = re.compile(r"([\w/]+)=(\S+)")
_DISPLAY = "display.json"


def progress_of(log: str) -> dict[str, Any]:
    """Return percent, epoch, epochs, step, steps, eta and curves of a training log.

    The curves are {name: [[step or epoch, value], ...]}: loss and its parts by step, AP and AP50
    by epoch.
    """
    curves: dict[str, list[list[float]]] = {}
    now: dict[str, Any] = {"percent": 0}
    for epoch, epochs, step, steps, rest in _STEP.findall(log):
        figures = dict(_FIGURE.findall(rest))
        counts = {"epoch": epoch, "epochs": epochs, "step": step, "steps": steps}
        now = {name: int(each) for name, each in counts.items()}
        now |= {"percent": round(100 * int(step) / int(steps), 1), "eta": figures.get("eta", "")}
        _add(curves, int(step), figures, [name for name in figures if name.endswith("loss")])
    for epoch, rest in _EVAL.findall(log):
        _add(curves, int(epoch), dict(_FIGURE.findall(rest)), ["AP", "AP50"])
    return {**now, "curves": curves}


def _add(
    curves: dict[str, list[list[float]]], at: int, figures: dict[str, str], names: list[str]
) -> None:
    for name in names:
        if name in figures and figures[name] != "nan":
            curves.setdefault(name, []).append([at, float(figures[name])])


def output_folders(record: Record, folder: Path) -> dict[str, Path]:
    """Return the first worker's folder of each output of a job, by name."""
    plan = plan_of(record.facts["request"])
    home = folder / "worker-0"
    return {each.name: home / each.local_dir.removeprefix(f"{HOME}/") for each in plan.outputs}


def output_files(record: Record, folder: Path) -> list[dict[str, Any]]:
    """Return name (OUTPUT/PATH) and size of every file that a job has written."""
    return [
        {"name": f"{name}/{path.relative_to(place).as_posix()}", "size": path.stat().st_size}
        for name, place in output_folders(record, folder).items()
        for path in sorted(place.rglob("*"))
        if path.is_file()
    ]


def output_file(record: Record, folder: Path, name: str) -> Path | None:
    """Return a file of an output, OUTPUT/PATH, or None where there is none in it."""
    output, _, path = name.partition("/")
    place = output_folders(record, folder).get(output)
    try:
        found = inside(place, path).resolve() if place and path else None
    except StorageError:
        return None
    is_inside = found and place and found.is_relative_to(place.resolve()) and found.is_file()
    return found if is_inside else None


def assessment_of(record: Record, folder: Path) -> Any:
    """Return the display of an assessment that a job made, or None."""
    for place in output_folders(record, folder).values():
        for path in sorted(place.rglob(_DISPLAY)):
            return json.loads(path.read_text("utf-8"))
    return None
