"""python -m algorithm data split: a new split of a dataset, stratified, copies on one side."""

from __future__ import annotations

import argparse
import sys

from algorithm.cli.verb import Verb
from algorithm.jobs.job_urls import check_data_url


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data_url", required=True, help="manifest, folder, or another form of dataset"
    )
    parser.add_argument(
        "--output", required=True, help="folder to write, new or begun by the same command"
    )
    parser.add_argument(
        "--fractions",
        default="0.8,0.2",
        help="of the pictures for TRAIN, EVAL and a test part: 0.8,0.1,0.1 (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="another seed gives another split (default: 0)"
    )
    parser.add_argument(
        "--clean",
        action="store_true",
        help="leave out what cannot be used instead of stopping at it",
    )
    parser.add_argument("--workers", type=int, help="processes (default: one for each core)")


def _run(arguments: argparse.Namespace) -> None:
    check_data_url(arguments.data_url)
    from algorithm.data.conversion.split_copy import parse_fractions, split_copy

    done = split_copy(
        arguments.data_url,
        arguments.output,
        parse_fractions(arguments.fractions),
        seed=arguments.seed,
        clean=arguments.clean,
        workers=arguments.workers,
    )
    for warning in done.warnings:
        print(f"WARNING {warning}", file=sys.stderr)
    print(f"{done.pictures} pictures: {done.path}")
    if done.test:
        print(f"test part, for `evaluate --data_url`: {done.test}")


VERB = Verb(
    "split",
    "write a dataset with a new split; pictures that look the same stay together",
    _add_flags,
    _run,
)
