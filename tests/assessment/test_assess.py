"""An assessment from model folder and dataset to its files, and what is said when one of them is not usable."""

import contextlib
import io
import json
import logging
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from algorithm.__main__ import main
from algorithm.assessment.assessed_model import apply_thresholds, load_model
from algorithm.assessment.assessment import assess_samples
from algorithm.data import load_dataset
from algorithm.data.split_record import SplitRecord
from algorithm.errors import DataError
from algorithm.modelarts.model_index import read_class_names
from algorithm.storage.atomic_files import write_json

FILES = ["assessment.json", "display.json", "next_job.json", "report.html"]


def run(model, data, output, *more):
    return main(
        ["assess", f"--model_dir={model}", f"--data_url={data}", f"--output={output}", *more]
    )


def files_of(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@dataclass(frozen=True)
class Assessed:
    """A job's model that was assessed on its dataset: what came of it, and what was said."""

    model: Path
    data: Path
    output: Path
    printed: str
    log: str


@pytest.fixture(scope="module")
def assessed(packaged_model, make_dataset, tmp_path_factory):
    """A model beside its job.json, and a dataset one of whose pictures had another name before."""
    root = tmp_path_factory.mktemp("assessed")
    model = shutil.copytree(packaged_model, root / "out" / "model")
    values = {"model_name": "efficientdet-lite0", "seed": "4"}
    (model.parent / "job.json").write_text(json.dumps({"hyperparameters": values}))
    data = make_dataset(root / "data", ["EVAL"] * 30 + ["TRAIN"])
    (data.parent / "path_map.json").write_text(json.dumps({"0.png": "obs://bucket/first.tiff"}))
    printed, log = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger("algorithm").addHandler(handler)
    try:
        with contextlib.redirect_stdout(printed):
            assert run(model, data, root / "o") == 0
    finally:
        logging.getLogger("algorithm").removeHandler(handler)
    return Assessed(model, data, root / "o", printed.getvalue(), log.getvalue())


def test_the_files_and_their_figures(assessed):
    assert assessed.printed.strip() == f"{assessed.output}/report.html"
    assert files_of(assessed.output) == FILES
    figures = json.loads((assessed.output / "assessment.json").read_text("utf-8"))
    # every cat is found exactly; the dogs' only detection covers the whole picture
    assert figures["per_class"]["猫"]["AP"] == pytest.approx(1.0)
    assert figures["per_class"]["dog"]["AP"] == 0.0
    assert figures["metrics"]["voc_map"] == pytest.approx(0.5)
    assert (figures["pictures"], figures["objects"], figures["detections"]) == (30, 40, 60)
    # The dog's box is 13 x 18 of 40 x 60: IoU 0.0975, background. In every picture the cat's box is a quarter of it: 0.25, both.
    threshold = figures["operating_point"]["confidence_threshold"]
    assert 0.6 < threshold <= 0.9
    assert figures["missed_objects"] == {"class": 0, "position": 0, "shared": 0, "background": 10}
    assert set(figures["sensitivity"]) >= {"box_area", "margin", "brightness", "clarity", "overlap"}


def test_the_page_is_self_contained_and_in_two_languages(assessed):
    page = (assessed.output / "report.html").read_text("utf-8")
    assert not re.findall(r"""(?:src|href|url\()\s*=?\s*["']?\s*(?:https?:)?//""", page)
    assert "<script src" not in page and "<link" not in page and "@import" not in page
    assert (
        page.count("data:image/jpeg;base64,") > 5 and page.count("data:image/svg+xml;base64,") > 15
    )
    for text in (
        "What to do",
        "综合评估",
        "Confusion matrix",
        "混淆矩阵",
        "@media print",
        "max-width: 640px",
        "猫",
        "aria-sort",
    ):
        assert text in page
    assert page.count("<section") == page.count("</section>") and "<nan>" not in page.lower()


def test_the_next_job_starts_from_the_job_beside_the_model(assessed):
    job = json.loads((assessed.output / "next_job.json").read_text("utf-8"))
    assert job["based_on"].endswith("job.json")
    assert "seed=4" in {row["name"]: row["value"] for row in job["parameters"]}["hparams"]


def test_original_names_come_back(assessed):
    shown = json.loads((assessed.output / "display.json").read_text("utf-8"))
    listed = [row["data_info"] for row in shown["zh-cn"]["get_negative_samples_det"]]
    assert "obs://bucket/first.tiff" in listed and "0.png" not in listed


def test_a_baseline_model_and_an_earlier_assessment(assessed, tmp_path):
    model, data = assessed.model, assessed.data
    for place, baseline in (("second", assessed.output), ("third", model)):
        assert run(model, data, tmp_path / place, f"--baseline={baseline}") == 0
        rows = json.loads((tmp_path / place / "assessment.json").read_text("utf-8"))["comparison"]
        assert {row["change"] for row in rows if row["change"] is not None} == {0.0}
        assert "Comparison" in (tmp_path / place / "report.html").read_text("utf-8")


def test_apply_writes_thresholds_that_go_with_the_figures(model_dir, dataset, tmp_path):
    before = json.loads((model_dir / "config.json").read_text("utf-8"))
    assert run(model_dir, dataset, tmp_path / "o", "--apply") == 0
    figures = json.loads((tmp_path / "o" / "assessment.json").read_text("utf-8"))["operating_point"]
    index = json.loads((model_dir / "index").read_text("utf-8"))
    config = json.loads((model_dir / "config.json").read_text("utf-8"))
    assert index["labels_list"] == ["猫", "dog"]
    assert index["thresholds"]["confidence"] == figures["confidence_threshold"]
    assert config["metrics"] == {
        name: round(figures[name], 6) for name in ("f1", "recall", "precision")
    }
    assert {**config, "metrics": 0} == {**before, "metrics": 0}


def test_applying_again_replaces(model_dir):
    figures = {"f1": 0.5, "recall": 0.5, "precision": 0.5}
    apply_thresholds(model_dir, 0.4, {"猫": 0.4, "dog": 0.2}, 0.5, figures)
    index = json.loads((model_dir / "index").read_text("utf-8"))
    assert index["thresholds"] == {
        "confidence": 0.4,
        "per_class": {"dog": 0.2},
        "nms_iou_threshold": 0.5,
    }
    apply_thresholds(model_dir, 0.7, {"猫": 0.7, "dog": 0.7}, None, figures)
    assert json.loads((model_dir / "index").read_text("utf-8"))["thresholds"] == {"confidence": 0.7}


def test_samples_at_hand_at_the_end_of_a_job(model_dir, dataset, tmp_path):
    data = load_dataset(
        dataset,
        clean=True,
        seed=0,
        work_dir=tmp_path / "w",
        label_names=("猫", "dog"),
        require=("eval",),
    )
    analysis = assess_samples(
        model_dir, data.eval, data.label_names, tmp_path / "o", values={"seed": "1"}
    )
    assert analysis.voc_map == pytest.approx(0.5) and files_of(tmp_path / "o") == FILES


@pytest.mark.parametrize("place", ["", "model"])
def test_the_split_of_the_job_is_used_again(model_dir, make_dataset, tmp_path, caplog, place):
    """After eval_last=4 all ten pictures were assessed, of which six were trained on."""
    manifest = make_dataset(tmp_path / "plain", [""] * 10)
    options = {"clean": True, "seed": 5, "work_dir": tmp_path / "w"}
    data = load_dataset(manifest, **options, eval_last=4)
    record = SplitRecord.of(data.train, data.eval, data.split_rule)
    write_json(model_dir.parent / place / "split.json", record.as_dict())
    with caplog.at_level(logging.INFO):
        run(model_dir, manifest, tmp_path / "o")
    assert "data: 4 evaluation pictures" in caplog.text
    assert "4 of 10 pictures evaluate, 6 it was trained on and do not" in caplog.text
    figures = json.loads((tmp_path / "o" / "assessment.json").read_text("utf-8"))
    assert "6 it was trained on" in figures["warnings"][0]


def test_a_model_without_a_record_says_so(assessed):
    assert "no split.json tells which pictures the model was trained on" in assessed.log


def refusal(capsys, code, model, data, output, *more):
    assert run(model, data, output, *more) == code
    assert files_of(output) == []
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_a_manifest_without_eval_has_no_split_and_is_assessed_whole(
    model_dir, make_dataset, tmp_path, caplog
):
    manifest = make_dataset(tmp_path / "plain", ["TRAIN"] * 3)
    with caplog.at_level(logging.INFO):
        assert run(model_dir, manifest, tmp_path / "o") == 0
    assert "all samples are evaluated" in caplog.text
    assert "data: 3 evaluation pictures" in caplog.text


def test_a_training_class_the_model_does_not_know(model_dir, make_dataset, tmp_path, capsys):
    manifest = make_dataset(tmp_path / "plain", ["TRAIN", "EVAL"], names=("猫", "wolf"))
    assert "'wolf'" in refusal(capsys, 3, model_dir, manifest, tmp_path / "o")


def test_a_folder_without_signature(write_saved_model, model_dir, dataset, tmp_path, capsys):
    shutil.rmtree(model_dir / "variables")
    write_saved_model(model_dir, name="other")
    assert refusal(capsys, 3, model_dir, dataset, tmp_path / "o") == (
        f"ERROR DATA: expected the signature serving_default in {model_dir}, found other: export the model again"
    )


def test_a_model_that_is_no_detector(write_saved_model, model_dir, dataset, tmp_path, capsys):
    shutil.rmtree(model_dir / "variables")
    write_saved_model(model_dir, outputs=["detection_boxes"])
    assert "its signature lacks detection_classes, detection_scores, num_detections" in refusal(
        capsys, 3, model_dir, dataset, tmp_path / "o"
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("index", "{}", "labels_list"),
        ("index", "nonsense", "expected a JSON object in"),
        ("saved_model.pb", "torn", "cannot be loaded"),
    ],
)
def test_a_damaged_model_folder(model_dir, dataset, tmp_path, capsys, name, content, words):
    (model_dir / name).write_text(content)
    assert words in refusal(capsys, 3, model_dir, dataset, tmp_path / "o")


