"""A pose dataset whose data.yaml declares no keypoints is refused, and outlines are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from algorithm.data.readers.recognition import read_listing
from algorithm.data.readers.yolo.undeclared_keypoints import undeclared_keypoints
from algorithm.errors import DataError

from .reading import pictures, write

# Five persons of 0.2 x 0.4 with a head, two hands (one not there) and a foot.
POSES = [
    (x, 0.5, 0.2, 0.4, x, 0.32, x - 0.08, 0.5, 0, 0, x + 0.05, 0.68)
    for x in (0.2, 0.3, 0.4, 0.5, 0.6)
]
# Five squares of 0.06, corner by corner: read as boxes they are large, with the corners in a heap.
SQUARES = [(x, 0.5, x + 0.06, 0.5, x + 0.06, 0.56, x, 0.56) for x in (0.3, 0.35, 0.4, 0.45, 0.5)]


def test_poses_are_told_from_outlines() -> None:
    assert undeclared_keypoints(POSES) == 4
    assert undeclared_keypoints([*POSES, (0.5, 0.5, 0.1, 0.1)]) == 4  # a plain box beside them
    assert undeclared_keypoints(SQUARES) == 0
    assert undeclared_keypoints([*POSES, *SQUARES]) == 0  # of two lengths
    assert undeclared_keypoints(POSES[:4]) == 0  # too few to tell
    outline = (0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.5, 0.95, 0.2, 0.9, 0.1, 0.5)
    assert undeclared_keypoints([*POSES, outline]) == 0
    assert undeclared_keypoints((x, 0.5, 0.2, 0.2, x, 0.45) for x in (0.2, 0.3, 0.4, 0.5, 0.6)) == 1


def test_keypoints_without_visibility_that_nothing_declares_are_refused(tmp_path: Path) -> None:
    for number, row in enumerate(POSES):
        pictures(tmp_path, f"{number}.png")
        write(tmp_path / f"{number}.txt", " ".join(map(str, (0, *row))))
    yaml = "train: .\nval: .\nnames: [person]\n"
    write(tmp_path / "data.yaml", yaml)
    with pytest.raises(DataError, match=r"4 keypoint\(s\) .* write kpt_shape: \[4, 2\] into data"):
        read_listing(tmp_path)
    write(tmp_path / "data.yaml", yaml + "kpt_shape: [4, 2]\n")
    boxes = [entry.annotation.boxes.round(3).tolist() for entry in read_listing(tmp_path).entries]
    assert boxes[0] == [[9, 4, 21, 12]]  # 40 x 30 pixels
