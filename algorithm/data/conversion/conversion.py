"""A conversion from start to finish: plan, shards over processes, final files.

What is done is not done again.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from algorithm.data.conversion import (
    coco_writer,
    cvat_writer,
    devkit_writer,
    labelme_writer,
    tfrecord_writer,
    voc_writer,
    yolo_writer,
)
from algorithm.data.conversion.conversion_plan import Plan, write_plan
from algorithm.data.conversion.output_files import remove_parts, replaced
from algorithm.data.conversion.picture_row import Classes, PictureRow
from algorithm.data.feeding.decoding import PictureError
from algorithm.data.readers.reader import Resolve
from algorithm.data.readers.recognition import open_listing
from algorithm.data.readers.text_file import guess_lines, noting_guesses
from algorithm.errors import ArgumentError, DataError, ResourceError
from algorithm.storage.atomic_files import write_json

# Each has write_shard(rows, output, shard, classes) -> lines of the part, and
# finish(parts, output, classes) -> path.
FORMS: dict[str, ModuleType] = {
    "manifest": voc_writer,
    "coco": coco_writer,
    "yolo": yolo_writer,
    "tfrecord": tfrecord_writer,
    "voc": devkit_writer,
    "labelme": labelme_writer,
    "cvat": cvat_writer,
}
OUTLINE_OR_BOX = ("yolo", "labelme", "cvat")  # they record one or the other of an object
WORK = ".conversion"  # in the output folder: plan and parts while it runs, then only state.json
STATE = "state.json"


@dataclass(frozen=True)
class Conversion:
    """What a conversion gives.

    Attributes:
        path: What to give as data_url.
        pictures: How many were written.
        warnings: Lines to log.
    """

    path: Path
    pictures: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """One shard to write. It can be pickled, and done by any process that sees the files."""

    rows: Path
    output: Path
    form: str
    classes: Classes

    @property
    def part(self) -> Path:
        """The file of lines that shows that the shard is whole."""
        return self.output / WORK / "parts" / self.rows.name


def convert(
    data_url: str | os.PathLike[str],
    output: str | os.PathLike[str],
    form: str,
    *,
    shards: int | None = None,
    workers: int | None = None,
    clean: bool = False,
    seed: int = 0,
    resolve: Resolve | None = None,
    execute: Callable[[list[Task], int], None] | None = None,
    fractions: tuple[float, ...] | None = None,
) -> Conversion:
    """Write the dataset at `data_url` to the folder `output` in one of FORMS.

    The same data and options give the same bytes, whatever the workers. A run that was cut off goes
    on where it was.

    Args:
        data_url: File, folder or pattern of a dataset.
        output: A new folder, or one that the same conversion began.
        form: A key of FORMS.
        shards: Files of a tfrecord output, and units of work of every form (default: one for 500
            pictures).
        workers: Processes (default: all cores).
        clean: Leave out what cannot be used instead of complaining.
        seed: Of the split where the dataset has none.
        resolve: As of load_dataset.
        execute: What runs the tasks; None: processes here.
        fractions: Of the pictures for train, val and, in a manifest, test, in a split that replaces
            the dataset's own.

    Returns:
        The conversion: the path of what was written, the pictures, lines to log.

    Raises:
        DataError: The data has faults, or `output` holds something else.
        ArgumentError: An unknown form, or no shard or worker.
        ResourceError: A worker process was killed.
    """
    output = Path(output)
    _check_arguments(form, shards, workers)
    state = _state(output, form)
    work = output / WORK
    with noting_guesses() as guesses:
        plan = write_plan(
            open_listing(Path(data_url), resolve, work, outlines=True),
            work / "plan",
            clean=clean,
            seed=seed,
            shards=shards,
            fractions=fractions,
        )
    tasks = [Task(rows, output, form, plan.classes) for rows in plan.shards]
    _begin(work, form, plan, state)
    if not state.get("complete"):
        waiting = [task for task in tasks if not task.part.exists()]
        (execute or run_tasks)(waiting, workers or os.cpu_count() or 1)
    path = _finish(tasks, plan, form, output)
    warnings = (*plan.warnings, *guess_lines(guesses), *_unlike_boxes(form, plan.unlike))
    return Conversion(path, plan.pictures, warnings)


def _check_arguments(form: str, shards: int | None, workers: int | None) -> None:
    if form not in FORMS:
        raise ArgumentError(f"expected a form of {', '.join(FORMS)}, found {form!r}")
    if min(shards or 1, workers or 1) < 1 or 0 in (shards, workers):
        raise ArgumentError(
            f"expected at least one shard and one worker, found {shards} and {workers}"
        )


def _unlike_boxes(form: str, unlike: int) -> list[str]:
    """A line to log where a form has no place for a box beside an outline."""
    if form not in OUTLINE_OR_BOX or not unlike:
        return []
    return [
        f"{unlike} object(s) have a box that ends elsewhere than their outline: {form} records the "
        "outline only, and the box around it takes its place; coco, tfrecord, voc and manifest "
        "keep both"
    ]


def do_task(task: Task) -> str:
    """Write one shard, then the part that says so; return the shard's name.

    Raises:
        DataError: A picture is not as it was checked; the error names it.
    """
    with task.rows.open(encoding="utf-8") as stream:
        rows = map(PictureRow.from_line, stream)
        try:
            with replaced(task.part) as part:
                for line in FORMS[task.form].write_shard(
                    rows, task.output, task.rows.stem, task.classes
                ):
                    part.write(line.encode())
        except (PictureError, FileNotFoundError) as error:
            raise DataError(
                f"expected the pictures to stay as they were checked, found {error}: run again, "
                "with "
                "--clean to leave out what cannot be used"
            ) from error
    return task.rows.stem


def run_tasks(tasks: list[Task], workers: int) -> None:
    """Do the tasks in `workers` processes, here if there is one, with progress on stderr."""
    with _progress() as progress:
        for _ in progress.track(_done(tasks, workers), total=len(tasks), description="shards"):
            pass


def _done(tasks: list[Task], workers: int) -> Iterator[str]:
    if min(workers, len(tasks)) <= 1:
        yield from map(do_task, tasks)
        return
    context = multiprocessing.get_context(
        "spawn"
    )  # forking a process that runs TensorFlow's threads can hang
    pool = ProcessPoolExecutor(min(workers, len(tasks)), context)
    try:
        for future in as_completed([pool.submit(do_task, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool as error:
        raise ResourceError(
            "expected the worker processes to live, found one that was killed, most likely for "
            "memory: "
            "run the same command again with fewer --workers; finished shards are kept"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _state(output: Path, form: str) -> dict:
    """Return what an earlier run left in `output`, {} for a new folder.

    Raises:
        DataError: It is not this conversion.
    """
    file = output / WORK / STATE
    if not file.exists():
        strangers = (
            [child.name for child in output.iterdir() if child.name != WORK]
            if output.is_dir()
            else []
        )
        if strangers:
            raise DataError(
                f"expected an empty folder for the output, or one that this command began, found "
                f"{strangers[0]!r} in {output}: give another --output"
            )
        return {}
    state = json.loads(file.read_text(encoding="utf-8"))
    if state["form"] != form:
        raise DataError(
            f"expected to go on with form {state['form']} in {output}, found {form}: give "
            "another --output"
        )
    return state


def _begin(work: Path, form: str, plan: Plan, state: dict) -> None:
    if state and state["digest"] != plan.digest:
        raise DataError(
            f"expected the data and options that the output in {work.parent} was begun with, "
            "found others: "
            "give another --output or delete that folder"
        )
    (work / "parts").mkdir(exist_ok=True)
    if not state:
        write_json(work / STATE, {"form": form, "digest": plan.digest, "complete": False})


def _finish(tasks: list[Task], plan: Plan, form: str, output: Path) -> Path:
    """Write what spans all shards, mark the conversion complete, remove what is left over."""
    work = output / WORK
    state = json.loads((work / STATE).read_text(encoding="utf-8"))
    if not state["complete"]:
        state["path"] = _relative(
            FORMS[form].finish([task.part for task in tasks], output, plan.classes), output
        )
        remove_parts(output)
        write_json(work / STATE, {**state, "complete": True})
    for leftover in ("plan/shards", "parts", "pictures"):
        shutil.rmtree(work / leftover, ignore_errors=True)
    return output / state["path"]


def _relative(path: Path, output: Path) -> str:
    return path.relative_to(output).as_posix()


def _progress() -> Progress:
    columns: Iterable = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))
