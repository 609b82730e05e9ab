"""Videos and cameras."""

import cv2
import numpy as np
import pytest

from algorithm.errors import DataError
from algorithm.prediction.video import VideoReader, VideoWriter


def test_frames_come_in_order_with_their_times(video):
    with VideoReader(video) as reader:
        frames = list(reader)
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert [round(frame.time, 2) for frame in frames] == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert frames[0].pixels.shape == (48, 64, 3)
    np.testing.assert_allclose([f.pixels.mean() for f in frames], range(0, 120, 20), atol=4)


def test_what_is_no_video_is_named(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"text")
    with pytest.raises(DataError, match=r"a\.mp4: expected a video"):
        VideoReader(tmp_path / "a.mp4")


def test_a_camera_that_is_not_there_is_named():
    with pytest.raises(DataError, match="camera 93: expected a camera"):
        VideoReader(93)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".mov", ".m4v", ".webm"])
def test_a_video_is_written_whole_in_its_colours(tmp_path, suffix):
    path = tmp_path / "new" / f"out{suffix}"
    writer = VideoWriter(path, 10, (48, 64))
    red = np.zeros((48, 64, 3), np.uint8)
    red[:, :, 0] = 200
    for pixels in (red, red, red[:24]):
        writer.write(pixels)
    assert not path.exists()
    writer.close()
    with VideoReader(path) as reader:
        frames = list(reader)
    assert len(frames) == 3 and [file.name for file in path.parent.iterdir()] == [path.name]
    middle = frames[1].pixels[24, 32].astype(int)
    assert middle[0] > 150 and middle[1] < 60 and middle[2] < 60


def test_a_film_cut_short_says_so(video, caplog):
    with VideoReader(video) as reader:
        reader._capture = Declaring(reader._capture, 60)
        assert len(list(reader)) == 6
    assert "says that it has 60 frames, 6 could be read" in caplog.text


class Declaring:
    """A capture that promises more frames than there are."""

    def __init__(self, capture, frames):
        self.capture, self.frames = capture, frames

    def get(self, what):
        return self.frames if what == cv2.CAP_PROP_FRAME_COUNT else self.capture.get(what)

    def read(self):
        return self.capture.read()

    def release(self):
        self.capture.release()
