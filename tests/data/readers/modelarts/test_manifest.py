"""Every spelling of a manifest, and the complaint for each line that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from algorithm.data import load_dataset
from algorithm.data.readers.modelarts.manifest import read_manifest
from algorithm.errors import DataError

from ...conftest import write_picture, write_voc


def problems(manifest: Path) -> list[str]:
    listing = read_manifest(manifest)
    return [
        str(wrong)
        for wrong in (
            *listing.complaints,
            *(wrong for entry in listing.entries for wrong in entry.complaints),
        )
    ]


def test_usage_of_any_case(make_manifest) -> None:
    manifest = make_manifest(
        6, lambda index, record: record.update(usage=["train", "TRAIN", "Eval"][index % 3])
    )
    assert [entry.usage for entry in read_manifest(manifest).entries] == [
        "train",
        "train",
        "eval",
    ] * 2


def test_usages_in_the_words_of_other_tools(make_manifest) -> None:
    words = ["training", "Validation", "testing"]
    listing = read_manifest(
        make_manifest(6, lambda index, record: record.update(usage=words[index % 3]))
    )
    assert [entry.usage for entry in listing.entries] == ["train", "eval"] * 2
    assert listing.warnings == ("2 sample(s) of usage TEST in V001.manifest are left out",)


def test_other_usages_are_left_out_and_said(make_manifest) -> None:
    listing = read_manifest(
        make_manifest(5, lambda index, record: index or record.update(usage="Test"))
    )
    assert len(tuple(listing.entries)) == 4
    assert listing.warnings == ("1 sample(s) of usage TEST in V001.manifest are left out",)


def test_unknown_usage_is_a_complaint(make_manifest) -> None:
    manifest = make_manifest(2, lambda index, record: record.update(usage="later"))
    assert problems(manifest)[1] == f"{manifest}:2: expected usage TRAIN or EVAL, found 'later'"


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.update(
            annotation_loc=found.pop("annotation-loc"), annotation_format="PASCAL VOC"
        ),
        lambda found: found.update(
            {"property": '{"@modelarts:x": 1}', "hard": "true", "hard-coefficient": 0.8}
        ),
        lambda found: found.update(
            {"property": {"@modelarts:x": 1}, "hard": True, "annotation-format": "pascal voc"}
        ),
        lambda found: found.pop("type"),
    ],
    ids=["underscores", "property as string", "property as object", "no type"],
)
def test_spellings_of_an_annotation(make_manifest, change) -> None:
    listing = read_manifest(make_manifest(2, lambda index, record: change(record["annotation"][0])))
    assert [entry.annotation.names for entry in listing.entries] == [("cat",), ("dog",)]


def test_annotations_of_other_tasks_are_passed_over(make_manifest) -> None:
    other = {"type": "modelarts/image_classification", "name": "indoor"}
    listing = read_manifest(
        make_manifest(2, lambda index, record: record["annotation"].insert(0, other))
    )
    assert [entry.annotation.names for entry in listing.entries] == [("cat",), ("dog",)]


def test_several_annotations_of_a_picture_are_joined(make_manifest) -> None:
    def change(index: int, record: dict) -> None:
        record["annotation"] += [
            {"type": "modelarts/object_detection", "annotation-loc": "p01.xml"}
        ] * 2

    first = next(iter(read_manifest(make_manifest(2, change)).entries)).annotation
    assert (first.names, first.boxes.shape, first.ignored.tolist()) == (
        ("cat", "dog"),
        (2, 4),
        [False, False],
    )


def test_absolute_sources(make_manifest, tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "other" / "a b.png")
    listing = read_manifest(
        make_manifest(1, lambda index, record: record.update(source=str(picture)))
    )
    assert [entry.path for entry in listing.entries] == [picture]


@pytest.mark.parametrize("key", ["source", "annotation-loc"])
def test_addresses_that_climb_out_are_refused(make_manifest, tmp_path: Path, key: str) -> None:
    write_picture(tmp_path / "other" / "a b.png")

    def change(index: int, record: dict) -> None:
        (record if key == "source" else record["annotation"][0])[key] = "x/../../other/a b.png"

    manifest = make_manifest(1, change)
    assert problems(manifest) == [
        f"{manifest}:1: expected a path inside {manifest.parent}, found "
        "'x/../../other/a b.png', which leads out of it"
    ]


@pytest.mark.parametrize("scheme", ["obs://", "s3://"])
def test_remote_sources_go_through_the_resolver(make_manifest, scheme: str) -> None:
    def change(index: int, record: dict) -> None:
        record["source"] = f"{scheme}bucket/{record['source']}"
        record["annotation"][0]["annotation-loc"] = f"{scheme}bucket/p{index:02d}.xml"

    manifest = make_manifest(5, change)
    data = load_dataset(
        manifest,
        clean=False,
        seed=0,
        work_dir=manifest.parent / "work",
        resolve=lambda urls: {
            url: manifest.parent / url.removeprefix(f"{scheme}bucket/") for url in urls
        },
    )
    assert data.train[0].source == f"{scheme}bucket/p00.png"


def test_remote_sources_that_no_one_stages_are_refused(make_manifest) -> None:
    manifest = make_manifest(2, lambda index, record: record.update(source=f"s3://b/x/{index}.png"))
    with pytest.raises(DataError, match="found 's3://b/x/0.png', which no one has staged"):
        read_manifest(manifest)


def test_ids_are_strings_and_fall_back_to_sources(make_manifest, tmp_path: Path) -> None:
    manifest = make_manifest(5, lambda index, record: record.update(id=f"编号 {index}"))
    assert (
        load_dataset(manifest, clean=False, seed=0, work_dir=tmp_path).eval[0].image_id == "编号 4"
    )
    manifest = make_manifest(5, lambda index, record: record.update(id="same"))
    assert (
        load_dataset(manifest, clean=False, seed=0, work_dir=tmp_path).eval[0].image_id == "p04.png"
    )


def test_byte_order_mark_and_blank_lines(make_manifest) -> None:
    manifest = make_manifest(2)
    manifest.write_bytes(b"\xef\xbb\xbf" + manifest.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert len(tuple(read_manifest(manifest).entries)) == 2


@pytest.mark.parametrize(
    "line",
    ["not json", '{"source": "a.jpg"', "[1]", '"a"', '{"source-type": "CarbonData"}', "\udcff"],
)
def test_a_line_that_is_no_object_is_named(make_manifest, line: str) -> None:
    manifest = make_manifest(2)
    manifest.write_bytes(manifest.read_bytes() + line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(DataError, match=r"V001\.manifest:3\b"):
        read_manifest(manifest)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda record: record.pop("source"), "expected 'source' to name a picture"),
        (
            lambda record: record.update(annotation=[]),
            "object detection annotation of p00.png, found none (unlabelled)",
        ),
        (lambda record: record.pop("annotation"), "found none (unlabelled)"),
        (
            lambda record: record["annotation"][0].update(type="modelarts/image_classification"),
            "found modelarts/image_classification",
        ),
        (lambda record: record["annotation"][0].pop("annotation-loc"), "expected 'annotation-loc'"),
        (
            lambda record: record["annotation"][0].update({"annotation-format": "YOLO"}),
            "'PASCAL VOC' for p00.png",
        ),
    ],
)
def test_lines_that_cannot_be_used(make_manifest, change, problem: str) -> None:
    manifest = make_manifest(1, lambda index, record: change(record))
    found = problems(manifest)
    assert len(found) == 1
    assert found[0].startswith(f"{manifest}:1: ")
    assert problem in found[0]


def test_missing_annotation_file_is_named(make_manifest) -> None:
    manifest = make_manifest(2)
    (manifest.parent / "p01.xml").unlink()
    assert problems(manifest) == [
        "p01.xml: the annotation cannot be read: No such file or directory"
    ]


def test_a_picture_listed_twice_is_a_complaint(make_manifest) -> None:
    manifest = make_manifest(3, lambda index, record: record.update(source="p00.png"))
    assert (
        problems(manifest) == [f"{manifest}: expected each picture once, found p00.png again"] * 2
    )


def test_annotated_background_is_no_complaint(make_manifest) -> None:
    manifest = make_manifest(2)
    write_voc(manifest.parent / "p01.xml", [])
    assert list(read_manifest(manifest).entries)[1].annotation.names == ()
    assert problems(manifest) == []


def to_store(index: int, record: dict) -> None:
    """Addresses as the platform publishes them."""
    record["source"] = f"s3://bucket/ds/{record['source']}"
    record["annotation"][0]["annotation-loc"] = f"s3://bucket/ds/V1/p{index:02d}.xml"


def test_addresses_of_a_store_are_the_files_beside(make_manifest) -> None:
    manifest = make_manifest(5, to_store)
    listing = read_manifest(manifest)
    assert [entry.path.name for entry in listing.entries] == [f"p{i:02d}.png" for i in range(5)]
    assert [entry.annotation.names for entry in listing.entries][:2] == [("cat",), ("dog",)]
    assert "are taken for the files of the same names" in listing.warnings[0]


def test_what_lies_beside_is_not_staged_again(make_manifest) -> None:
    manifest = make_manifest(5, to_store)
    assert len(list(read_manifest(manifest, lambda urls: pytest.fail("staged")).entries)) == 5
    (manifest.parent / "p01.png").unlink()
    asked = []
    read_manifest(manifest, lambda urls: asked.extend(urls) or {})
    assert "s3://bucket/ds/p00.png" in asked


def test_the_same_names_in_two_folders_go_by_the_longest_tail(make_manifest) -> None:
    def change(index: int, record: dict) -> None:
        record["source"] = f"obs://bucket/ds/{'xy'[index]}/a.png"

    manifest = make_manifest(2, change)
    for folder in "xy":
        write_picture(manifest.parent / folder / "a.png")
    found = [entry.path.parent.name for entry in read_manifest(manifest).entries]
    assert found == ["x", "y"]


@pytest.mark.parametrize("address", ["ftp://host/set/gone.png", "https://host/gone.png"])
def test_an_unknown_scheme_is_no_relative_path(make_manifest, address: str) -> None:
    manifest = make_manifest(2, lambda index, record: index or record.update(source=address))
    (found,) = problems(manifest)
    assert f"{manifest}:1: expected an address that is staged" in found
    assert found.endswith(f"found {address!r}")


def test_all_of_one_usage_is_no_split(make_manifest) -> None:
    listing = read_manifest(make_manifest(4, lambda index, record: record.update(usage="TRAIN")))
    assert {entry.usage for entry in listing.entries} == {None}
    assert listing.warnings == (
        "all 4 samples with a usage in V001.manifest are TRAIN: that is no split",
    )


@pytest.mark.parametrize(
    ("given", "read"),
    [(("EVAL", "TEST"), [None, None]), (("TEST",), ["eval"] * 4), (("", "TEST"), [None, "eval"])],
)
def test_usage_test_never_trains(make_manifest, given: tuple[str, ...], read: list) -> None:
    def change(index: int, record: dict) -> None:
        record["usage"] = given[index % len(given)]

    found = [entry.usage for entry in read_manifest(make_manifest(4, change)).entries]
    assert found == (read * 2 if given[0] == "" else read)


def test_usage_test_evaluates_where_nothing_else_does(make_manifest) -> None:
    def change(index: int, record: dict) -> None:
        record["usage"] = ("TRAIN", "TEST", "INFERENCE")[min(index, 2)]

    listing = read_manifest(make_manifest(4, change))
    assert [entry.usage for entry in listing.entries] == ["train", "eval"]
    assert listing.warnings == (
        "1 sample(s) of usage TEST in V001.manifest evaluate, as none is of usage EVAL",
        "2 sample(s) of usage INFERENCE in V001.manifest are left out",
    )


def test_segmentation_annotations_are_read(make_manifest) -> None:
    manifest = make_manifest(
        2, lambda index, record: record["annotation"][0].update(type="modelarts/image_segmentation")
    )
    assert [entry.annotation.names for entry in read_manifest(manifest).entries] == [
        ("cat",),
        ("dog",),
    ]


@pytest.mark.parametrize("form", ["array", "indented", "indented array", "utf-16"])
def test_manifests_that_an_editor_wrote(make_manifest, form: str) -> None:
    manifest = make_manifest(3)
    rows = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    indent = 2 if "indented" in form else None
    text = "".join(json.dumps(row, indent=indent) + "\n" for row in rows)
    if "array" in form:
        text = json.dumps(rows, indent=indent)
    manifest.write_text(text, encoding="utf-16" if form == "utf-16" else "utf-8-sig")
    entries = list(read_manifest(manifest).entries)
    assert [entry.source for entry in entries] == ["p00.png", "p01.png", "p02.png"]


def test_backslashes_and_percent_signs(make_manifest) -> None:
    manifest = make_manifest(
        2, lambda index, record: record.update(source=("a%20b\\c.png", "50%.png")[index])
    )
    write_picture(manifest.parent / "a b" / "c.png")
    write_picture(manifest.parent / "50%.png")
    assert [entry.path.name for entry in read_manifest(manifest).entries] == ["c.png", "50%.png"]


def test_a_manifest_of_ground_truth_is_refused_by_name(make_manifest) -> None:
    manifest = make_manifest(1)
    manifest.write_text('{"source-ref": "s3://b/a.png", "bounding-box": {}}\n')
    with pytest.raises(DataError, match="SageMaker Ground Truth, which is not read"):
        read_manifest(manifest)
