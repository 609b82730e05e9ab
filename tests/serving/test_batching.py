"""Pictures of several requests, run together."""

from __future__ import annotations

import threading
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import pytest

from algorithm.serving.batching import Batcher

Picture = namedtuple("Picture", "number group", defaults=("a",))


class Network:
    """Doubles numbers; holds the first batch back until told, so that the others have to wait."""

    def __init__(self):
        self.batches, self.gate, self.entered = [], threading.Event(), threading.Event()

    def __call__(self, pictures):
        self.batches.append([picture.number for picture in pictures])
        self.entered.set()
        assert self.gate.wait(10)
        if any(picture.number < 0 for picture in pictures):
            raise ValueError("negative")
        return [2 * picture.number for picture in pictures]


def ask_while_busy(requests, most):
    """Outputs (or errors) of requests that all arrived while the network was busy with another one; and the batches."""
    network = Network()
    batcher = Batcher(network, most=most, wait=0)
    with ThreadPoolExecutor(len(requests) + 1) as pool:
        first = pool.submit(batcher, [Picture(0)])
        assert network.entered.wait(10)
        futures = []
        for count, request in enumerate(requests, 1):
            futures.append(pool.submit(batcher, request))
            while len(batcher._jobs) < count:
                pass
        network.gate.set()
        assert first.result(10) == [0]
        return [future.exception(10) or future.result() for future in futures], network.batches[1:]


def test_what_waits_goes_together_up_to_the_limit():
    answers, batches = ask_while_busy([[Picture(number)] for number in (1, 2, 3, 4, 5)], most=3)
    assert answers == [[2], [4], [6], [8], [10]] and batches == [[1, 2, 3], [4, 5]]


def test_pictures_of_a_request_stay_together():
    answers, batches = ask_while_busy(
        [[Picture(1), Picture(2)], [Picture(3), Picture(4)], [Picture(5)]], most=3
    )
    assert answers == [[2, 4], [6, 8], [10]] and batches == [[1, 2, 5], [3, 4]]


def test_a_request_larger_than_a_batch_goes_alone():
    answers, batches = ask_while_busy(
        [[Picture(number) for number in range(1, 6)], [Picture(9)]], most=2
    )
    assert answers == [[2, 4, 6, 8, 10], [18]] and batches == [[1, 2, 3, 4, 5], [9]]


def test_other_groups_are_other_batches():
    answers, batches = ask_while_busy([[Picture(1)], [Picture(2, "b")], [Picture(3)]], most=8)
    assert answers == [[2], [4], [6]] and batches == [[1, 3], [2]]


def test_only_the_one_that_fails_gets_the_error():
    answers, batches = ask_while_busy([[Picture(1)], [Picture(-2)], [Picture(3)]], most=8)
    assert answers[0] == [2] and answers[2] == [6] and str(answers[1]) == "negative"
    assert batches == [[1, -2, 3], [1], [-2], [3]]


@pytest.mark.parametrize("expected, batches", [(1, [[1], [2]]), (2, [[1, 2]])])
def test_a_batch_waits_only_for_requests_that_are_on_their_way(expected, batches):
    network, seen = Network(), []
    network.gate.set()
    batcher = Batcher(
        network,
        most=8,
        wait=5 if expected == 2 else 0.2,
        expected=lambda: expected,
        observe=seen.append,
    )
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(batcher, [Picture(1)])
        if expected == 1:
            assert first.result(10) == [2]
        second = pool.submit(batcher, [Picture(2)])
        assert (first.result(10), second.result(10)) == ([2], [4])
    assert network.batches == batches and seen == [len(batch) for batch in batches]


def test_two_batches_at_a_time_do_not_wait_for_each_other_nor_for_what_the_other_runs():
    network = Network()
    batcher = Batcher(
        network, most=2, wait=30, at_once=2, expected=lambda: 3
    )  # three requests, and no fourth will come
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(batcher, [Picture(number)]) for number in (1, 2)]
        assert network.entered.wait(10)
        network.entered.clear()
        futures.append(pool.submit(batcher, [Picture(3)]))
        assert network.entered.wait(10)  # while the first batch is still inside
        network.gate.set()
        assert [future.result(10) for future in futures] == [[2], [4], [6]]
    assert sorted(map(sorted, network.batches)) == [[1, 2], [3]]
