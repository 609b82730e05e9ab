"""What may be pointed at."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.errors import ArgumentError, DataError
from algorithm.prediction.sources import find_files, pixels_of


def test_a_folder_gives_pictures_and_videos_and_says_what_it_skips(pictures, video):
    (pictures / "clip.MP4").write_bytes(video.read_bytes())
    found = find_files(pictures)
    assert [path.name for path in found.paths] == ["b.jpg", "clip.MP4", "甲.png"]
    assert [path.name for path in found.skipped] == ["note.txt"] and found.several


def test_a_file_that_is_named_is_taken_whatever_its_suffix(pictures):
    assert find_files(pictures / "note.txt").paths == (pictures / "note.txt",)
    assert not find_files(str(pictures / "b.jpg")).several


def test_patterns_go_into_subfolders(pictures):
    assert find_files(str(pictures.parent / "**" / "*.jpg")).paths == (pictures / "b.jpg",)


def test_nothing_that_matches_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"at .*nothing_here.*found none"):
        find_files(str(tmp_path / "nothing_here" / "*.jpg"))
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(DataError, match="found 1 other files"):
        find_files(tmp_path)


@pytest.mark.parametrize("address", ["https://a.org/cat.jpg", "obs://bucket/cat.jpg", "rtsp://x"])
def test_addresses_are_not_fetched(address):
    with pytest.raises(ArgumentError, match="nothing is fetched"):
        find_files(address)


def test_pictures_in_memory():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for given in (grey, grey[:, :, None], np.dstack([grey] * 3), np.dstack([grey] * 4)):
        assert pixels_of(given).shape == (3, 4, 3)
        assert (pixels_of(given)[:, :, 1] == grey).all()
    assert (pixels_of(Image.fromarray(grey)) == pixels_of(grey)).all()
    deep = Image.fromarray(grey.astype(np.uint16) << 8)
    assert (pixels_of(deep) == pixels_of(grey)).all()


def test_a_picture_of_a_camera_held_sideways_is_turned_as_its_file_is(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = np.random.default_rng(0).integers(0, 256, (8, 16, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as picture:
        assert pixels_of(picture).shape == (16, 8, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((3, 4, 3), np.float32),
        np.zeros((3, 4, 5), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((1, 3, 4, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(wrong):
    with pytest.raises(ArgumentError, match=r"expected a picture as uint8 \[H, W, 3\]"):
        pixels_of(wrong)


def test_a_folder_is_a_path_too(pictures):
    assert isinstance(find_files(Path(pictures)).paths[0], Path)
