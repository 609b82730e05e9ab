"""assess: why a model is wrong, and what to change."""

from __future__ import annotations

import argparse
from dataclasses import replace

from algorithm.assessment.options import add_options, options_of
from algorithm.cli.early_checks import check_model_folder
from algorithm.cli.output_folder import claim_folder
from algorithm.cli.verb import Verb
from algorithm.jobs.job_urls import check_data_url


def _run(arguments: argparse.Namespace) -> None:
    options = options_of(arguments)
    claim_folder(options.output, "assess")
    check_model_folder(options.model_dir)
    check_data_url(options.data_url)
    from algorithm.assessment.assessment import assess
    from algorithm.models.zoo import PRESETS

    sizes = {name: (row.image_size, row.image_size) for name, row in PRESETS.items()}
    print(assess(replace(options, input_sizes=sizes)))


VERB = Verb(
    "assess",
    "say why a model is wrong, what to change, and the next job's hyperparameters",
    add_options,
    _run,
)
