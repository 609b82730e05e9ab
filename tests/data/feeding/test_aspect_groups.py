"""Batches of alike shapes: the groups of torchvision, the same samples in every epoch, the same order for a seed and a step."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from algorithm.data import load_dataset
from algorithm.data.feeding.aspect_groups import aspect_groups, grouped_places
from algorithm.data.feeding.batch_order import training_order


@pytest.fixture
def shapes(make_manifest, tmp_path: Path):
    """Samples of which only width and height matter: 6 wide, 6 tall, in turn."""
    samples = load_dataset(make_manifest(12), clean=False, seed=0, work_dir=tmp_path)
    every = samples.train + samples.eval
    return [
        replace(sample, width=400 if index % 2 else 200, height=300)
        for index, sample in enumerate(every)
    ]


def order(groups: np.ndarray, **options) -> list[list[int]]:
    rows = training_order(
        groups,
        3,
        seed=1,
        start_step=options.pop("start_step", 0),
        shard=options.pop("shard", (0, 1)),
    )
    chosen = [int(index) for _, _, index in itertools.islice(rows.as_numpy_iterator(), 24)]
    return [chosen[place : place + 3] for place in range(0, 24, 3)]


def test_the_borders_of_torchvision(shapes) -> None:
    wide = [
        replace(shapes[0], width=width, height=100)
        for width in (40, 50, 75, 100, 130, 199, 200, 300)
    ]
    assert aspect_groups(wide, 1).tolist() == [0, 1, 1, 2, 2, 2, 3, 3]
    assert aspect_groups(wide, 0).tolist() == aspect_groups(wide, -1).tolist() == [0] * 8


def test_a_batch_is_of_one_shape_and_an_epoch_has_every_sample(shapes) -> None:
    batches = order(aspect_groups(shapes, 3))
    assert all(len({index % 2 for index in batch}) == 1 for batch in batches)
    assert (
        sorted(itertools.chain(*batches[:4]))
        == sorted(itertools.chain(*batches[4:]))
        == list(range(12))
    )
    assert batches[:4] != batches[4:]
    assert order(aspect_groups(shapes, 3)) == batches
    assert order(aspect_groups(shapes, 3), start_step=3)[:5] == batches[3:]


def test_without_groups_the_order_is_the_plain_one(shapes) -> None:
    assert any(
        len({index % 2 for index in batch}) == 2 for batch in order(aspect_groups(shapes, 0))
    )


def test_what_does_not_fill_a_batch_makes_a_mixed_one() -> None:
    places = (
        grouped_places(tf.constant([0, 1, 0, 1, 0, 1, 1, 1]), 4, tf.constant([3, 0], tf.int64))
        .numpy()
        .reshape(2, 4)
    )
    assert sorted(map(sorted, places.tolist())) == [[0, 1, 2, 4], [3, 5, 6, 7]]
