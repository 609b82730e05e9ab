"""python -m algorithm data split: a new split of a dataset, stratified, copies on one side."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

Add = Callable[..., argparse.ArgumentParser]


def add(add_verb: Add, verbs: argparse._SubParsersAction) -> None:
    """The verb with its flags."""
    help_text = "write a dataset with a new split; pictures that look the same stay together"
    verb = add_verb(verbs, "split", help_text, run)
    verb.add_argument(
        "--data_url", required=True, help="manifest, folder, or another form of dataset"
    )
    verb.add_argument(
        "--output", required=True, help="folder to write, new or begun by the same command"
    )
    verb.add_argument(
        "--fractions",
        default="0.8,0.2",
        help="of the pictures for TRAIN, EVAL and a test part: 0.8,0.1,0.1 (default: %(default)s)",
    )
    verb.add_argument(
        "--seed", type=int, default=0, help="another seed gives another split (default: 0)"
    )
    verb.add_argument(
        "--clean",
        action="store_true",
        help="leave out what cannot be used instead of stopping at it",
    )
    verb.add_argument("--workers", type=int, help="processes (default: one for each core)")


def run(arguments: argparse.Namespace) -> None:
    """Write the split and say where it is."""
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
