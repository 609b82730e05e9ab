"""Label maps as people and tools write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.data.readers.records.label_map_file import parsed, read_label_maps
from algorithm.errors import DataError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("item { id: 1 name: 'a' }\nitem{name:\"b\",id:2}", {1: "a", 2: "b"}),
        ("item: < id: 0 name: 'a' > # first", {0: "a"}),
        ("item { name: 'x' id: 3 display_name: 'a' keypoints { id: 9 label: 'n' } }", {3: "a"}),
        (r'item { id: 1 name: "\346\261\275 \"x\"" }', {1: '汽 "x"'}),
        ("item {\n  id: 5\n  name: '狗'\n}\n", {5: "狗"}),
        ("", {}),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_spellings(tmp_path: Path, text: str, names: dict, encoding: str) -> None:
    file = tmp_path / "map.pbtxt"
    file.write_text(text, encoding=encoding)
    assert read_label_maps([file]).names == names


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("item { id: 1", "no closing '}'"),
        ("}", "a closing '}' too many"),
        ("item { id: }", "'}' after 'id'"),
        ("item { id: 1 name: 'a' } item { id: 1 name: 'b' }", "an id of its own and a name"),
        ("item { name: 'a' }", "an id of its own and a name in each item .*found name: a"),
    ],
)
def test_damage_is_named(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "map.pbtxt").write_text(text)
    with pytest.raises(DataError, match=problem):
        read_label_maps([tmp_path / "map.pbtxt"])


def test_messages_nest() -> None:
    assert parsed("a { b: 1 c { b: 2 } }") == [("a", [("b", "1"), ("c", [("b", "2")])])]
