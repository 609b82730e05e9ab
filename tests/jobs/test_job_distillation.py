"""Distillation as a user gets it: whole jobs on a few rendered pictures and networks of a few layers."""

import dataclasses
import json
import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from algorithm.data import Sample
from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.distillation.job_distillation import advice_on_peer
from algorithm.distillation.online_peer import OnlinePeer
from algorithm.errors import DataError
from algorithm.hyperparameters import parse
from algorithm.jobs import job
from algorithm.models import build_detector, zoo
from algorithm.models.weights.warm_start import Start
from algorithm.training import gradients

HPARAMS = "moving_average_decay=0,image_size=64,log_every_steps=1,max_detections=10"
STILL = ",jitter_min=1,jitter_max=1,input_rand_hflip=False"


def arguments(data, output, *more, hparams=HPARAMS):
    return [
        f"--data_url={data}",
        f"--train_url={output}",
        "--mode=train_and_eval",
        "--model_name=efficientdet-t1",
        "--train_batch_size=4",
        "--eval_batch_size=2",
        "--num_epochs=1",
        "--pretrained=none",
        f"--hparams={hparams}",
        *more,
    ]


@pytest.fixture(scope="module", autouse=True)
def shrunk():
    patch = pytest.MonkeyPatch()
    patch.setattr(gradients, "CompiledAhead", tf.function)  # compiling takes longest
    patch.setattr(OnlinePeer, "targets", tf.function(OnlinePeer.targets.python_function))
    backbone = dataclasses.replace(zoo.BACKBONES["efficientnet-lite0"], width=0.3, depth=0.2)
    patch.setitem(zoo.BACKBONES, "efficientnet-lite0", backbone)
    for model in ("efficientdet-t1", "efficientdet-lite0"):
        row = dataclasses.replace(zoo.PRESETS[model], fpn_channels=16, fpn_cells=1, head_repeats=1)
        patch.setitem(zoo.PRESETS, model, row)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_sample_dataset(tmp_path_factory.mktemp("data"), count=10, seed=1, size=96)


@pytest.fixture(scope="module")
def online(dataset, tmp_path_factory):
    """train_url and log of an online distillation of one epoch that left a teacher."""
    output, log = tmp_path_factory.mktemp("job") / "out", []
    handler = logging.Handler()
    handler.emit = lambda record: log.append(record.getMessage())
    logger = logging.getLogger("algorithm")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        assert (
            job.run(
                parse(
                    arguments(
                        dataset, output, "--use_online_kd=True", "--export_teacher_model=True"
                    )
                )
            )
            == 0
        )
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return output, "\n".join(log)


def test_the_log_has_both_networks_losses_and_aps(online):
    _, log = online
    steps = re.findall(
        r"train epoch=\d/\d step=(\d)/\d det_loss=[\d.]+ cls_loss=[\d.]+ box_loss=[\d.e-]+ loss_soft_cls=[\d.e-]+ "
        r"loss_soft_box=[\d.e-]+ peer_loss=[\d.]+",
        log,
    )
    assert steps == ["1", "2"]
    assert len(re.findall(r"^eval epoch=1/1 step=2 AP=", log, re.MULTILINE)) == 1
    assert len(re.findall(r"^peer eval epoch=1/1 step=2 AP=", log, re.MULTILINE)) == 1
    assert (
        "online distillation (plain): the peer is the student at 128x128, with batch norms of its own; it speaks for"
        in log
    )
    assert (
        "weights of the soft losses: classes 0.5, boxes 20; a step has 5 times the operations of one without it"
        in log
    )
    assert (
        "optimizer=auto: adam, learning rate up to 0.001 for a batch of 4" in log
    )  # 0.08 * 0.1 * 2 networks * 4 / 64


def test_the_exported_model_and_the_archive_are_the_student_alone_and_checkpoints_hold_both(online):
    output, _ = online
    archived = set(tf.train.load_checkpoint(str(output / "archive")).get_variable_to_shape_map())
    saved = set(tf.train.load_checkpoint(str(output)).get_variable_to_shape_map())
    assert not any(name.startswith("peer/") for name in archived)
    weights = archived - {"global_step", "training_state"}
    assert weights < saved
    theirs = {name for name in saved if name.startswith("peer/") and not name.endswith("Momentum")}
    assert "peer/efficientnet-lite0/stem/tpu_batch_normalization/gamma" in theirs
    assert all("bn" in name or "batch_normalization" in name for name in theirs)
    model = tf.saved_model.load(str(output / "model"))
    assert len(model.signatures["serving_default"].variables) == len(weights)


