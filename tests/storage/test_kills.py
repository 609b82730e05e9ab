"""Kills on the server that is always there; tests/storage/test_strict_server.py has those on a strict one."""

import pytest

from tests.storage.kills import kill_copies


@pytest.mark.slow
@pytest.mark.soak
def test_a_copy_killed_at_any_moment_is_whole_and_goes_on(plain, tmp_path):
    kill_copies(plain, tmp_path)
