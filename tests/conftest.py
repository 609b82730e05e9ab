"""Fixtures of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real pictures and reference figures beside the clone or above it; skips where there is none."""
    for folder in Path(__file__).resolve().parents:
        candidate = folder / "shared"
        if (candidate / "data").is_dir():
            return candidate
    pytest.skip("no folder 'shared' with real data beside the project or above it")
