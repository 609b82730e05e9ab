"""Pictures through the handler of a model folder, onto disk."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.errors import DataError
from algorithm.pages.box_drawing import draw_detections
from algorithm.serving.prediction import find_pictures, predict


@pytest.fixture
def pictures(tmp_path, encode):
    folder = tmp_path / "图片 [1]"
    folder.mkdir()
    (folder / "甲.png").write_bytes(encode(60, 40))
    (folder / "b.jpg").write_bytes(encode(30, 20, "JPEG"))
    (folder / "note.txt").write_text("no picture")
    return folder


def test_replies_and_annotated_pictures_are_written(platform, model_dir, pictures, tmp_path):
    out = tmp_path / "out"
    written = predict(model_dir, str(pictures), out, draw=draw_detections)
    replies = json.loads(written.read_text(encoding="utf-8"))
    assert list(replies) == [str(pictures / "b.jpg"), str(pictures / "甲.png")]
    assert replies[str(pictures / "甲.png")]["detection_boxes"][1] == [0, 0, 40, 60]
    assert sorted(path.name for path in out.iterdir()) == [
        "b.jpg.detections.jpg",
        "detections.json",
        "甲.png.detections.jpg",
    ]
    with Image.open(out / "甲.png.detections.jpg") as marked:
        assert marked.size == (60, 40)


def test_draw_gets_the_upright_pixels_and_the_reply(platform, model_dir, pictures, tmp_path):
    seen = []
    predict(
        model_dir,
        str(pictures / "甲.png"),
        tmp_path / "out",
        draw=lambda *given: seen.append(given) or given[0],
    )
    pixels, boxes, labels, scores, names = seen[0]
    assert pixels.shape == (40, 60, 3) and pixels.dtype == np.uint8
    assert (boxes[0], labels, len(scores), names) == (
        [0, 0, 20, 30],
        ["dog", "猫"],
        2,
        ("猫", "dog"),
    )


def test_a_bad_picture_is_reported_after_the_good_ones_are_done(
    platform, model_dir, pictures, tmp_path
):
    (pictures / "a_bad.jpg").write_bytes(b"text")
    with pytest.raises(DataError, match=r"(?s)1 of 3 pictures.*a_bad.jpg: expected a JPEG"):
        predict(model_dir, str(pictures), tmp_path / "out", draw=draw_detections)
    assert len(json.loads((tmp_path / "out" / "detections.json").read_text())) == 2


def test_a_model_that_fails_is_a_data_error_naming_the_picture(
    platform, model_dir, pictures, tmp_path
):
    platform.outputs = lambda images: {"detection_boxes": np.full((1, 1, 4), np.nan)}
    with pytest.raises(
        DataError, match="b.jpg: no answer from the model: RuntimeError: .*not finite"
    ):
        predict(model_dir, str(pictures / "b.jpg"), tmp_path / "out", draw=draw_detections)


def test_nothing_that_matches_is_an_error(tmp_path):
    with pytest.raises(DataError, match="nothing_here"):
        find_pictures(str(tmp_path / "nothing_here" / "*.jpg"))


def test_globs_go_into_subdirectories(pictures):
    found = find_pictures(str(pictures.parent / "**" / "*.jpg"))
    assert found == [Path(pictures / "b.jpg")]
