"""Distillation as a user gets it: whole jobs on a few rendered pictures and networks of a few layers."""

import dataclasses
import json
import logging
import re
from pathlib import Path

import pytest
import tensorflow as tf

from algorithm import job
from algorithm.data.scenes import write_sample_dataset
from algorithm.errors import DataError
from algorithm.hyperparameters import parse
from algorithm.models import build_detector, presets
from algorithm.ops.losses import LossConfig
from algorithm.training.distillation import OnlinePeer
from algorithm.training.gradients import Gradients
from algorithm.training.teaching import find_distiller
from algorithm.training.warm_start import Start

HPARAMS = "moving_average_decay=0,image_size=64,log_every_steps=1"
STILL = ",jitter_min=1,jitter_max=1,input_rand_hflip=False"


def arguments(data, output, *more, hparams=HPARAMS):
    return [f"--data_url={data}", f"--train_url={output}", "--mode=train_and_eval", "--model_name=efficientdet-t1",
            "--train_batch_size=4", "--eval_batch_size=2", "--num_epochs=1", "--pretrained=none",
            f"--hparams={hparams}", *more]


@pytest.fixture(scope="module", autouse=True)
def shrunk():
    patch = pytest.MonkeyPatch()
    for name in ("_match", "_losses"):  # compiling them takes longest
        patch.setattr(Gradients, name, tf.function(getattr(Gradients, name).python_function))
    patch.setattr(OnlinePeer, "targets", tf.function(OnlinePeer.targets.python_function))
    backbone = dataclasses.replace(presets.BACKBONES["efficientnet-lite0"], width=0.3, depth=0.2)
    patch.setitem(presets.BACKBONES, "efficientnet-lite0", backbone)
    for model in ("efficientdet-t1", "efficientdet-lite0"):
        row = dataclasses.replace(presets.PRESETS[model], fpn_channels=16, fpn_cells=1, head_repeats=1)
        patch.setitem(presets.PRESETS, model, row)
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
        assert job.run(parse(arguments(dataset, output, "--use_online_kd=True", "--export_teacher_model=True"))) == 0
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return output, "\n".join(log)


def test_the_log_has_both_networks_losses_and_aps(online):
    _, log = online
    steps = re.findall(r"train epoch=\d/\d step=(\d)/\d loss=[\d.]+ cls_loss=[\d.]+ box_loss=[\d.e-]+ loss_soft_cls=[\d.e-]+ "
                       r"loss_soft_box=[\d.e-]+ peer_loss=[\d.]+", log)
    assert steps == ["1", "2"]
    assert len(re.findall(r"^eval epoch=1/1 step=2 AP=", log, re.MULTILINE)) == 1
    assert len(re.findall(r"^peer eval epoch=1/1 step=2 AP=", log, re.MULTILINE)) == 1
    assert "online distillation (plain): the peer is the student at 128x128, with batch norms of its own; it speaks for" in log
    assert "weights of the soft losses: classes 0.5, boxes 20; a step has 5 times the operations of one without it" in log


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


def test_the_teacher_lies_in_the_model_folder_and_a_job_that_has_it_is_finished(online, dataset, caplog):
    output, _ = online
    assert sorted(path.name for path in (output / "model/frozen").iterdir()) == ["teacher.json", "teacher.pb"]
    about = json.loads((output / "model/frozen/teacher.json").read_text())
    assert about["label_names"] == ["ball", "box", "ring", "star"]
    again = parse(arguments(dataset, output, "--use_online_kd=True", "--export_teacher_model=True"))
    with caplog.at_level(logging.INFO):
        assert job.run(again) == 0
    assert "nothing to do" in caplog.text


def test_a_student_learns_from_that_teacher_whose_answers_to_still_pictures_are_remembered(online, dataset, tmp_path, caplog):
    teacher = online[0] / "model"
    with caplog.at_level(logging.INFO):
        assert job.run(parse(arguments(dataset, tmp_path / "out", "--use_offline_kd=True", f"--teacher_model_url={teacher}",
                                       hparams=HPARAMS + STILL))) == 0
    assert "offline distillation (plain): teacher efficientdet-t1 at 64x64; it speaks for 100.0 % of the student's anchors" in caplog.text
    assert "the teacher's answers are remembered" in caplog.text
    assert re.search(r"step=2/2 .* loss_soft_cls=[\d.e-]+ loss_soft_box=[\d.e-]+ l2_loss", caplog.text)
    assert not (tmp_path / "out/model/frozen").exists()


def test_a_teacher_of_other_classes_stops_the_job_before_training(online, dataset, tmp_path):
    about = online[0] / "model/frozen/teacher.json"
    (tmp_path / "frozen").mkdir()
    (tmp_path / "frozen/teacher.pb").write_bytes((about.parent / "teacher.pb").read_bytes())
    (tmp_path / "frozen/teacher.json").write_text(about.read_text().replace('"ball"', '"cube"'))
    with pytest.raises(DataError, match="found other classes, cube, box, ring, star; train the teacher on this dataset"):
        job.run(parse(arguments(dataset, tmp_path / "out", "--use_offline_kd=True", f"--teacher_model_url={tmp_path}")))
    assert not list((tmp_path / "out").glob("model.ckpt*"))


def test_a_job_hands_what_it_starts_from_to_the_distillation(online, dataset, tmp_path, monkeypatch):
    def stop(*given):
        raise DataError(f"start: {given[-1].scope}")

    monkeypatch.setattr(job, "find_distiller", stop)
    with pytest.raises(DataError, match="start: full"):
        job.run(parse([*arguments(dataset, tmp_path / "out", "--use_online_kd=True"), "--fine_tune_checkpoint_type=full",
                       f"--pretrained={online[0] / 'archive'}"]))


@pytest.mark.parametrize(("scope", "size", "said"), [("detection", 320, True), ("full", 320, True), ("classification", 320, False),
                                                     ("detection", 160, False)])
def test_a_whole_detectors_weights_at_the_whole_size_get_the_advice_to_compare_with_the_student_alone(scope, size, said, caplog):
    hp = parse(["--data_url=nowhere", "--train_url=nowhere", "--model_name=efficientdet-t1", "--use_online_kd=True"])
    student = build_detector("efficientdet-t1", 2, size)
    with caplog.at_level(logging.WARNING):
        find_distiller(hp, student, ("cat", "dog"), LossConfig(), Path("unused"), Start(Path("weights"), scope, "given"))
    assert ("compare with a job without use_online_kd" in caplog.text) == said
