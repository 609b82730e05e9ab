"""Pictures, videos and cameras onto the disk."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from algorithm.cli.verbs import predict as predict_verb
from algorithm.errors import ArgumentError, DataError
from algorithm.prediction import predict_run, video
from algorithm.prediction.predict_run import SAVES, output_items, predict_files
from algorithm.prediction.sources import Files, find_files


@pytest.fixture
def told(caplog):
    caplog.set_level("INFO", "algorithm")
    return caplog


def names_in(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_pictures_keep_their_names_and_each_has_a_line(model, pictures, tmp_path, told):
    out = tmp_path / "out"
    written = predict_files(model, find_files(pictures), out, model.choice())
    assert names_in(out) == ["b.jpg", "detections.json", "甲.png"]
    replies = json.loads(written.read_text("utf-8"))
    assert list(replies) == [str(pictures / "b.jpg"), str(pictures / "甲.png")]
    assert replies[str(pictures / "甲.png")]["detection_boxes"][1] == [0, 0, 40, 60]
    with Image.open(out / "甲.png") as drawn, Image.open(pictures / "甲.png") as given:
        assert (drawn.size, drawn.format) == (given.size, "PNG")
        assert (np.asarray(drawn) != np.asarray(given)).any()
    assert f"skipped, neither a picture nor a video: {pictures / 'note.txt'}" in told.messages
    assert "b.jpg: 1 dog 0.90, 1 猫 0.50" in told.messages
    assert told.messages[-1].startswith("2 pictures, ")


def test_what_is_replaced_is_named(model, pictures, tmp_path, told):
    for saves in (["coco", "txt"], ["txt"]):
        files = find_files(pictures / "b.jpg")
        predict_files(model, files, tmp_path / "out", model.choice(), saves=saves)
    said = [line for line in told.messages if line.startswith("replaces")]
    assert said == [f"replaces in {tmp_path / 'out'}: b.jpg, detections.json, labels"]


def test_a_bad_picture_is_named_after_the_good_ones_are_done(model, pictures, tmp_path, told):
    (pictures / "a_bad.jpg").write_bytes(b"text")
    with pytest.raises(DataError, match=r"(?s)1 of 3 files.*a_bad.jpg: expected a JPEG"):
        predict_files(model, find_files(pictures), tmp_path / "out", model.choice())
    assert len(json.loads((tmp_path / "out" / "detections.json").read_text("utf-8"))) == 2
    assert any(line.startswith("skipped: ") and "a_bad" in line for line in told.messages)


def test_everything_else_that_can_be_saved(model, pictures, tmp_path):
    out = tmp_path / "out"
    predict_files(model, find_files(pictures), out, model.choice(), saves=tuple(SAVES))
    assert names_in(out / "crops") == ["dog/b_1.jpg", "dog/甲_1.jpg", "猫/b_2.jpg", "猫/甲_2.jpg"]
    with Image.open(out / "crops" / "dog" / "甲_1.jpg") as crop:
        assert crop.size == (30, 20)
    assert names_in(out / "labels") == ["b.txt", "classes.txt", "甲.txt"]
    assert (out / "labels" / "classes.txt").read_text("utf-8") == "猫\ndog\n"
    line = (out / "labels" / "甲.txt").read_text("utf-8").splitlines()[0]
    assert line == "1 0.250000 0.250000 0.500000 0.500000 0.9000"
    coco = COCO(str(out / "coco.json"))
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == ["b.jpg", "甲.png"]
    assert coco.loadAnns([3])[0]["bbox"] == [0, 0, 30, 20] and coco.loadAnns([3])[0]["score"] > 0.8


def test_names_that_would_collide_are_refused_before_anything_is_written(model, pictures, tmp_path):
    (pictures / "b.png").write_bytes((pictures / "甲.png").read_bytes())
    output_items(find_files(pictures), tmp_path / "out")
    with pytest.raises(ArgumentError, match=r"--save_txt: .*b\.jpg, b\.png"):
        predict_files(
            model, find_files(pictures), tmp_path / "out", model.choice(), saves=["coco", "txt"]
        )
    assert not (tmp_path / "out").exists()


def test_the_pictures_themselves_are_never_replaced(pictures):
    with pytest.raises(ArgumentError, match="expected another folder than that of the pictures"):
        output_items(find_files(pictures), pictures)


def test_pictures_of_several_folders_keep_them(model, pictures, tmp_path):
    (pictures / "deep").mkdir()
    (pictures / "b.jpg").rename(pictures / "deep" / "甲.png.jpg")
    files = find_files(str(pictures).replace("[1]", "*") + "/**/*.*")
    predict_files(model, files, tmp_path / "out", model.choice(), saves=["txt"])
    assert names_in(tmp_path / "out") == [
        "deep/甲.png.jpg", "detections.json", "labels/classes.txt", "labels/deep/甲.png.txt",
        "labels/甲.txt", "甲.png",
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", [".gif", ".bmp", ".webp", ".tiff", ".jfif"])
def test_every_kind_of_picture_is_written_in_its_form(model, pictures, tmp_path, suffix):
    with Image.open(pictures / "甲.png") as picture:
        kind = "JPEG" if suffix == ".jfif" else None
        picture.convert("RGB").save(pictures / f"x{suffix}", kind)
    predict_files(model, find_files(pictures / f"x{suffix}"), tmp_path / "o", model.choice())
    with (
        Image.open(pictures / f"x{suffix}") as given,
        Image.open(tmp_path / "o" / f"x{suffix}") as drawn,
    ):
        assert drawn.format == given.format and drawn.size == given.size


def test_a_video_becomes_a_video_with_boxes(model, video, tmp_path, told):
    out = tmp_path / "out"
    choice = model.choice(classes=["dog"])
    predict_files(model, find_files(video), out, choice, saves=tuple(SAVES))
    assert {"clip.mp4", "coco.json", "detections.json"} < set(names_in(out))
    assert names_in(out / "labels")[:2] == ["classes.txt", "clip_000000.txt"]
    assert len(names_in(out / "crops" / "dog")) == 6
    frames = json.loads((out / "detections.json").read_text("utf-8"))[str(video)]["frames"]
    assert [(each["frame"], each["detection_classes"]) for each in frames[:2]] == [
        (0, ["dog"]), (1, ["dog"]),
    ]  # fmt: skip
    assert frames[5]["time"] == pytest.approx(1.0)
    capture = cv2.VideoCapture(str(out / "clip.mp4"))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)) == (6, 5)
    assert told.messages[-1].startswith(f"{video}: 6 frames, ")
    assert told.messages[-1].endswith("a frame (median): dog in 6")


def test_so_many_frames_at_most(model, video, tmp_path):
    predict_files(model, find_files(video), tmp_path / "out", model.choice(), most_frames=2)
    assert len(model.predict(tmp_path / "out" / "clip.mp4")) == 2


class Camera:
    """A camera that somebody stops with Ctrl-C after some frames."""

    frames = 4

    def __init__(self, number):
        self.number, self.seen = number, 0

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return self.number == 0

    def get(self, what):
        return 10.0 if what == cv2.CAP_PROP_FPS else -1.0

    def read(self):
        self.seen += 1
        if self.seen > self.frames:
            raise KeyboardInterrupt
        return True, np.full((48, 64, 3), 40 * self.seen, np.uint8)

    def release(self):
        self.seen = -1


def test_a_camera_is_looked_at_until_somebody_stops_it(model, tmp_path, told, monkeypatch):
    monkeypatch.setattr(video.cv2, "VideoCapture", Camera)
    written = predict_files(model, 0, tmp_path / "out", model.choice())
    assert names_in(tmp_path / "out") == ["camera_0.mp4", "detections.json"]
    assert len(json.loads(written.read_text("utf-8"))["camera 0"]["frames"]) == 4
    assert "camera 0: 4 frames" in told.messages[-1]
    assert [each.frame for each, _ in zip(model.stream(0), range(2), strict=False)] == [0, 1]


def test_a_film_that_is_interrupted_leaves_no_half_video(model, video, tmp_path, monkeypatch):
    seen = []

    def stop(self, result, item):
        seen.append(item)
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(predict_run.Replies, "add", stop)
    with pytest.raises(KeyboardInterrupt):
        predict_files(model, find_files(video), tmp_path / "out", model.choice())
    assert names_in(tmp_path / "out") == []


def test_a_folder_without_hits_still_answers(model, pictures, tmp_path, told):
    predict_files(model, Files((pictures / "b.jpg",)), tmp_path / "out", model.choice(score=0.99))
    assert "b.jpg: nothing" in told.messages


def test_the_flags_save_what_can_be_saved():
    assert set(predict_verb.SAVES) == set(SAVES)
