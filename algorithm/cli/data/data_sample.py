"""data sample: a rendered dataset to try things on."""

from __future__ import annotations

import argparse

from algorithm.cli.output_folder import claim_folder
from algorithm.cli.verb import Verb
from algorithm.errors import ArgumentError


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", required=True, help="folder to write")
    for name, default, text in (
        ("count", 300, "number of pictures (default: %(default)s)"),
        ("seed", 0, "another seed gives other pictures (default: %(default)s)"),
        ("size", 208, "typical side in pixels (default: %(default)s)"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=text)


# A manifest of no pictures is no dataset; on fewer pixels an object may show none.
_LEAST = {"count": 1, "seed": 0, "size": 32}


def _run(arguments: argparse.Namespace) -> None:
    for name, least in _LEAST.items():
        value = getattr(arguments, name)
        if value < least:
            raise ArgumentError(f"--{name}: expected {least} or more, found {value}")
    claim_folder(arguments.output, "data sample")
    from algorithm.data.synthetic.scenes import write_sample_dataset

    print(
        write_sample_dataset(
            arguments.output, count=arguments.count, seed=arguments.seed, size=arguments.size
        )
    )


VERB = Verb(
    "sample", "write a rendered dataset with VOC annotations and a manifest", _add_flags, _run
)
