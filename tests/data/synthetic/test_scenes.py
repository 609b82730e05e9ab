"""Rendered scenes: repeatable, readable as a dataset, with boxes that bound what shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.data import load_dataset
from algorithm.data.outline_geometry import extent
from algorithm.data.outlines import rasterised
from algorithm.data.synthetic import scenes
from algorithm.data.synthetic.scenes import CLASSES, render_scene, write_sample_dataset


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_dataset(tmp_path_factory.mktemp("scenes"), count=40, seed=3)


def test_dataset_loads_without_a_complaint(manifest: Path, tmp_path: Path) -> None:
    data = load_dataset(manifest, clean=False, seed=0, work_dir=tmp_path)
    assert (len(data.train), len(data.eval), data.label_names, data.warnings) == (
        32,
        8,
        tuple(sorted(CLASSES)),
        (),
    )
    samples = data.train + data.eval
    assert (
        load_dataset(manifest.parent, clean=True, seed=0, work_dir=tmp_path).fingerprint
        == data.fingerprint
    )
    assert "images/场景-0003.jpg" in [sample.source for sample in samples]
    assert all(160 <= side <= 256 for sample in samples for side in (sample.width, sample.height))


def test_objects_are_large_enough_to_learn(manifest: Path, tmp_path: Path) -> None:
    data = load_dataset(manifest, clean=False, seed=0, work_dir=tmp_path)
    shares = [
        (box[2:] - box[:2]).max() / min(sample.width, sample.height)
        for sample in data.train + data.eval
        for box in sample.boxes
    ]
    assert len(shares) > 60
    assert min(shares) > 0.12
    assert max(shares) > 0.4


def test_same_seed_same_bytes(manifest: Path, tmp_path: Path) -> None:
    write_sample_dataset(tmp_path / "again", count=10, seed=3)
    write_sample_dataset(tmp_path / "other", count=10, seed=4)
    for file in sorted((tmp_path / "again" / "images").iterdir()):
        assert file.read_bytes() == (manifest.parent / "images" / file.name).read_bytes()
        assert file.read_bytes() != (tmp_path / "other" / "images" / file.name).read_bytes()
    assert not list((tmp_path / "again").rglob("*.part"))


@pytest.fixture
def plain_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """White squares on black, without light and noise; distractors leave no trace."""
    monkeypatch.setitem(scenes.DRAWINGS, "box", lambda rng: Image.new("RGBA", (192, 192), "white"))
    monkeypatch.setattr(
        scenes, "draw_distractor", lambda rng: Image.new("RGBA", (192, 192), (0, 0, 0, 1))
    )
    monkeypatch.setattr(
        scenes,
        "draw_background",
        lambda rng, width, height: np.zeros((height, width, 3), np.float32),
    )
    monkeypatch.setattr(
        scenes, "_photographed", lambda rng, canvas: canvas.round().astype(np.uint8)
    )


def test_boxes_bound_what_shows(plain_scenes: None) -> None:
    rendered = [
        render_scene(np.random.default_rng(number), size=200, classes=("box",))
        for number in range(30)
    ]
    single = [scene for scene in rendered if len(scene.names) == 1]
    assert len(single) > 3
    assert any(len(scene.names) == 0 for scene in rendered)
    for scene in single:
        mask = scene.pixels[..., 0] > 127
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert scene.boxes[0].tolist() == [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]


def test_outlines_cover_what_shows(plain_scenes: None, tmp_path: Path) -> None:
    manifest = write_sample_dataset(tmp_path, count=20, seed=0, classes=("box",))
    data = load_dataset(manifest, clean=False, seed=0, work_dir=tmp_path / "work", outlines=True)
    compared = 0
    for sample in data.train + data.eval:
        covered = [rasterised(one, sample.height, sample.width) for one in sample.outlines]
        for one, outline, box in zip(covered, sample.outlines, sample.boxes, strict=True):
            assert extent(outline) == tuple(box.tolist())
            assert one.any()
        if covered:
            shown = np.asarray(Image.open(sample.path))[..., 0] > 127
            assert np.mean(shown != np.any(covered, axis=0)) < 0.01  # but for what JPEG blurs
            compared += 1
    assert compared > 15


def test_a_ring_has_its_hole(tmp_path: Path) -> None:
    scene = next(
        scene
        for number in range(20)
        for scene in [render_scene(np.random.default_rng(number), size=200, classes=("ring",))]
        if len(scene.names) == 1
    )
    ymin, xmin, ymax, xmax = scene.boxes[0]
    assert not scene.masks[0][(ymin + ymax) // 2, (xmin + xmax) // 2]
    assert 0.3 < scene.masks[0].sum() / ((ymax - ymin) * (xmax - xmin)) < 0.7


def test_chosen_classes_only(tmp_path: Path) -> None:
    manifest = write_sample_dataset(tmp_path, count=10, seed=0, classes=("ring", "star"))
    data = load_dataset(manifest, clean=False, seed=0, work_dir=tmp_path / "work")
    assert data.label_names == ("ring", "star")
