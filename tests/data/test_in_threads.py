"""Items are taken a few at a time, and come back in their order."""

import time

import pytest

from algorithm.data.in_threads import AHEAD, in_threads


def test_results_keep_the_order_and_few_items_are_taken_ahead() -> None:
    taken = 0

    def items():
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    def slow_at_first(number: int) -> int:
        time.sleep(0.01 if number < 2 else 0)
        return 2 * number

    results = in_threads(slow_at_first, items(), 3)
    assert next(results) == 0
    assert taken == AHEAD * 3
    assert list(results) == list(range(2, 2000, 2))


def test_the_first_error_is_raised_at_its_place() -> None:
    results = in_threads(lambda number: 6 // (2 - number), range(100), 2)
    assert [next(results), next(results)] == [3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)
