"""Checkpoints: whole or not at all, published names, damaged ones passed over."""

import logging
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from algorithm.errors import ResourceError
from algorithm.training import checkpoints

PARTS = (".data-00000-of-00001", ".index")


def save(folder, step, keep=3, value=None):
    return checkpoints.save(
        folder,
        step,
        {"a/kernel": np.full(4, step if value is None else value, np.float32)},
        {"epoch": step},
        keep,
    )


def test_what_is_saved_comes_back(tmp_path):
    save(tmp_path, 5)
    tensors, state = checkpoints.load(tmp_path, 5)
    np.testing.assert_array_equal(tensors["a/kernel"], [5, 5, 5, 5])
    assert state == {"epoch": 5}
    assert list(tensors) == ["a/kernel"]


def test_tensorflow_itself_finds_and_reads_the_newest(tmp_path):
    save(tmp_path, 5)
    save(tmp_path, 9)
    newest = tf.train.latest_checkpoint(str(tmp_path))
    assert newest == str(tmp_path / "model.ckpt-9")
    assert tf.train.load_variable(newest, "a/kernel").tolist() == [9, 9, 9, 9]


def test_only_the_newest_few_are_kept(tmp_path):
    for step in (1, 2, 3, 4):
        save(tmp_path, step, keep=2)
    assert checkpoints.steps_in(tmp_path) == [3, 4]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "checkpoint",
        "model.ckpt-3.data-00000-of-00001",
        "model.ckpt-3.index",
        "model.ckpt-4.data-00000-of-00001",
        "model.ckpt-4.index",
    ]


def test_keeping_one_replaces_it(tmp_path):
    save(tmp_path, 1, keep=1)
    save(tmp_path, 2, keep=1)
    assert checkpoints.steps_in(tmp_path) == [2]


