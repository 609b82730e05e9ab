"""How much is lost on each side, why, and when that is too much."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.__main__ import main
from algorithm.data import load_dataset
from algorithm.data.cleaning.cleaned_copy import clean_copy
from algorithm.data.cleaning.findings import DROPPED, LEFT_OUT, Checked, Finding
from algorithm.data.cleaning.report.unusable_data import Losses
from algorithm.data.conversion import convert
from algorithm.data.readers.annotation import Annotation, Complaint, Entry, as_boxes
from algorithm.errors import DataError

from ..conftest import write_picture, write_voc

# what each road of cleaning is given, so that one rule is shown to hold on all of them
ROADS = {
    "job": lambda path, out: load_dataset(path, clean=True, seed=0, work_dir=out),
    "data clean": lambda path, out: clean_copy(path, out),
    "data convert": lambda path, out: convert(path, out, "coco", workers=1, clean=True),
}
NO_AREA = ("cat", 9, 9, 9, 20)


@pytest.fixture(params=ROADS.values(), ids=ROADS)
def clean(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path], object]:
    return lambda path: request.param(path, tmp_path / "out")


def checked(usage: str | None, kept: int, dropped: int, rule: str = "no area") -> Checked:
    annotation = Annotation(
        ("cat",) * (kept + dropped), as_boxes([(0, 0, 9, 9)] * (kept + dropped)), None, 40, 30
    )
    entry = Entry("a", "a.jpg", Path("a.jpg"), usage, annotation)
    findings = tuple(
        Finding(Complaint("a.xml", f"fault {number}"), rule, DROPPED) for number in range(dropped)
    )
    return Checked(entry, names=("cat",) * kept, findings=findings)


def left_out(usage: str | None, objects: int) -> Checked:
    entry = checked(usage, objects, 0).entry
    finding = Finding(Complaint("a.jpg", "damaged"), "picture cannot be decoded", LEFT_OUT)
    return Checked(entry, findings=(finding,), usable=False)


def test_objects_are_counted_as_well_as_pictures() -> None:
    losses = Losses()
    for row in (checked("train", 3, 2), left_out("train", 4), checked("eval", 1, 0)):
        losses.add(row)
    train, evaluated = losses.sides["train"], losses.sides["eval"]
    assert (train.pictures.total, train.pictures.lost) == (2, 1)
    assert (train.objects.total, train.objects.lost) == (9, 6)
    assert (evaluated.objects.total, evaluated.objects.lost) == (1, 0)
    assert train.objects.rules == {"picture cannot be decoded": 4, "no area": 2}
    assert losses.lines == (
        "TRAIN: 1 of 2 picture(s) left out: picture cannot be decoded (1), the first: a.jpg: "
        "damaged",
        "TRAIN: 6 of 9 object(s) dropped: picture cannot be decoded (4), no area (2), the first: "
        "a.jpg: damaged",
    )
    assert str(losses.refusal).startswith(
        "expected most objects of TRAIN to be usable, found 6 of 9 that are not: picture cannot be "
        "decoded (4), no area (2), the first: a.jpg: damaged"
    )


@pytest.mark.parametrize(("dropped", "refused"), [(5, False), (6, True)])
def test_half_is_allowed_and_more_is_not(dropped: int, refused: bool) -> None:
    losses = Losses()
    losses.add(checked("train", 10 - dropped, dropped))
    assert (losses.refusal is not None) == refused


def test_an_object_or_a_sample_that_is_there_already_is_no_loss() -> None:
    losses = Losses()
    losses.add(checked("train", 1, 9, "box twice"))
    again = Complaint("V001.manifest", "found a.jpg again", usage="train", repeated=True)
    losses.add_orphans([Finding(again, "picture or annotation missing", "sample left out")] * 9)
    assert losses.refusal is None
    assert losses.lines == (
        "9 object(s) that repeat another of their picture are dropped",
        "9 picture(s) are listed twice and used once",
    )


def test_one_side_is_not_hidden_behind_the_other() -> None:
    losses = Losses()
    for row in [checked("train", 9, 0)] * 9 + [left_out("eval", 1)] * 2 + [checked("eval", 9, 0)]:
        losses.add(row)
    assert "expected most pictures of EVAL to be usable, found 2 of 3" in str(losses.refusal)


def test_a_complaint_of_no_side_is_weighed_against_all() -> None:
    losses = Losses()
    losses.add(checked("train", 3, 0))
    orphan = Finding(Complaint("a.json", "no picture"), "picture or annotation missing", "")
    losses.add_orphans([orphan])
    assert losses.refusal is None
    losses.add_orphans([orphan])
    assert "most pictures of the dataset to be usable, found 2 of 3" in str(losses.refusal)


def test_nine_of_ten_boxes_do_not_go_in_silence(make_folder, clean) -> None:
    folder = make_folder(10)
    for index in range(10):
        rows = [("cat", 2, 3, 20, 25)] + [("cat", 9, place, 9, 29) for place in range(9)]
        write_voc(folder / f"p{index:02d}.xml", rows)
    with pytest.raises(
        DataError, match=r"found 90 of 100 that are not: no area \(90\), the first: p00.xml:6"
    ):
        clean(folder)


def test_most_pictures_gone_are_refused_with_the_reason(make_folder, clean) -> None:
    folder = make_folder(10)
    for index in range(6):
        (folder / f"p{index:02d}.xml").write_text("<annotation>")
    with pytest.raises(
        DataError,
        match=r"6 of 10 that are not: annotation cannot be used \(6\), the first: p00.xml",
    ) as caught:
        clean(folder)
    assert "annotate the pictures" not in str(caught.value)


def test_no_box_at_all_is_refused(make_folder, clean) -> None:
    folder = make_folder(6)
    for file in folder.glob("*.xml"):
        write_voc(file, [])
    with pytest.raises(DataError, match="at least one box in TRAIN .* annotate the pictures"):
        clean(folder)


def test_a_loss_is_said_in_the_lines_to_log(make_folder, clean) -> None:
    folder = make_folder(10)
    write_voc(folder / "p03.xml", [("cat", 2, 3, 20, 25), NO_AREA])
    assert "the dataset: 1 of 11 object(s) dropped: no area (1), the first: p03.xml:6" in (
        "\n".join(clean(folder).warnings)
    )


def test_boxes_in_shares_are_refused_with_and_without_cleaning(make_folder, clean) -> None:
    folder = make_folder(4)
    for file in folder.glob("*.xml"):
        write_voc(file, [("cat", 0.1, 0.2, 0.4, 0.6)])
    for road in (clean, lambda path: convert(path, path.parent / "x", "coco", workers=1)):
        with pytest.raises(DataError, match="expected pixels, found numbers of 0..1, as shares"):
            road(folder)


def test_float_pictures_are_refused_and_dark_ones_told(make_folder, tmp_path: Path, clean) -> None:
    folder = make_folder(4)
    for index in range(2):
        write_picture(folder / f"p{index:02d}.png")
        dark = np.full((30, 40), 4000, np.uint16)
        dark[0] = index
        Image.fromarray(dark).save(folder / f"p{index:02d}.png")
    told = (
        "2 picture(s) of 16 bits use less than a quarter of their range and are read nearly black, "
        "such as p00.png: set bit_depth=12 in hparams"
    )
    plain = load_dataset(folder, clean=False, seed=0, work_dir=tmp_path / "plain")
    assert told in "\n".join(clean(folder).warnings) and told in "\n".join(plain.warnings)
    settled = load_dataset(folder, clean=True, seed=0, work_dir=tmp_path / "x", bit_depth=12)
    assert "bits use" not in "\n".join(settled.warnings)
    assert {sample.bit_depth for sample in (*settled.train, *settled.eval)} == {12}
    beyond = load_dataset(folder, clean=False, seed=0, work_dir=tmp_path / "y", bit_depth=11)
    assert "2 picture(s) hold values beyond bit_depth=11" in "\n".join(beyond.warnings)
    for index in range(4):
        Image.fromarray(np.full((30, 40), 255, np.float32)).save(tmp_path / "f.tif")
        (folder / f"p{index:02d}.png").write_bytes((tmp_path / "f.tif").read_bytes())
    with pytest.raises(DataError, match=r"expected 32-bit float pixels in 0..1, found 255..255"):
        ROADS["job"](folder, tmp_path / "other")


def test_dark_pictures_of_8_bits_are_told(make_folder, clean) -> None:
    folder = make_folder(4)
    Image.fromarray(np.full((30, 40, 3), 15, np.uint8)).save(folder / "p00.png")
    assert (
        "1 picture(s) of 8 bits use less than a quarter of their range and are read nearly black, "
        "such as p00.png" in "\n".join(clean(folder).warnings)
    )


def test_float_pictures_of_0_to_1_train_but_are_not_handed_to_other_tools(
    make_folder, tmp_path: Path
) -> None:
    folder = make_folder(4)
    for index in range(4):
        pixels = np.random.default_rng(index).random((30, 40), np.float32)
        Image.fromarray(pixels).save(tmp_path / "f.tif")
        (folder / f"p{index:02d}.png").write_bytes((tmp_path / "f.tif").read_bytes())
    for way in (True, False):
        dataset = load_dataset(folder, clean=way, seed=0, work_dir=tmp_path / f"work{way}")
        assert len(dataset.train) + len(dataset.eval) == 4
    with pytest.raises(DataError, match="found 32-bit float pixels, which other tools read in way"):
        convert(folder, tmp_path / "converted", "coco", workers=1)


def test_the_report_shows_copies_side_by_side(make_folder, tmp_path: Path) -> None:
    folder = make_folder(10)
    (folder / "p02.png").write_bytes((folder / "p00.png").read_bytes())
    load_dataset(folder, clean=True, seed=0, work_dir=tmp_path / "work")
    page = (tmp_path / "work" / "cleaning_report.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/jpeg;base64,') == 1
    assert 'width="84" height="30"' in page  # two of 40x30 with a gap of 4
    assert "p02.png: same file twice, p00.png; picture left out" in page


def test_convert_leaves_out_the_copies_that_a_job_leaves_out(make_manifest, tmp_path) -> None:
    manifest = make_manifest(10)
    (manifest.parent / "p01.png").write_bytes((manifest.parent / "p04.png").read_bytes())
    done = convert(manifest, tmp_path / "out", "coco", workers=1, clean=True)
    images = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())["images"]
    assert done.pictures == 9 and "p01.png" not in {row["file_name"] for row in images}
    assert "TRAIN: 1 of 8 picture(s) left out: same file in TRAIN and EVAL (1)" in (
        "\n".join(done.warnings)
    )


def test_data_clean_says_its_losses(make_folder, tmp_path: Path, capsys) -> None:
    folder = make_folder(10)
    (folder / "p03.png").write_bytes(b"")
    flags = [f"--data_url={folder}", f"--output={tmp_path / 'out'}"]
    assert main(["data", "clean", *flags]) == 0
    assert "WARNING the dataset: 1 of 10 picture(s) left out: picture cannot" in (
        capsys.readouterr().err
    )


def test_crowds_alone_are_nothing_to_learn_from(tmp_path: Path, clean) -> None:
    root = tmp_path / "set"
    for index in range(4):
        write_picture(root / f"p{index}.png", seed=index)
        write_voc(root / f"p{index}.xml", [("cat", 2, 3, 20, 25)])
        text = (root / f"p{index}.xml").read_text("utf-8")
        text = text.replace("<difficult>0", "<difficult>1")
        (root / f"p{index}.xml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="box in TRAIN .*all of them difficult or a crowd"):
        clean(root)
