import json
from pathlib import Path

import pytest

from algorithm.errors import DataError, first_line
from algorithm.modelarts.model_index import index_content, read_bit_depth, read_class_names


def test_class_names_are_written_and_read_back(tmp_path):
    (tmp_path / "index").write_text(json.dumps(index_content(("猫", "dog"))), "utf-8")
    assert read_class_names(tmp_path) == ("猫", "dog")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"labels_list": []}', '{"labels_list": [1]}'])
def test_an_index_without_names_is_refused(tmp_path, content):
    (tmp_path / "index").write_text(content, "utf-8")
    with pytest.raises(DataError, match="give the folder `model` that a finished training job"):
        read_class_names(tmp_path)


def test_a_folder_without_index_is_refused():
    with pytest.raises(DataError, match="found No such file or directory"):
        read_class_names(Path("/nowhere"))


def test_the_first_line_of_an_error():
    assert first_line(ValueError("\none\ntwo")) == "one"
    assert first_line(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_the_bit_depth_stands_there_where_it_is_not_16(tmp_path):
    assert "bit_depth" not in index_content(("dog",))
    for depth in (12, 16):
        (tmp_path / "index").write_text(json.dumps(index_content(("dog",), depth)), "utf-8")
        assert read_bit_depth(tmp_path) == depth
    (tmp_path / "index").write_text('{"labels_list": ["dog"], "bit_depth": 40}', "utf-8")
    with pytest.raises(DataError, match="expected bit_depth of 8..16"):
        read_bit_depth(tmp_path)
