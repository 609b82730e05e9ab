"""The conversion on Apache Beam's direct runner is the conversion."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from algorithm.data.conversion import convert
from algorithm.data.conversion.beam import beam_execution
from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.errors import ArgumentError, DataError

with_beam = pytest.mark.skipif(
    find_spec("apache_beam") is None,
    reason="Apache Beam is not installed: pip install -e '.[beam]'",
)
# Beam's own code, and what it imports, warns of things that are theirs to mend
quiet = pytest.mark.filterwarnings("ignore")


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".conversion" not in path.parts
    }


@with_beam
@quiet
@pytest.mark.parametrize("form", ["tfrecord", "coco"])
def test_same_bytes_as_without(tmp_path: Path, form: str) -> None:
    manifest = write_sample_dataset(tmp_path / "set", count=12, size=64)
    convert(manifest, tmp_path / "plain", form, shards=4, workers=1)
    convert(manifest, tmp_path / "beam", form, shards=4, workers=2, execute=beam_execution())
    assert files_of(tmp_path / "plain") == files_of(tmp_path / "beam")


@with_beam
@quiet
def test_fault_of_a_worker_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write_sample_dataset(tmp_path / "set", count=4, size=64)
    execute = beam_execution()

    def without_a_picture(tasks: list, workers: int) -> None:
        (tmp_path / "set" / "images" / "scene-0001.jpg").unlink()
        execute(tasks, workers)

    with pytest.raises(
        DataError, match="expected the pictures to stay as they were checked, found .*scene-0001"
    ):
        convert(manifest, tmp_path / "out", "coco", workers=1, execute=without_a_picture)


def test_missing_beam_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apache_beam", None)
    with pytest.raises(
        ArgumentError, match=r"found no module apache_beam: pip install '.*\[beam\]'"
    ):
        beam_execution()
