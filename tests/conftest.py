"""Fixtures of all tests, and the order they run in."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from lifetime import end_with

GROWTH = 300 << 20  # bytes, since memory was given back
RESIDENT = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """A worker ends with the process that hands out the tests, also when that one is killed."""
    if hasattr(config, "workerinput"):
        end_with(os.getppid())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the most slow tests first, of those that will run, then whole jobs, then the rest.

    So workers that take file after file end together.
    """
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: (-slow[item.path], len(item.path.parts)))


def pytest_collection_finish() -> None:
    """What is there by now stays, so the search for garbage need not go through it time and again.

    Graphs are made of millions of objects. pytest_runtest_teardown gives back those in cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    if tf := sys.modules.get("tensorflow"):  # graphs run once or twice: as they are written
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Networks and graphs that no test needs any more are given back before many are there."""
    if sys.platform == "linux":
        now = resident_bytes()
        kept = min(now, item.config.stash.get(RESIDENT, 0))
        if now > kept + GROWTH:
            forget_gradients()
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)
            kept = resident_bytes()
        item.config.stash[RESIDENT] = kept


def forget_gradients() -> None:
    """Has TensorFlow drop gradients of its own making, each of which keeps a whole graph for ever."""
    if ops := sys.modules.get("tensorflow.python.framework.ops"):
        known = ops.gradient_registry._registry
        for name in [name for name in known if name.startswith("CustomGradient-")]:
            del known[name]


def resident_bytes() -> int:
    """What this process holds in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.fixture
def without_graphs() -> Iterator[None]:
    """Functions run as they are written: for a few steps, graphs would take most of the time."""
    import small_job

    with pytest.MonkeyPatch.context() as patch:
        small_job.without_graphs(patch.setattr)
        yield
    small_job.with_graphs()


@pytest.fixture
def rewritten_graphs() -> Iterator[None]:
    """TensorFlow rewrites graphs before they run, as it does outside of these tests."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real pictures and reference figures beside the clone or above it, or a skip."""
    for folder in Path(__file__).resolve().parents:
        candidate = folder / "shared"
        if (candidate / "data").is_dir():
            return candidate
    pytest.skip("no folder 'shared' with real data beside the project or above it")


@pytest.fixture(scope="session")
def random_records():
    """The function records_at_random(seed, pictures, classes, crowds)."""
    from random_records import records_at_random

    return records_at_random
