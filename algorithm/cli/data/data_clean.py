"""data clean: cleaned copies of what is wrong in a dataset."""

from __future__ import annotations

import argparse
import sys

from algorithm.cli.output_folder import claim_folder
from algorithm.cli.verb import Verb
from algorithm.jobs.job_urls import check_data_url
from algorithm.modelarts.model_index import FULL_DEPTH


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data_url", required=True, help="manifest, folder, or another form of dataset"
    )
    parser.add_argument("--output", required=True, help="folder to write, outside the dataset")
    for side in ("width", "height"):
        parser.add_argument(
            f"--max_{side}", type=int, help="shrink larger pictures to fit (default: leave them)"
        )
    parser.add_argument(
        "--bit_depth",
        type=int,
        choices=range(8, FULL_DEPTH + 1),
        default=FULL_DEPTH,
        metavar="BITS",
        help="bits that pictures of 16 bits use, such as 12 of many cameras (default: %(default)s)",
    )


def _run(arguments: argparse.Namespace) -> None:
    claim_folder(arguments.output, "data clean")
    check_data_url(arguments.data_url)
    from algorithm.data.cleaning.cleaned_copy import clean_copy
    from algorithm.data.cleaning.report.cleaning_report import PAGE, action_totals

    done = clean_copy(
        arguments.data_url,
        arguments.output,
        max_width=arguments.max_width,
        max_height=arguments.max_height,
        bit_depth=arguments.bit_depth,
    )
    for warning in done.warnings:
        print(f"WARNING {warning}", file=sys.stderr)
    print(
        f"kept {done.kept} samples, left out {done.lost}; wrote {done.pictures} picture(s) and "
        f"{done.annotations} annotation(s)"
    )
    if done.findings:
        print(action_totals(done.findings))
    print(f"wrote {done.manifest} and {done.manifest.with_name(PAGE)}")


VERB = Verb(
    "clean", "write cleaned copies of what is wrong in a dataset, and a report", _add_flags, _run
)
