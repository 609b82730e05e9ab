"""The tasks of a conversion on Apache Beam, whose runner decides on which machines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from algorithm.data.conversion.conversion import Task, do_task
from algorithm.errors import ArgumentError, DataError
from algorithm.storage.atomic_files import write_text


def beam_execution(options: Sequence[str] = ()) -> Callable[[list[Task], int], None]:
    """Return what `convert` takes as `execute`: a pipeline that does one task for each element.

    Every machine must see the source and the output folder under the same path. A task that is
    done again, as engines may, writes the same bytes.

    Args:
        options: Of Beam, such as ["--runner=FlinkRunner"]; without them its direct runner in this
            process.

    Raises:
        ArgumentError: Beam is not installed.
    """
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ArgumentError(
            "expected Apache Beam to be installed, found no module apache_beam: "
            "pip install 'efficientdet-modelarts[beam]', or convert without --beam"
        ) from error

    def execute(tasks: list[Task], workers: int) -> None:
        logging.getLogger("apache_beam").setLevel(logging.WARNING)
        chosen = options or [
            f"--direct_num_workers={workers}",
            "--direct_running_mode=multi_threading",
        ]
        with beam.Pipeline(options=PipelineOptions(list(chosen))) as pipeline:
            (
                pipeline
                | "shards" >> beam.Create(tasks)
                | beam.Reshuffle()
                | "write" >> beam.Map(_attempt)
            )
        missing = [task for task in tasks if not task.part.exists()]
        failed = next((_failure(task) for task in missing if _failure(task).exists()), None)
        if failed:
            raise DataError(failed.read_text(encoding="utf-8"))
        if missing:
            raise DataError(
                f"expected all shards in {missing[0].output}, found no {missing[0].rows.stem}: "
                "the workers "
                "of the engine must see that folder under the same path"
            )

    return execute


def _attempt(task: Task) -> None:
    """Do the task.

    What is wrong with the data is noted beside the part, as an engine would bury it in its own
    log.
    """
    _failure(task).unlink(missing_ok=True)
    try:
        do_task(task)
    except DataError as error:
        write_text(_failure(task), str(error))


def _failure(task: Task) -> Path:
    return task.part.with_suffix(".error")
