"""Dirty data is described, and the check ends with the command that trains on it."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from algorithm.__main__ import main
from algorithm.data import load_dataset
from algorithm.data.checking.faults import fault_kinds
from algorithm.data.cleaning.findings import DROPPED, REPORTED, Finding
from algorithm.data.readers.annotation import Complaint
from algorithm.hyperparameters import parse
from algorithm.models.weights import at_hand
from algorithm.models.weights.lookup import LocalWeights

from ..conftest import write_voc


def test_kinds_are_counted_and_losses_come_first() -> None:
    rows = [Finding(Complaint("x", "alike"), "class names alike", REPORTED)] * 9
    rows += [Finding(Complaint(f"{n}.xml", "bad", 4), "no area", DROPPED) for n in range(3)]
    assert [str(kind) for kind in fault_kinds(rows)] == [
        "no area: 3, object dropped, the first: 0.xml:4: bad",
        "class names alike: 9, reported only, the first: x: alike",
    ]


@pytest.mark.parametrize("decode", [[], ["--clean"]])
def test_dirty_data_is_described_and_trains_with_the_command(
    make_folder, tmp_path: Path, capsys, decode: list[str]
) -> None:
    folder = make_folder(10)
    (folder / "p01.png").write_bytes(b"no picture")
    write_voc(folder / "p03.xml", [("cat", 2, 3, 20, 25), ("cat", 9, 9, 9, 20)])
    flags = [f"--data_url={folder}", f"--output={tmp_path / 'a b'}", "--image_size=256", *decode]
    assert main(["data", "check", *flags]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "found 2 thing(s) of 2 kind(s):" in lines
    assert any(
        line.startswith("  no area: 1, object dropped, the first: p03.xml:6") for line in lines
    )
    assert lines[-1].startswith("train on it: python -m algorithm train ")
    words = shlex.split(lines[-1].partition(": ")[2])[4:]
    hp = parse(words)
    assert (hp.data_url, hp.do_data_cleaning, hp.image_size) == (str(folder), True, (256, 256))
    data = load_dataset(folder, clean=hp.do_data_cleaning, seed=0, work_dir=tmp_path / "work")
    assert len(data.train + data.eval) == 9
    written = json.loads((tmp_path / "a b/data_check.json").read_text(encoding="utf-8"))
    assert {row["rule"] for row in written["faults"]} == {"no area", "picture cannot be decoded"}
    assert written["counts"]["train"]["pictures"] + written["counts"]["eval"]["pictures"] == 9
    page = (tmp_path / "a b/data_check.html").read_text(encoding="utf-8")
    assert '<h2><span class="en">Faults</span><span class="zh">问题</span></h2>' in page
    assert f"--data_url={folder}" in page


def test_the_commands_can_be_pasted_and_name_no_default(make_folder, capsys, monkeypatch) -> None:
    monkeypatch.setattr(at_hand, "find_pretrained", lambda name: None)  # as on a bare machine
    folder = make_folder(10)
    assert main(["data", "check", f"--data_url={folder}"]) == 0
    *_, suggested, last = capsys.readouterr().out.splitlines()
    start = f"python -m algorithm train --data_url={folder} --train_url=trained"
    assert last == f"train on it: {start}"
    assert suggested == f"train as suggested: {start} --train_batch_size=4"


def test_without_a_network_the_commands_name_a_model_whose_weights_are_here(
    make_folder, capsys, monkeypatch, tmp_path: Path
) -> None:
    here = {"efficientdet-lite0": "classification", "efficientdet-lite1": "classification"}

    def found(name: str) -> LocalWeights | None:
        return LocalWeights(tmp_path, here[name], "here") if name in here else None

    monkeypatch.setattr(at_hand, "find_pretrained", found)
    monkeypatch.setattr(at_hand, "_is_published", lambda name: False)
    assert at_hand.model_at_hand("efficientdet-d1") == "efficientdet-lite1"
    assert at_hand.model_at_hand("efficientdet-lite0") == "efficientdet-lite0"
    folder = make_folder(10)
    assert main(["data", "check", f"--data_url={folder}"]) == 0
    out = capsys.readouterr().out
    assert "weights of efficientdet-d0, the default, are neither on this machine nor" in out
    assert out.splitlines()[-1].endswith("--train_url=trained --model_name=efficientdet-lite1")
    monkeypatch.setattr(at_hand, "_is_published", lambda name: True)
    assert at_hand.model_at_hand("efficientdet-d1") == "efficientdet-d1"


def test_what_a_job_would_refuse_is_described_and_ends_in_its_error(make_folder, capsys) -> None:
    folder = make_folder(10)
    for index in range(6):
        (folder / f"p{index:02d}.png").write_bytes(b"")
    assert main(["data", "check", f"--data_url={folder}"]) == 3
    shown = capsys.readouterr()
    assert "  picture cannot be decoded: 6, picture left out, the first: p00.png" in shown.out
    assert "train: 3 pictures, 3 objects" in shown.out and "train on it" not in shown.out
    assert "ERROR DATA: expected most pictures of the dataset to be usable, found 6 of 10" in (
        shown.err
    )


def test_copies_across_the_split_are_shown(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(10)
    shutil.copy(manifest.parent / "p04.png", manifest.parent / "p01.png")
    for name, decode in (("headers", []), ("decoded", ["--clean"])):
        out = tmp_path / name
        assert main(["data", "check", f"--data_url={manifest}", f"--output={out}", *decode]) == 0
        page = (out / "data_check.html").read_text(encoding="utf-8")
        assert (
            "Pictures that are the same or look alike" in page and 'width="84" height="30"' in page
        )
