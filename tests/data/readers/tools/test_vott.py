"""VoTT's JSON: a box for each tag of a region; a region without a tag is named."""

from __future__ import annotations

from pathlib import Path

from ..reading import exports, pictures, read, write


def asset(name: str, *tags: list[str]) -> dict:
    box = {"left": 2, "top": 3, "width": 18, "height": 22}
    regions = [{"type": "RECTANGLE", "tags": each, "boundingBox": box} for each in tags]
    size = {"width": 40, "height": 30}
    return {
        "asset": {"name": name, "path": f"file:/home/me/{name}", "size": size},
        "regions": regions,
    }


def test_an_export(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b c.png")
    assets = {"1": asset("a.png", ["cat"], ["dog", "pet"], []), "2": asset("b%20c.png", ["cat"])}
    write(tmp_path / "vott-json-export" / "Pets-export.json", {"name": "Pets", "assets": assets})
    found = read(tmp_path)
    box = [3, 2, 25, 20]
    assert found.objects == {
        "a.png": [("cat", box), ("dog", box), ("pet", box)],
        "b c.png": [("cat", box)],
    }
    assert len(found.complaints) == 1
    assert "object 4: expected a class name, found none" in found.complaints[0]


def test_files_of_single_pictures(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png", "b.png")
    for name in ("a", "b"):
        write(tmp_path / f"{name}-asset.json", asset(f"{name}.png", [name]))
    assert read(tmp_path).objects == {
        "a.png": [("a", [3, 2, 25, 20])],
        "b.png": [("b", [3, 2, 25, 20])],
    }


def test_a_real_export(shared_dir: Path) -> None:
    found = read(exports(shared_dir, "vott_json_dataset/dataset"))
    assert [name for name, _ in found.objects["img0002.jpg"]] == ["animal", "dog"]
    assert found.objects["img0001.jpg"] == [("animal", [10, 5, 12, 15])]
    assert len(found.complaints) == 1
