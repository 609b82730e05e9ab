import tempfile
from pathlib import Path

import pytest

from algorithm.errors import ResourceError
from algorithm.modelarts.environment import open_workspace, scratch_dir


def test_the_platforms_scratch_disk_is_used_where_it_exists(tmp_path):
    assert scratch_dir(tmp_path) == tmp_path
    assert scratch_dir(tmp_path / "absent") == Path(tempfile.gettempdir())


def test_a_workspace_has_its_folders_and_is_removed(tmp_path):
    with open_workspace(tmp_path / "parent") as workspace:
        assert workspace.root.parent == tmp_path / "parent"
        assert all(
            folder.is_dir() for folder in (workspace.inputs, workspace.outputs, workspace.work)
        )
        (workspace.work / "file").write_text("x")
    assert list((tmp_path / "parent").iterdir()) == []


def test_a_workspace_is_removed_after_a_failure(tmp_path):
    with pytest.raises(KeyError), open_workspace(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_two_workspaces_are_apart(tmp_path):
    with open_workspace(tmp_path) as one, open_workspace(tmp_path) as other:
        assert one.root != other.root


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(ResourceError, match="expected a writable folder"),
        open_workspace(tmp_path / "file" / "below"),
    ):
        pass
