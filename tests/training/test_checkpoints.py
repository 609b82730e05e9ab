"""Checkpoints: whole or not at all, published names, damaged ones passed over."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from algorithm.errors import ResourceError
from algorithm.training import checkpoints


def save(folder, step, keep=3, value=None):
    return checkpoints.save(folder, step, {"a/kernel": np.full(4, step if value is None else value, np.float32)},
                            {"epoch": step}, keep)


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
    assert names == ["checkpoint", "model.ckpt-3.data-00000-of-00001", "model.ckpt-3.index",
                     "model.ckpt-4.data-00000-of-00001", "model.ckpt-4.index"]


def test_keeping_one_replaces_it(tmp_path):
    save(tmp_path, 1, keep=1)
    save(tmp_path, 2, keep=1)
    assert checkpoints.steps_in(tmp_path) == [2]


@pytest.mark.parametrize("damage", ["truncate_data", "truncate_index", "flip"])
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_used(tmp_path, caplog, damage):
    save(tmp_path, 1)
    save(tmp_path, 2)
    path = tmp_path / ("model.ckpt-2.index" if damage == "truncate_index" else "model.ckpt-2.data-00000-of-00001")
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
