"""The split of a job as a record: what it holds, and how another dataset is held against it."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from algorithm.data import Dataset, load_dataset
from algorithm.data.recorded_usages import recorded_usages
from algorithm.data.split_record import (
    BLOCK,
    SplitRecord,
    content_of,
    find_record,
    read_record,
)
from algorithm.errors import DataError
from algorithm.storage.atomic_files import write_json


def load(path: Path, record: SplitRecord | None = None, **more: object) -> Dataset:
    options = {"clean": False, "seed": 3, "work_dir": path.parent / "work", **more}
    return load_dataset(path, record=record, **options)


def record_of(data: Dataset, folder: Path) -> SplitRecord:
    written = SplitRecord.of(data.train, data.eval, data.split_rule)
    write_json(folder / "split.json", written.as_dict())
    return read_record(folder / "split.json")


@pytest.fixture
def trained(make_folder, tmp_path: Path) -> tuple[Path, Dataset, SplitRecord]:
    """A folder of ten pictures without a split, the dataset of the job, and its record."""
    folder = make_folder(10)
    data = load(folder)
    return folder, data, record_of(data, tmp_path / "job")


def names(samples) -> set[str]:
    return {Path(sample.path).stem for sample in samples}


def rename(folder: Path, old: str, new: str) -> None:
    for suffix in (".png", ".xml"):
        (folder / f"{old}{suffix}").rename(folder / f"{new}{suffix}")


def test_a_record_holds_names_contents_and_the_rule(trained) -> None:
    _, data, record = trained
    assert record.rule == "seed 3"
    assert set(record.train) == {sample.image_id for sample in data.train}
    assert record.eval == {s.image_id: content_of(Path(s.path)) for s in data.eval}
    assert not record.names_only


@pytest.mark.parametrize("seed", [0, 3])
def test_an_evaluation_keeps_to_the_split_whatever_its_seed(trained, seed: int) -> None:
    folder, data, record = trained
    again = load(folder, record, seed=seed, require=("eval",))
    assert names(again.eval) == names(data.eval)
    assert (again.seen_among(again.eval), again.same_eval) == (0, True)
    assert "2 of 10 pictures evaluate, 8 it was trained on and do not" in again.warnings[0]


def test_a_renamed_picture_that_was_trained_on_is_one_still(trained) -> None:
    folder, data, record = trained
    old = sorted(names(data.train))[0]
    evaluated = sorted(names(data.eval))[0]
    rename(folder, evaluated, "other")
    assert load(folder, record, require=("eval",)).same_eval
    rename(folder, "other", evaluated)
    rename(folder, old, "new")
    again = load(folder, record, require=("eval",))
    assert "new" in names(again.train) and names(again.eval) == names(data.eval)
    rename(folder, evaluated, old)  # an evaluation picture under the name of a training picture
    assert old in names(load(folder, record, require=("eval",)).eval)


def test_new_pictures_evaluate_and_the_same_name_is_told(trained, tmp_path: Path) -> None:
    folder, data, record = trained
    other = sorted(names(data.train))[0]
    shutil.copy(folder / f"{other}.xml", folder / "new.xml")
    (folder / f"{other}.png").rename(folder / "new.png")
    evaluated = sorted(names(data.eval))
    shutil.copy(folder / f"{evaluated[0]}.png", folder / f"{other}.png")
    with (folder / f"{other}.png").open("ab") as stream:
        stream.write(b"other bytes")
    with (folder / f"{evaluated[1]}.png").open("ab") as stream:
        stream.write(b"new bytes")
    rename(folder, evaluated[1], "another")
    again = load(folder, record, require=("eval",))
    assert names(again.eval) == {other, "another", evaluated[0]}
    assert (again.seen_among(again.eval), again.same_eval) == (1, False)
    text = "\n".join(again.warnings)
    assert "2 of 11 pictures are not in the split that the model was trained with" in text
    assert "1 of the 3 pictures that evaluate may have been trained on" in text


def test_pictures_that_were_written_anew_are_known_by_their_names(trained) -> None:
    folder, data, record = trained
    files = sorted(folder.glob("*.png"))
    for file in files[1:]:
        file.write_bytes(file.read_bytes() + b"\0")
    again = load(folder, record, require=("eval",))
    assert names(again.eval) == names(data.eval)
    assert not again.same_eval


def test_a_set_known_by_names_alone_may_have_been_trained_on(trained) -> None:
    """Two sets that count their pictures from 1 have all names in common, and no picture."""
    folder, data, record = trained
    for file in folder.glob("*.png"):
        file.write_bytes(file.read_bytes() + b"\0")
    again = load(folder, record, require=("eval",))
    assert (len(again.eval), again.seen_among(again.eval)) == (10, 8)
    text = "\n".join(again.warnings)
    assert "10 of 10 pictures are not in the split that the model was trained with" in text
    assert "8 of the 10 pictures that evaluate may have been trained on" in text


def test_names_are_told_without_their_folders_and_suffixes() -> None:
    record = SplitRecord(
        "split.json",
        "stated by the dataset",
        {"train/a.jpg": "1", "train/b.jpg": "2"},
        {"val/a.jpg": "3", "val/c.jpg": "4"},
    )
    ids, contents = ["images/A.png", "b.png", "c.png", "train/a.jpg"], ["5", "6", "7", "1"]
    found = recorded_usages(record, ids, contents, [None] * 4, ("eval",))
    assert found.usages == ("eval", "train", "eval", "train")
    assert found.seen == {0, 1, 3}
    assert "1 of the 2 pictures that evaluate may have been trained on" in found.lines[-1]


def test_other_pictures_all_evaluate_and_none_was_trained_on(trained, make_folder) -> None:
    other = make_folder(3, root="other")
    for file in other.glob("*.png"):
        file.write_bytes(file.read_bytes() + b"\0")
        rename(other, file.stem, f"other {file.stem}")
    again = load(other, trained[2], require=("eval",))
    assert (len(again.eval), again.seen_among(again.eval), again.same_eval) == (3, 0, False)
    assert "0 of the 3 pictures that evaluate may have been trained on" in "\n".join(again.warnings)


def test_a_set_that_was_trained_on_whole_is_not_evaluated(trained) -> None:
    folder, data, record = trained
    for stem in names(data.eval):
        (folder / f"{stem}.png").unlink()
        (folder / f"{stem}.xml").unlink()
    with pytest.raises(DataError, match="not trained on, found 8 of 8 that it was trained on"):
        load(folder, record, require=("eval",))
    assert len(load(folder, record, require=()).train) == 8


def test_a_record_counts_before_what_the_dataset_says(make_manifest, tmp_path: Path) -> None:
    """A dataset that was published anew has another split: its pictures were trained on all the same."""
    data = load(make_manifest(10))
    record = record_of(data, tmp_path / "job")

    def change(index: int, record: dict) -> None:
        record["usage"] = "EVAL" if index % 5 == 0 else "TRAIN"

    anew = make_manifest(10, change)
    again = load(anew, record, require=("eval",))
    assert names(again.eval) == names(data.eval) == {"p04", "p09"}
    assert "against what the dataset says of 4 of them" in again.warnings[0]
    goes_on = load(anew, record)
    assert names(goes_on.eval) == names(data.eval)
    assert goes_on.fingerprint == data.fingerprint


def test_a_record_of_an_earlier_version_tells_by_names(trained, tmp_path: Path) -> None:
    folder, data, record = trained
    old = {"seed": 3, "train": list(record.train), "eval": list(record.eval)}
    write_json(tmp_path / "old/split.json", old)
    found = read_record(tmp_path / "old/split.json")
    assert (found.names_only, found.rule) == (True, "seed 3")
    assert names(load(folder, found, require=("eval",)).eval) == names(data.eval)


@pytest.mark.parametrize("text", ["{", "[]", '{"train": 1, "eval": 2}', '{"train": ["a"]}'])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(DataError, match=r"split\.json, found something else.*restore or remove"):
        read_record(tmp_path / "split.json")


def test_a_record_is_found_in_a_model_folder_then_beside_it(trained, tmp_path: Path) -> None:
    job = tmp_path / "job"
    (job / "model").mkdir()
    assert find_record(job / "model").place == str(job / "split.json")
    (job / "model/net.tflite").touch()
    shutil.copy(job / "split.json", job / "model/split.json")
    for place in (job / "model", job / "model/net.tflite"):
        assert find_record(place).place == str(job / "model/split.json")
    assert find_record(tmp_path / "elsewhere/model") is None


def test_content_is_told_by_size_and_three_blocks(tmp_path: Path) -> None:
    size = 10 * BLOCK
    base = bytearray(size)
    files = {"base": bytes(base), "longer": bytes(base) + b"\0"}
    for name, place in (("first", 0), ("middle", size // 2), ("last", size - 1)):
        changed = bytearray(base)
        changed[place] = 1
        files[name] = bytes(changed)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    contents = {name: content_of(tmp_path / name) for name in files}
    assert len(set(contents.values())) == len(files)
    (tmp_path / "again").write_bytes(files["base"])
    assert content_of(tmp_path / "again") == contents["base"]


def test_large_files_cost_as_much_as_small_ones(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(4 << 30)
    begun = time.perf_counter()
    content_of(tmp_path / "huge")
    assert time.perf_counter() - begun < 1.0


def test_a_record_is_json_of_names_and_contents(trained, tmp_path: Path) -> None:
    content = json.loads((tmp_path / "job/split.json").read_text(encoding="utf-8"))
    assert sorted(content) == ["eval", "rule", "train"]
    assert len(content["train"]) == 8 and len(content["eval"]) == 2