def test_no_model_folder(tmp_path, dataset, capsys):
    assert "the folder `model`" in refusal(capsys, 3, tmp_path, dataset, tmp_path / "o")
    with pytest.raises(DataError, match="expected a model folder with saved_model.pb"):
        load_model(tmp_path)


def test_missing_places_and_bad_numbers(model_dir, dataset, tmp_path, capsys):
    assert main(["assess", "--model_dir=m", "--data_url=d"]) == 2
    assert "ERROR ARGUMENT: --output: expected a place" in capsys.readouterr().err
    assert "--tune: expected 0 or more, found -1" in refusal(
        capsys, 2, model_dir, dataset, tmp_path / "o", "--tune=-1"
    )


def test_a_baseline_that_is_neither(model_dir, dataset, tmp_path, capsys):
    (tmp_path / "b").mkdir()
    assert "expected a model folder or an earlier assessment" in refusal(
        capsys, 3, model_dir, dataset, tmp_path / "o", f"--baseline={tmp_path / 'b'}"
    )


def test_a_baseline_with_other_classes(model_dir, dataset, tmp_path, capsys):
    other = shutil.copytree(model_dir, tmp_path / "other")
    (other / "index").write_text('{"labels_list": ["a", "b"]}')
    assert "compare models of one label map" in refusal(
        capsys, 3, model_dir, dataset, tmp_path / "o", f"--baseline={other}"
    )


def test_what_the_model_folder_answers(packaged_model):
    model = load_model(packaged_model)
    seen = model.detect(np.zeros((40, 60, 3), np.uint8))
    assert seen.boxes.tolist() == [[0, 0, 20, 30], [0, 0, 40, 60]] and seen.labels.tolist() == [
        0,
        1,
    ]
    assert seen.scores == pytest.approx([0.9, 0.6])
    assert model.detect_masks is None and seen.masks == ()
    assert read_class_names(packaged_model) == ("猫", "dog")
