"""A long look at many pictures says how far it has come."""

import logging

from algorithm.data.cleaning import progress_lines as module
from algorithm.data.cleaning.progress_lines import counted


def test_every_item_comes_and_the_count_is_told_now_and_then(monkeypatch, caplog):
    clock = iter(range(0, 1000, 2))  # two seconds an item
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    with caplog.at_level(logging.INFO, "algorithm"):
        assert list(counted(iter("abcdef"), "pictures read")) == list("abcdef")
    assert [record.message for record in caplog.records] == [
        "3 pictures read ...",
        "6 pictures read ...",
    ]
