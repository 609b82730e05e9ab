"""data convert: a dataset in another form."""

from __future__ import annotations

import argparse
import sys

from algorithm.cli.verb import Verb
from algorithm.jobs.job_urls import check_data_url

FORMATS = ("manifest", "coco", "yolo", "tfrecord", "voc", "labelme", "cvat")


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data_url",
        required=True,
        help="manifest, file, folder, or pattern of TFRecords: 'set/train-*'",
    )
    parser.add_argument(
        "--output", required=True, help="folder to write, new or begun by the same command"
    )
    parser.add_argument("--format", required=True, choices=FORMATS, help="form to write")
    parser.add_argument(
        "--shards", type=int, help="number of TFRecord files (default: one for 500 pictures)"
    )
    parser.add_argument("--workers", type=int, help="processes (default: one for each core)")
    parser.add_argument(
        "--clean",
        action="store_true",
        help="leave out what cannot be used instead of stopping at it",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the split where none is given")
    parser.add_argument(
        "--beam",
        nargs=argparse.REMAINDER,
        metavar="OPTION",
        help="run on Apache Beam; the rest of the line goes to it, such as --runner=FlinkRunner",
    )


def _run(arguments: argparse.Namespace) -> None:
    check_data_url(arguments.data_url)
    from algorithm.data.conversion import convert

    execute = None
    if arguments.beam is not None:
        from algorithm.data.conversion.beam import beam_execution

        execute = beam_execution(arguments.beam)
    done = convert(
        arguments.data_url,
        arguments.output,
        arguments.format,
        shards=arguments.shards,
        workers=arguments.workers,
        clean=arguments.clean,
        seed=arguments.seed,
        execute=execute,
    )
    for warning in done.warnings:
        print(f"WARNING {warning}", file=sys.stderr)
    print(f"{done.pictures} pictures: {done.path}")


VERB = Verb(
    "convert",
    "write a dataset in another form; run again, it goes on where it was cut off",
    _add_flags,
    _run,
)