def test_the_teacher_lies_in_the_model_folder_and_a_job_that_has_it_is_finished(
    online, dataset, caplog
):
    output, _ = online
    assert sorted(path.name for path in (output / "model/frozen").iterdir()) == [
        "teacher.json",
        "teacher.pb",
    ]
    about = json.loads((output / "model/frozen/teacher.json").read_text())
    assert about["label_names"] == ["ball", "box", "ring", "star"]
    again = parse(arguments(dataset, output, "--use_online_kd=True", "--export_teacher_model=True"))
    with caplog.at_level(logging.INFO):
        assert job.run(again) == 0
    assert "nothing to do" in caplog.text


@pytest.mark.filterwarnings("ignore:Even though the .*run_functions_eagerly")
def test_a_student_learns_from_that_teacher_whose_answers_to_still_pictures_are_remembered(
    online, dataset, tmp_path, caplog, without_graphs
):
    teacher = online[0] / "model"
    with caplog.at_level(logging.INFO):
        assert (
            job.run(
                parse(
                    arguments(
                        dataset,
                        tmp_path / "out",
                        "--use_offline_kd=True",
                        f"--teacher_model_url={teacher}",
                        hparams=HPARAMS + STILL,
                    )
                )
            )
            == 0
        )
    assert (
        "offline distillation (plain): teacher efficientdet-t1 at 64x64; it speaks for 100.0 % of the student's anchors"
        in caplog.text
    )
    assert "the teacher's answers are remembered" in caplog.text
    said = re.findall(
        r" teacher eval epoch=0/1 step=0 AP=([\d.]+) AP50=",
        caplog.text,
    )
    own = re.findall(r"^eval epoch=1/1 step=2 AP=([\d.]+)", online[1], re.MULTILINE)
    assert (
        [float(score) for score in said]
        == [pytest.approx(float(score), abs=1e-5) for score in own]
        != []
    )
    assert "optimizer=auto: adam, learning rate up to 0.0005 for a batch of 4" in caplog.text
    assert re.search(
        r"step=2/2 .* loss_soft_cls=[\d.e-]+ loss_soft_box=[\d.e-]+ l2_loss", caplog.text
    )
    assert not (tmp_path / "out/model/frozen").exists()


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore:Even though the .*run_functions_eagerly")
def test_a_peer_with_weights_of_its_own_is_trained_along_and_a_job_that_goes_on_takes_it_from_its_checkpoint(
    online, dataset, tmp_path, caplog, without_graphs
):
    weights, output = tmp_path / "weights", tmp_path / "out"
    shutil.copytree(online[0] / "archive", weights)
    flags = arguments(
        dataset,
        output,
        "--use_online_kd=True",
        "--kd_method=crosshead",
        hparams=f"{HPARAMS},peer_model=efficientdet-t1,peer_pretrained={weights}",
    )
    with caplog.at_level(logging.INFO):
        assert job.run(parse(flags)) == 0
    log = "\n".join(record.getMessage() for record in caplog.records)
    assert f"peer: warm start from {weights}: weights: detection from" in log
    assert "the peer is efficientdet-t1 at 64x64, with weights of its own" in log
    assert (
        "optimizer=auto: adam, learning rate up to 0.0005 for a batch of 4" in log
    )  # no kernel has the gradients of both
    assert re.search(
        r"step=2/2 .* loss_soft_box=[\d.e-]+ peer_loss=[\d.]+ cross_loss=[\d.]+ l2_loss", log
    )
    assert len(re.findall(r"^peer eval epoch=1/1 step=2 AP=", log, re.MULTILINE)) == 1
    saved = tf.train.load_checkpoint(str(output)).get_variable_to_shape_map()
    archived = tf.train.load_checkpoint(str(output / "archive")).get_variable_to_shape_map()
    assert {"class_net/class-0/bias", "peer/class_net/class-0/bias"} <= saved.keys()
    assert not any(name.startswith("peer/") for name in archived)
    shutil.rmtree(weights)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert job.run(parse([*flags, "--num_epochs=2"])) == 0
    assert "resumed at step 2, in epoch 2" in caplog.text
    assert "peer eval epoch=2/2 step=4 AP=" in caplog.text


def test_weights_of_a_peer_that_are_nowhere_stop_the_job_before_training(dataset, tmp_path):
    with pytest.raises(DataError, match="nothing there; check the path"):
        job.run(
            parse(
                arguments(
                    dataset,
                    tmp_path / "out",
                    "--use_online_kd=True",
                    hparams=f"{HPARAMS},peer_model=efficientdet-t1,peer_pretrained={tmp_path / 'nowhere'}",
                )
            )
        )
    assert not list((tmp_path / "out").glob("model.ckpt*"))


