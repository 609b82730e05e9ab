"""A whole job with masks, shrunk: training, both tables, the model folder, going on, evaluation."""

import json
import logging

import numpy as np
import pytest
import small_job
import tensorflow as tf
from PIL import Image, ImageDraw

from algorithm.data.sample import Dataset, Sample
from algorithm.errors import ArgumentError, DataError
from algorithm.export.saved_model import MASKS
from algorithm.hyperparameters import parse
from algorithm.jobs import job
from algorithm.jobs.job_data import check_outlines
from algorithm.jobs.outputs.best_checkpoint import BestCheckpoint

HPARAMS = "moving_average_decay=0.9,image_size=64,log_every_steps=1,max_detections=10,masks=True,best_metric=segm"


@pytest.fixture(scope="module", autouse=True)
def thin_network():
    with pytest.MonkeyPatch.context() as patch:
        small_job.thin(patch.setattr, patch.setitem)
        yield


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Ten pictures with a coloured hexagon each, outlined in COCO's form."""
    folder, rng = tmp_path_factory.mktemp("hexagons"), np.random.default_rng(0)
    images, annotations = [], []
    for number in range(1, 11):
        middle, radius = rng.uniform(35, 60, 2), rng.uniform(18, 30)
        angles = np.arange(6) * np.pi / 3 + rng.random()
        points = middle + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        picture = Image.fromarray(rng.integers(0, 60, (96, 96, 3), dtype=np.uint8))
        ImageDraw.Draw(picture).polygon([tuple(point) for point in points], fill=(250, 120, 20))
        picture.save(folder / f"{number}.png")
        low, high = points.min(axis=0), points.max(axis=0)
        images.append({"id": number, "file_name": f"{number}.png", "width": 96, "height": 96})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "bbox": [*low.tolist(), *(high - low).tolist()],
                "area": 2.6 * radius**2,
                "iscrowd": 0,
                "segmentation": [points.ravel().tolist()],
            }
        )
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "hexagon"}],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def arguments(dataset, output, epochs=2, mode="train_and_eval", hparams=HPARAMS):
    return parse(
        [
            f"--data_url={dataset}",
            f"--train_url={output}",
            f"--mode={mode}",
            "--model_name=efficientdet-lite0",
            "--train_batch_size=2",
            "--eval_batch_size=2",
            f"--num_epochs={epochs}",
            "--pretrained=none",
            "--log_form=torchvision",
            f"--hparams={hparams}",
        ]
    )


@pytest.fixture(scope="module")
def finished(dataset, tmp_path_factory):
    """train_url and the log of a job that ran to its end and then went on for an epoch."""
    output = tmp_path_factory.mktemp("job") / "out"
    records: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())
    logging.getLogger("algorithm").addHandler(handler)
    logging.getLogger("algorithm").setLevel(logging.INFO)
    try:
        for epochs in (2, 3):
            assert job.run(arguments(dataset, output, epochs)) == 0
    finally:
        logging.getLogger("algorithm").removeHandler(handler)
    return output, "\n".join(records)


@pytest.mark.soak
def test_the_log_has_both_tables_and_the_mask_loss(finished):
    _, log = finished
    assert log.count("IoU metric: bbox") == log.count("IoU metric: segm") >= 3
    first = log.index("IoU metric: bbox")
    second = log.index("IoU metric: segm")
    rows = " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ]"
    assert log[first:second].count(rows) == 1
    assert " loss_mask: " in log
    assert "resumed at step" in log


@pytest.mark.soak
def test_the_figures_of_masks_are_kept(finished):
    output, _ = finished
    metrics = json.loads((output / "metrics.json").read_text())
    assert {"AP", "AP50", "ARl", "per_class"} <= set(metrics["segm"])
    assert set(metrics["segm"]["per_class"]) == {"hexagon"}
    assert f"segm_AP = {metrics['segm']['AP']}" in (output / "archive/best_eval.txt").read_text()


@pytest.mark.soak
def test_the_model_folder_has_the_signature(finished):
    output, _ = finished
    model = tf.saved_model.load(str(output / "model"))
    assert sorted(model.signatures) == [MASKS, "serving_default"]


@pytest.mark.soak
def test_evaluation_alone_has_both_tables(finished, dataset, caplog):
    output, _ = finished
    with caplog.at_level(logging.INFO, "algorithm"):
        assert job.run(arguments(dataset, output, 3, mode="eval")) == 0
    assert "IoU metric: segm" in caplog.text


@pytest.mark.parametrize(
    "metric, replaced", [("bbox", [True, False, False]), ("segm", [True, False, True])]
)
def test_the_best_checkpoint_is_chosen_by_the_metric(tmp_path, metric, replaced):
    from algorithm.models import build_detector

    detector = build_detector("efficientdet-lite0", 1, 64)
    best = BestCheckpoint(tmp_path / metric)
    rows = [(0.5, 0.2), (0.4, 0.2), (0.4, 0.3)]
    found = [
        best.replace_if_better(detector, step, {"AP": box, "segm": {"AP": mask}}, {}, metric=metric)
        for step, (box, mask) in enumerate(rows)
    ]
    assert found == replaced


def test_data_without_outlines_is_refused_before_time_is_spent(caplog):
    def sample(outlines):
        boxes, labels = np.zeros((2, 4), np.float32), np.zeros(2, np.int32)
        crowd = np.zeros(2, bool)
        return Sample("1", "", "", 9, 9, boxes, labels, crowd, "train", None, outlines)

    bare = Dataset((sample(None),), (sample(None),), ("cat",), (1,))
    with pytest.raises(DataError, match="masks=True: expected outlines.*found 2 boxes"):
        check_outlines(bare, "DATA", ("train",))
    some = Dataset((sample((None, object())),), (), ("cat",), (1,))
    with caplog.at_level(logging.WARNING, "algorithm"):
        check_outlines(some, "DATA", ("train",))
    assert "1 of 2 objects of the train pictures have no outline" in caplog.text


@pytest.mark.parametrize(
    "more, message",
    [
        ("masks=True,use_online_kd=True", "no distillation with masks=True"),
        ("best_metric=segm", "expected masks=True with segm"),
        ("masks=yes", "one of auto, true, false"),
    ],
)
def test_what_does_not_go_together_is_said(more, message):
    flags = [f"--{pair}" for pair in more.split(",")]
    with pytest.raises(ArgumentError, match=message):
        parse(["--data_url=A", "--train_url=B", *flags])
