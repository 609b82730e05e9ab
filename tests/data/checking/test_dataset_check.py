"""The look before the run: figures, warnings with numbers, suggestions, the page."""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.__main__ import main
from algorithm.data import Dataset, Sample, load_dataset
from algorithm.data.checking.check_pictures import drawn, report_pictures
from algorithm.data.checking.check_report import PAGE, REPORT, check_lines, write_report
from algorithm.data.checking.dataset_check import DataCheck, check_dataset
from algorithm.data.checking.suggestions import ModelChoice
from algorithm.data.outlines import Polygons
from algorithm.ops.anchors import anchor_grid
from algorithm.pages.box_drawing import class_colour

CHOICES = tuple(
    ModelChoice(f"efficientdet-d{number}", (side, side), 4.0)
    for number, side in enumerate((512, 640, 768, 896, 1024))
)
AS_A_JOB = {"anchor_scale": 4.0, "batch_size": 8, "max_detections": 100}


def sample(
    name: str,
    boxes: list,
    *,
    size: tuple[int, int] = (512, 512),
    usage: str = "train",
    labels: list[int] | None = None,
) -> Sample:
    return Sample(
        name,
        f"/nowhere/{name}",
        name,
        size[0],
        size[1],
        np.float32(boxes).reshape(-1, 4),
        np.array(labels or [0] * len(boxes), np.int32),
        np.zeros(len(boxes), bool),
        usage,
    )


def dataset(
    train: list[Sample], evaluated: list[Sample] | None = None, names: tuple[str, ...] = ("cat",)
) -> Dataset:
    evaluated = evaluated or [
        sample(f"e{index}", [[0, 0, 100, 100]], usage="eval") for index in range(20)
    ]
    return Dataset(tuple(train), tuple(evaluated), names, tuple(range(1, len(names) + 1)))


def look(data: Dataset, **settings) -> DataCheck:
    return check_dataset(
        data,
        anchors=anchor_grid((512, 512)),
        image_size=(512, 512),
        model_name="efficientdet-d0",
        **{**AS_A_JOB, "choices": CHOICES, **settings},
    )


def plenty(box: list[float], count: int = 60, **kinds) -> list[Sample]:
    return [sample(f"t{index}", [box], **kinds) for index in range(count)]


def test_figures() -> None:
    train = [sample("a", [[0, 0, 64, 128], [0, 0, 256, 256]], size=(1024, 512)), sample("b", [])]
    check = look(dataset(train, [sample("c", [[0, 0, 8, 16]], usage="eval")]))
    assert check.counts["train"] == {
        "pictures": 2,
        "objects": 2,
        "ignored": 0,
        "pictures_without_objects": 1,
        "outlines": 0,
    }
    assert check.smallest["picture"] == "c" and (
        check.smallest["height"],
        check.smallest["width"],
    ) == (8, 16)
    assert check.table.network.tolist()[0] == [0, 0, 32, 64]  # 1024 wide fits 512 at half
    assert check.per_picture["1"] == 2 and check.aspect_ratio["0.5"] == 2
    assert (check.classes[0].train, check.classes[0].eval, check.classes[0].train_pictures) == (
        2,
        1,
        1,
    )
    json.dumps(check.as_dict())


def test_matched_share_is_that_of_all_anchors() -> None:
    check = look(dataset(plenty([100, 100, 132, 132]) + plenty([0, 0, 10, 10], 40)))
    assert check.matched == pytest.approx(80 / 120)
    assert any(
        "33.3% of the objects overlap no anchor of efficientdet-d0 by an IoU of 0.5" in line
        for line in check.warnings
    )


