"""data: make, check, clean, split or convert a dataset; a file for each, data_VERB.py."""

from __future__ import annotations

from algorithm.cli.data import data_check, data_clean, data_convert, data_sample, data_split
from algorithm.cli.verb import VerbGroup

GROUP = VerbGroup(
    "data",
    "make, check, clean, split or convert a dataset",
    (
        data_sample.VERB,
        data_check.VERB,
        data_clean.VERB,
        data_split.VERB,
        data_convert.VERB,
    ),
)
