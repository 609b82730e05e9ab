"""A job that only evaluates."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.errors import DataError
from algorithm.hyperparameters import parse
from algorithm.jobs.evaluation_job import refuse_untrained
from algorithm.models.weights.warm_start import Start


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (None, "random weights"),
        (Start(Path("b.pth"), "classification", "from b.pth"), "a backbone from b.pth"),
    ],
)
def test_a_network_that_nobody_trained_is_not_evaluated(start, words):
    """mode=eval with an empty train_url wrote AP 0 of a fresh class predictor, exit code 0."""
    hp = parse(["--mode=eval", "--data_url=d", "--train_url=out"])
    with pytest.raises(DataError, match=f"no best checkpoint in out and {words}; give"):
        refuse_untrained(hp, start)


@pytest.mark.parametrize("scope", ["detection", "full"])
def test_weights_of_a_detector_are_evaluated(scope):
    hp = parse(["--mode=eval", "--data_url=d", "--train_url=out"])
    assert refuse_untrained(hp, Start(Path("d"), scope, "from d")) is None
