"""The Cloud TPU tutorial end to end with a thinner network: records, ten steps, the 12 rows, a service, evaluation, assessment."""

import dataclasses
import io
import json
import logging
import re
from pathlib import Path

import pytest

from algorithm import retinanet
from algorithm.__main__ import main
from algorithm.data.conversion import convert
from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.models import PRESETS, resnet

PARAMETERS = (
    "{{ type: retinanet, train: {{ total_steps: 10, batch_size: 2, iterations_per_loop: 5000, "
    "train_file_pattern: {data}/train-* }}, eval: {{ val_json_file: {data}/instances_val2017.json, "
    "eval_file_pattern: {data}/val-*, eval_samples: 3, batch_size: 2 }}, retinanet_parser: {{ output_size: [64, 64] }} }}"
)


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """(folder of records, flags, model_dir, log) of a run that ended."""
    patch, records = pytest.MonkeyPatch(), logging.getLogger("algorithm")
    folder = tmp_path_factory.mktemp("tutorial")
    source = write_sample_dataset(folder / "source", count=15, seed=1, size=96)
    convert(source, folder / "coco", "tfrecord", shards=2, workers=1)
    patch.setattr(resnet, "_STEM_FILTERS", 8)
    patch.setitem(resnet.RESNETS, "resnet50", resnet.ResNetSpec((1, 1, 1, 1)))
    row = PRESETS["retinanet-resnet50"]
    patch.setitem(PRESETS, row.name, dataclasses.replace(row, fpn_channels=16, head_repeats=1))
    flags = [
        f"--model_dir={folder / 'model'}",
        "--model=retinanet",
        f"--params_override={PARAMETERS.format(data=folder / 'coco')}",
    ]
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    records.addHandler(handler)
    try:
        assert retinanet.main(["--strategy_type=one_device", "--mode=train", *flags]) == 0
        yield folder, flags, lines.getvalue()
    finally:
        records.removeHandler(handler)
        patch.undo()


def test_the_records_are_those_of_the_tutorial(tutorial):
    folder, _, _ = tutorial
    assert sorted(path.name for path in (folder / "coco").iterdir() if path.name[0] != ".") == [
        "instances_val2017.json",
        "label_map.pbtxt",
        "train-00000-of-00002.tfrecord",
        "train-00001-of-00002.tfrecord",
        "val-00000-of-00001.tfrecord",
    ]
    truth = json.loads((folder / "coco/instances_val2017.json").read_text())
    assert len(truth["images"]) == 3 and truth["annotations"] and len(truth["categories"]) == 4


def test_it_prints_the_step_and_the_twelve_rows(tutorial):
    _, _, log = tutorial
    found = re.search(r"Train Step: 10/10  / loss = (\{.*?\}) / training metric = \{", log)
    losses = json.loads(found[1].replace("'", '"'))
    assert list(losses) == [
        "total_loss",
        "cls_loss",
        "box_loss",
        "model_loss",
        "l2_regularization_loss",
        "learning_rate",
    ]
    assert losses["model_loss"] == pytest.approx(
        losses["cls_loss"] + 50 * losses["box_loss"], rel=1e-4
    )
    assert losses["total_loss"] == pytest.approx(
        losses["model_loss"] + losses["l2_regularization_loss"], rel=1e-4
    )
    assert re.search(
        r"Accumulating evaluation results\.\.\.\nDONE \(t=\d+\.\d\ds\)\.\n Average Precision", log
    )
    assert log.count("Average Precision") + log.count("Average Recall") == 12
    assert "is not read" not in log  # the ground truth beside the records is theirs


def test_the_model_answers(tutorial):
    from algorithm.serving.model_handler import load_service

    folder, _, _ = tutorial
    picture = next((folder / "source/images").glob("*.jpg"))
    reply = load_service(folder / "model/model").inference(
        {"images": {picture.name: io.BytesIO(picture.read_bytes())}}
    )
    assert sorted(reply) == ["detection_boxes", "detection_classes", "detection_scores"]


def test_it_is_evaluated_again_and_a_checkpoint_once(tutorial, capfd):
    folder, flags, _ = tutorial
    before = json.loads((folder / "model/metrics.json").read_text())
    assert retinanet.main(["--mode=eval", *flags]) == 0
    assert json.loads((folder / "model/metrics.json").read_text())["AP"] == pytest.approx(
        before["AP"], abs=1e-6
    )
    assert (
        retinanet.main(
            ["--mode=eval_once", f"--checkpoint_path={folder / 'model/archive'}", *flags]
        )
        == 0
    )
    assert json.loads((folder / "model/eval/metrics.json").read_text())["AP"] == pytest.approx(
        before["AP"], abs=1e-6
    )


def test_it_is_assessed(tutorial):
    folder, _, _ = tutorial
    assert (
        main(
            [
                "assess",
                f"--model_dir={folder / 'model/model'}",
                f"--data_url={folder / 'coco'}",
                f"--output={folder / 'report'}",
            ]
        )
        == 0
    )
    assert Path(folder / "report/report.html").is_file()