@pytest.mark.parametrize("damage", ["truncate_data", "truncate_index", "flip"])
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_used(tmp_path, caplog, damage):
    save(tmp_path, 1)
    save(tmp_path, 2)
    path = tmp_path / (
        "model.ckpt-2.index" if damage == "truncate_index" else "model.ckpt-2.data-00000-of-00001"
    )
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[3] ^= 0xFF
    else:
        del content[len(content) // 2 :]
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        _, state = checkpoints.load_newest(tmp_path)
    assert state == {"epoch": 1}
    assert "model.ckpt-2 is damaged" in caplog.text


def test_a_bundle_the_list_does_not_name_is_not_a_checkpoint(tmp_path):
    save(tmp_path, 1)
    for part in (".index", ".data-00000-of-00001"):
        (tmp_path / f"model.ckpt-7{part}").write_bytes(b"half")
    assert checkpoints.steps_in(tmp_path) == [1]


def test_a_folder_that_cannot_be_written_is_an_error_of_its_kind_and_keeps_the_earlier(tmp_path):
    save(tmp_path, 1)
    (tmp_path / ".model.ckpt-2.part").write_text("a file where the staging folder goes")
    with pytest.raises(ResourceError, match="model.ckpt-2.*free some space"):
        save(tmp_path, 2)
    assert checkpoints.steps_in(tmp_path) == [1]


def test_no_folder_means_no_checkpoint(tmp_path):
    assert checkpoints.load_newest(tmp_path / "nothing") is None


@pytest.mark.parametrize("part", PARTS)
def test_a_newest_checkpoint_without_one_of_its_files_is_named_and_the_one_before_is_used(
    tmp_path, caplog, part
):
    save(tmp_path, 1)
    save(tmp_path, 2)
    (tmp_path / f"model.ckpt-2{part}").unlink()
    with caplog.at_level(logging.WARNING):
        _, state = checkpoints.load_newest(tmp_path)
    assert state == {"epoch": 1}
    assert f"model.ckpt-2 is damaged (model.ckpt-2{part} missing)" in caplog.text


def test_no_flipped_bit_and_no_cut_is_ever_loaded_as_something_else(tmp_path):
    rng = np.random.default_rng(0)
    written = {
        f"layer_{index}/kernel": rng.normal(size=(3, 5 * index + 1)).astype(np.float32)
        for index in range(12)
    }
    checkpoints.save(tmp_path, 7, written, {"epoch": 7}, keep=1)
    refused = harmless = 0
    for part in PARTS:
        path = tmp_path / f"model.ckpt-7{part}"
        whole = path.read_bytes()
        places = rng.integers(0, 8 * len(whole), 150)
        damaged = [
            whole[: place // 8]
            + bytes([whole[place // 8] ^ 1 << place % 8])
            + whole[place // 8 + 1 :]
            for place in places
        ]
        damaged += [whole[:length] for length in rng.integers(0, len(whole), 30)]
        for content in damaged:
            path.write_bytes(content)
            found = checkpoints.load_newest(tmp_path)
            refused, harmless = refused + (found is None), harmless + (found is not None)
            if found is not None:
                assert found[1] == {"epoch": 7}
                assert found[0].keys() == written.keys()
                assert all(np.array_equal(found[0][name], value) for name, value in written.items())
        path.write_bytes(whole)
    assert refused + harmless == 360
    assert refused > 300
    assert checkpoints.load_newest(tmp_path) is not None


def test_a_checkpoint_replaced_by_one_of_the_same_step_survives_a_kill_between_the_two_renames(
    tmp_path,
):
    save(tmp_path, 3, keep=1, value=1)
    save(tmp_path / "other", 3, keep=1, value=2)
    staging = tmp_path / ".model.ckpt-3.part"
    staging.mkdir()
    for part in PARTS:
        (tmp_path / "other" / f"model.ckpt-3{part}").rename(staging / f"model.ckpt-3{part}")
    (staging / f"model.ckpt-3{PARTS[0]}").replace(
        tmp_path / f"model.ckpt-3{PARTS[0]}"
    )  # here the job was killed
    tensors, _ = checkpoints.load_newest(tmp_path)
    assert tensors["a/kernel"].tolist() == [2, 2, 2, 2]
    save(tmp_path, 4, keep=1)
    assert checkpoints.steps_in(tmp_path) == [4]


def test_where_a_file_may_not_grow_the_error_has_path_and_bytes_and_the_earlier_checkpoint_stays(
    tmp_path,
):
    save(tmp_path, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ResourceError) as caught:
            checkpoints.save(tmp_path, 2, {"a/kernel": np.zeros(250_000, np.float32)}, {}, keep=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    first = str(caught.value).splitlines()[0]
    assert f"{tmp_path}/model.ckpt-2: expected to write 1000000 bytes, found" in first
    assert "bytes free" in first and "free some space or give another train_url" in first
    assert checkpoints.load_newest(tmp_path)[1] == {"epoch": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint",
        *(f"model.ckpt-1{part}" for part in PARTS),
    ]


@pytest.fixture
def full_disk(tmp_path):
    """A file system of 1.5 MB; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", folder],
            capture_output=True,
            check=False,
        ).returncode
    ):
        pytest.skip("needs root and the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_an_error_of_its_kind_and_the_earlier_checkpoint_stays(full_disk):
    megabyte = {"a/kernel": np.ones(250_000, np.float32)}
    checkpoints.save(full_disk, 1, megabyte, {"epoch": 1}, keep=3)
    with pytest.raises(
        ResourceError, match=r"model.ckpt-2: expected to write 1000000 bytes, found \d+ bytes free"
    ):
        checkpoints.save(full_disk, 2, megabyte, {"epoch": 2}, keep=3)
    assert checkpoints.load_newest(full_disk)[1] == {"epoch": 1}
    assert checkpoints.steps_in(full_disk) == [1]


@pytest.mark.slow
@pytest.mark.parametrize("keep", [1, 2])
def test_a_writer_killed_at_random_moments_never_leaves_a_folder_without_a_whole_checkpoint(
    tmp_path, keep
):
    """keep=1 is the archive's case: the one checkpoint there is may only be replaced by a whole one."""
    writer = Path(__file__).with_name("checkpoint_writer.py")
    done = subprocess.run(
        [sys.executable, str(writer), str(tmp_path), str(keep), "15"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 kills, 0 unreadable, 0 gone back" in done.stdout