WARNINGS = [
    (
        lambda: dataset(plenty([0, 0, 5, 60])),
        "60 of 80 objects (75.0%) have a side under 8 network pixels",
    ),
    (
        lambda: dataset(plenty([0, 0, 99, 99], 30)),
        "training pictures: expected at least 50 for figures that mean something, found 30",
    ),
    (
        lambda: dataset(plenty([0, 0, 99, 99]), [sample("e", [[0, 0, 99, 99]], usage="eval")]),
        "evaluation pictures: expected at least 10 for figures that mean something, found 1",
    ),
    (
        lambda: dataset(plenty([0, 0, 99, 99]), names=("cat", "dog")),
        "classes with fewer than 10 training objects, 1 in all: dog (0)",
    ),
    (
        lambda: dataset(
            [
                sample(f"t{index}", [[0, 0, 99, 99]] * 90, labels=[0] * 89 + [index % 20 // 19])
                for index in range(60)
            ],
            names=("cat", "dog"),
        ),
        "classes are unbalanced: cat has 5397 training objects, dog 3",
    ),
    (
        lambda: dataset([*plenty([0, 0, 99, 99]), sample("full", [[0, 0, 99, 99]] * 101)]),
        "1 picture(s) have more than max_detections=100 objects, the most is 101 in full",
    ),
    (
        lambda: dataset(
            [*plenty([0, 0, 99, 99], 20), *(sample(f"n{index}", []) for index in range(60))]
        ),
        "60 of 80 training pictures have no object",
    ),
    (
        lambda: dataset(plenty([0, 0, 400, 40])),
        "75.0% of the objects are more than 5 times as long as wide",
    ),
    (
        lambda: dataset(plenty([0, 0, 512, 512])),
        "75.0% of the objects fill 95% of their picture or more",
    ),
]


@pytest.mark.parametrize(("make", "text"), WARNINGS, ids=[row[1][:30] for row in WARNINGS])
def test_warnings_have_numbers(make, text: str) -> None:
    assert any(text in line for line in look(make()).warnings), look(make()).warnings


def test_more_objects_of_a_class_than_cocos_figures_look_at() -> None:
    """The warning stays after max_detections was raised, until the figures see them all."""
    crowded = [sample("full", [[0, 0, 99, 99]] * 220, usage="eval")]
    data = dataset(plenty([0, 0, 99, 99]), crowded)
    assert any("raise max_detections" in line for line in look(data).warnings)
    lines = look(data, max_detections=300).warnings
    assert not any("raise max_detections" in line for line in lines)
    assert any(
        "1 evaluation picture(s) have more than 100 objects of a class, the most is 220" in line
        and "look at AR300, precision, recall and F1, which count all" in line
        for line in lines
    )


def test_a_plain_dataset_has_no_warning_and_keeps_its_settings() -> None:
    check = look(dataset(plenty([100, 100, 200, 180], 100)))
    assert check.warnings == ()
    assert not [row for row in check.suggestions if row.is_change]
    assert "can match 100.0% of 120 objects at IoU 0.5; that is enough" in check.suggestions[0].why


def suggested(check: DataCheck) -> dict:
    return {row.setting: row.value for row in check.suggestions}


def test_small_objects_ask_for_smaller_anchors_first() -> None:
    check = look(dataset(plenty([100, 100, 118, 118], 200)))
    assert suggested(check) == {
        "model_name": "efficientdet-d0",
        "image_size": 512,
        "anchor_scale": 3.0,
        "train_batch_size": 8,
    }
    assert "with anchor_scale 3 100.0%" in check.suggestions[2].why


def test_tiny_objects_ask_for_a_larger_input_up_to_twice_the_picture() -> None:
    def made(side: int) -> DataCheck:
        samples = [
            sample(
                f"t{index}",
                [[9 * index, 9 * index, 9 * index + 6, 9 * index + 6]],
                size=(side, side),
            )
            for index in range(50)
        ] * 4
        return look(dataset(samples))

    assert suggested(made(512))["model_name"] in {
        "efficientdet-d1",
        "efficientdet-d2",
        "efficientdet-d3",
        "efficientdet-d4",
    }
    assert suggested(made(250))["model_name"] == "efficientdet-d0"


def test_batch_size_leaves_steps_in_an_epoch_and_fits_a_device() -> None:
    assert suggested(look(dataset(plenty([0, 0, 99, 99], 40))))["train_batch_size"] == 4
    assert (
        suggested(look(dataset(plenty([0, 0, 99, 99], 900)), batch_size=64))["train_batch_size"]
        == 16
    )


def test_no_batch_is_suggested_from_which_batch_norm_learns_nothing() -> None:
    """With ten pictures a batch of 1 was, with which a job freezes batch norm."""
    check = look(dataset(plenty([0, 0, 99, 99], 20)))
    assert suggested(check)["train_batch_size"] == 4
    reason = check.suggestions[-1].why
    assert reason.endswith(
        "8 steps an epoch with at most 2, but batch norm that is trained wants 4"
    )


def test_no_object_at_all() -> None:
    check = look(dataset([sample("a", [])], [sample("b", [], usage="eval")]))
    assert (check.matched, check.smallest, check.object_side) == (None, {}, {})
    assert [row.setting for row in check.suggestions] == ["train_batch_size"]


def test_a_huge_dataset_takes_seconds_and_says_what_was_sampled() -> None:
    box, labels, crowd = (
        np.float32([[9, 9, 99, 99], [30, 30, 60, 90]] * 4),
        np.zeros(8, np.int32),
        np.zeros(8, bool),
    )
    samples = tuple(
        Sample(str(index), "/nowhere", str(index), 640, 480, box, labels, crowd, "train")
        for index in range(40_000)
    )
    start = time.perf_counter()
    check = look(Dataset(samples, samples[:2000], ("cat",), (1,)))
    assert time.perf_counter() - start < 20
    assert check.sampled == "anchors were compared with 20000 of 336000 objects, drawn at random"


def test_pictures_in_train_and_eval_are_named(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(10)
    shutil.copy(manifest.parent / "p04.png", manifest.parent / "p01.png")
    data = load_dataset(manifest, clean=False, seed=0, work_dir=tmp_path)
    assert (
        look(data)
        .warnings[0]
        .startswith("1 evaluation picture(s) are also in TRAIN, the same file (p04.png = p01")
    )


def test_report_is_one_page_without_addresses(make_folder, tmp_path: Path) -> None:
    data = load_dataset(
        make_folder(10, names=("猫&lt;b&gt;", "dog")), clean=False, seed=0, work_dir=tmp_path
    )
    check = look(data)
    assert write_report(check, tmp_path / "report") == tmp_path / "report" / PAGE
    text = (tmp_path / "report" / PAGE).read_text(encoding="utf-8")
    assert "猫&lt;b&gt;" in text and "猫<b>" not in text and text.count("<script") == 1
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert text.count("data:image/jpeg;base64,") == 10 and text.count("<svg") == 1
    assert text.count(" everywhere.") == 4  # charts of one value, in words
    assert re.search("<h1>.*Data check: set.*</h1>", text)
    written = json.loads((tmp_path / "report" / REPORT).read_text(encoding="utf-8"))
    assert written["counts"]["train"]["pictures"] == 8 and written["warnings"] == list(
        check.warnings
    )
    assert check_lines(check)[0] == "train: 8 pictures, 8 objects"


def outlined(count: int, bare: int = 0) -> Dataset:
    """Pictures of 100 x 100 with an object in the top left quarter, `bare` of them without outline."""
    square = Polygons((np.array([[0, 0], [50, 0], [50, 50], [0, 50]], np.float32),))
    rows = [sample(f"o{n}", [[0, 0, 50, 50]], size=(100, 100)) for n in range(count)]
    return dataset(
        [replace(one, outlines=(square if n >= bare else None,)) for n, one in enumerate(rows)]
    )


def test_outlines_are_counted_and_objects_without_one_are_told() -> None:
    check = look(outlined(60, bare=6))
    assert (check.counts["train"]["outlines"], check.counts["eval"]["outlines"]) == (54, 0)
    assert check_lines(check)[0] == "train: 60 pictures, 60 objects, 54 with an outline"
    assert any("6 of 60 objects have no outline" in line for line in check.warnings)
    assert not any("outline" in line for line in look(outlined(60)).warnings)
    assert not any("outline" in line for line in check_lines(look(dataset(plenty([0, 0, 9, 9])))))


def test_what_an_outline_covers_is_tinted(tmp_path: Path) -> None:
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    (one,) = outlined(1).train
    shown = drawn(replace(one, path=str(tmp_path / "a.png")), ["cat"])
    assert shown[40, 10].tolist() == [round(0.4 * part - 0.5) for part in class_colour("cat")]
    assert shown[90, 90].tolist() == [0, 0, 0]
    bare = drawn(replace(one, path=str(tmp_path / "a.png"), outlines=None), ["cat"])
    assert bare[40, 10].tolist() == [0, 0, 0]


def test_pictures_for_a_person(make_folder, tmp_path: Path) -> None:
    data = load_dataset(make_folder(10), clean=False, seed=0, work_dir=tmp_path)
    pictures = report_pictures(data, 4)
    assert len(pictures) == 4 and all(
        one.shape == (30, 40, 3) and one.dtype == np.uint8 for one in pictures
    )
    assert all(
        (one == two).all() for one, two in zip(pictures, report_pictures(data, 4), strict=False)
    )


def test_verbs(make_manifest, tmp_path: Path, capsys) -> None:
    manifest = make_manifest(10)
    assert (
        main(
            [
                "data",
                "check",
                f"--data_url={manifest}",
                f"--output={tmp_path / 'c'}",
                "--image_size=256",
            ]
        )
        == 0
    )
    shown = capsys.readouterr()
    assert (
        "at 256x256 can match" in shown.out and "WARNING training pictures: expected" in shown.err
    )
    assert (tmp_path / "c" / PAGE).is_file() and (tmp_path / "c" / REPORT).is_file()
    assert main(["data", "clean", f"--data_url={manifest}", f"--output={tmp_path / 'd'}"]) == 0
    assert "kept 10 samples, left out 0; wrote 0 picture(s)" in capsys.readouterr().out
    assert main(["data", "check", f"--data_url={manifest}", "--model_name=efficientdet-d9"]) == 2
    assert (
        main(["data", "clean", f"--data_url={manifest}", f"--output={manifest.parent / 'x'}"]) == 2
    )


def test_a_size_off_the_grid_is_told_with_its_neighbours() -> None:
    data = dataset(plenty([100, 100, 132, 132]))
    check = check_dataset(
        data,
        anchors=anchor_grid((224, 288)),
        image_size=(200, 264),
        model_name="efficientdet-d0",
        **AS_A_JOB,
    )
    assert [line for line in check.warnings if "image_size" in line] == [
        "image_size=200x264: expected multiples of 32, the network pads it to 224x288 and takes as "
        "long as there; 224x288 shows the objects larger at the same cost, 192x256 is faster"
    ]
    assert not any("image_size=" in line for line in look(data).warnings)
    # Height before width, as image_size has it: it was the other way round.
    assert any(
        line.startswith("anchors of efficientdet-d0 at 200x264 ") for line in check_lines(check)
    )