def test_a_teacher_of_other_classes_stops_the_job_before_training(online, dataset, tmp_path):
    about = online[0] / "model/frozen/teacher.json"
    (tmp_path / "frozen").mkdir()
    (tmp_path / "frozen/teacher.pb").write_bytes((about.parent / "teacher.pb").read_bytes())
    (tmp_path / "frozen/teacher.json").write_text(about.read_text().replace('"ball"', '"cube"'))
    with pytest.raises(
        DataError,
        match="found other classes, cube, box, ring, star; train the teacher on this dataset",
    ):
        job.run(
            parse(
                arguments(
                    dataset,
                    tmp_path / "out",
                    "--use_offline_kd=True",
                    f"--teacher_model_url={tmp_path}",
                )
            )
        )
    assert not list((tmp_path / "out").glob("model.ckpt*"))


def test_a_job_asks_for_advice_on_the_peer_with_its_pictures_and_its_start(
    online, dataset, tmp_path, monkeypatch
):
    def stop(_, student, samples, start):
        raise DataError(
            f"{student.image_size[0]} px, {len(samples)} pictures, start: {start.scope}"
        )

    monkeypatch.setattr(job, "advice_on_peer", stop)
    with pytest.raises(DataError, match="64 px, 8 pictures, start: full"):
        job.run(
            parse(
                [
                    *arguments(dataset, tmp_path / "out", "--use_online_kd=True"),
                    "--fine_tune_checkpoint_type=full",
                    f"--pretrained={online[0] / 'archive'}",
                ]
            )
        )


def advice(*more, size=320, samples=(), scope="classification"):
    hp = parse(["--data_url=nowhere", "--train_url=nowhere", "--model_name=efficientdet-t1", *more])
    return advice_on_peer(
        hp,
        build_detector("efficientdet-t1", 2, size),
        samples,
        Start(Path("weights"), scope, "given"),
    )


@pytest.mark.parametrize(
    ("scope", "size", "said"),
    [("detection", 320, 1), ("full", 320, 1), ("classification", 320, 0), ("detection", 160, 1)],
)
def test_a_whole_detectors_weights_get_the_advice_to_compare_with_the_student_alone(
    scope, size, said
):
    found = advice("--use_online_kd=True", size=size, scope=scope)
    assert (
        sum(
            "compare with a job without use_online_kd and four times the num_epochs" in line
            for line in found
        )
        == said
    )


@pytest.mark.parametrize(
    ("scope", "size", "hparams", "batch", "said"),
    [
        ("classification", 256, "learning_rate=0.08", 8, 1),
        ("classification", 128, "learning_rate=0.15", 4, 1),
        ("classification", 352, "learning_rate=0.08", 8, 0),
        ("classification", 320, "learning_rate=0.08", 8, 1),
        ("classification", (256, 352), "learning_rate=0.08", 8, 0),
        ("detection", 256, "learning_rate=0.08", 8, 0),
        ("classification", 256, "learning_rate=0.08", 9, 0),
        ("classification", 256, "gradient_accumulation_steps=2", 8, 0),
        ("classification", 256, "learning_rate=0.008,optimizer=adam", 8, 0),
    ],
)
def test_a_small_input_from_an_imagenet_backbone_gets_the_advice_to_compare_with_twice_the_rate(
    scope, size, hparams, batch, said
):
    """An adam that was asked for takes learning_rate as it is: 0.16 would be twenty times too much."""
    flags = (f"--hparams={hparams}", f"--train_batch_size={batch}")
    found = advice("--use_online_kd=True", *flags, size=size, scope=scope)
    assert (
        sum(
            "compare with learning_rate=0.16 in hparams and no use_online_kd, or with a peer that starts from a "
            "detector's weights (peer_model=efficientdet-lite0, peer_pretrained) and kd_method=crosshead"
            in line
            for line in found
        )
        == said
    )


@pytest.mark.parametrize(("side", "said"), [(140, False), (142, True)])
def test_objects_too_large_for_the_peer_are_told_before_training(side, said):
    """A picture of 200 x 160 fills 640 x 512 of the peer's 640 x 640: 3.2 times a side; 450 / 3.2 = 140.6."""
    large, small, crowd = [0, 0, side, side], [0, 0, 1, 1], [0, 0, 1, 1]
    boxes, is_crowd = (
        np.array([large, large, small, crowd, crowd], np.float32),
        np.array([False] * 3 + [True] * 2),
    )
    sample = Sample(
        "1", "1.png", "1.png", 200, 160, boxes, np.zeros(5, np.int32), is_crowd, "train"
    )
    found = advice("--use_online_kd=True", samples=[sample])
    assert (
        sum(
            "half of the objects have more than 454 pixels a side (root of the area) in the peer's input of 640x640"
            in line
            for line in found
        )
        == said
    )
    assert advice(samples=[sample]) == ()
