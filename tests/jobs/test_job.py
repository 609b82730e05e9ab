"""The whole job, shrunk: a few rendered pictures, a thin network, two epochs."""

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_job
import tensorflow as tf
from forked_job import SmallJob
from lifetime import bound
from PIL import Image

from algorithm.data.synthetic.scenes import write_sample_dataset
from algorithm.errors import ArgumentError, DataError, DivergenceError, ResourceError
from algorithm.hyperparameters import parse
from algorithm.jobs import job
from algorithm.jobs.exported_evaluation import evaluate_exported
from algorithm.jobs.outputs import publishing

REPOSITORY = Path(__file__).resolve().parents[2]
HPARAMS = "moving_average_decay=0,image_size=64,learning_rate=0.32,log_every_steps=1,keep_checkpoint_max=2,max_detections=10"


def arguments(data, output, *more, epochs=2, hparams=HPARAMS, mode="train_and_eval"):
    return [
        f"--data_url={data}",
        f"--train_url={output}",
        f"--mode={mode}",
        "--model_name=efficientdet-lite0",
        "--train_batch_size=4",
        "--eval_batch_size=2",
        f"--num_epochs={epochs}",
        "--pretrained=none",
        "--do_data_cleaning=False",
        f"--hparams={hparams}",
        *more,
    ]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_sample_dataset(tmp_path_factory.mktemp("data"), count=15, seed=1, size=96)


@pytest.fixture(scope="module", autouse=True)
def thin_network():
    """The network of the jobs in processes of their own, for those in this one."""
    with pytest.MonkeyPatch.context() as patch:
        small_job.thin(patch.setattr, patch.setitem)
        yield


@pytest.fixture(scope="module")
def finished(dataset, tmp_path_factory):
    """train_url and log of a job that ran to its end."""
    output = tmp_path_factory.mktemp("job") / "out"
    results = output.parent / "results"
    flags = arguments(dataset, output, f"--deps_save_path={results}")
    with SmallJob("", flags, os.environ) as process:
        log, in_time = process.read(600)
    assert in_time and process.returncode == 0, log[-3000:]
    return output, log


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_output_tree(finished):
    output, _ = finished
    assert sorted(path.name for path in (output / "model").iterdir()) == [
        "assessment",
        "config.json",
        "customize_service.py",
        "index",
        "local_model.py",
        "mask_forms.py",
        "model_assessment.py",
        "pictures.py",
        "request_fields.py",
        "saved_functions.py",
        "saved_model.pb",
        "split.json",
        "variables",
    ]
    assert names_in(output / "model/variables") == [
        "variables.data-00000-of-00001",
        "variables.index",
    ]
    archived = names_in(output / "archive")
    step = re.search(r"global_step = (\d+)", (output / "archive/best_eval.txt").read_text())[1]
    assert archived == [
        "best_eval.txt",
        "checkpoint",
        "detections.npz",
        f"model.ckpt-{step}.data-00000-of-00001",
        f"model.ckpt-{step}.index",
    ]
    root = {path.name for path in output.iterdir() if path.is_file()}
    assert {
        "checkpoint",
        "graph.pbtxt",
        "model.ckpt-3.index",
        "model.ckpt-6.index",
        "metrics.json",
        "job.json",
    } <= root
    assert any(name.startswith("events.out.tfevents.") for name in root)
    assert not any(name.startswith(".") for name in root)
    assert json.loads((output / "model/index").read_text()) == {
        "labels_list": ["ball", "box", "ring", "star"],
        "is_multilabel": False,
    }


def test_plots_show_curves_labels_pictures_and_errors(finished):
    output, log = finished
    assert names_in(output / "plots") == [
        "confusion_matrix.png",
        "curves.png",
        "eval_pictures.png",
        "f1_confidence.png",
        "labels.png",
        "precision_recall.png",
        "training_pictures.png",
    ]
    for path in (output / "plots").iterdir():
        assert np.asarray(Image.open(path)).std() > 1, f"{path.name} shows nothing"
    assert re.search(r"plots: 7 in .*plots, [\d.]+ s", log)


def test_the_log_lines_have_their_grammar(finished):
    _, log = finished
    train = re.findall(
        r"train epoch=(\d)/2 step=(\d)/6 det_loss=[\d.]+ cls_loss=[\d.]+ box_loss=[\d.e-]+ l2_loss=[\d.]+ "
        r"loss=[\d.]+ gradient_norm=[\d.]+ learning_rate=[\d.e-]+ samples/s=[\d.]+ eta=(?:-|\d+:\d\d:\d\d) memory=\d+MiB",
        log,
    )
    assert log.count("eta=-") == 1  # nothing was measured before the first step
    assert train == [("1", "1"), ("1", "2"), ("1", "3"), ("2", "4"), ("2", "5"), ("2", "6")]
    assert len(re.findall(r"eval epoch=\d/2 step=\d AP=[\d.]+ AP50=", log)) == 2
    assert "Average Recall" not in log  # the figures of an evaluation stand there once
    assert "TRAINING FROM SCRATCH" in log


def test_metrics_are_written_for_people_and_for_the_platform(finished):
    output, _ = finished
    metrics = json.loads((output / "metrics.json").read_text())
    assert set(metrics["per_class"]) == {"ball", "box", "ring", "star"}
    assert metrics["images"] == 3
    results = output.parent / "results"
    assert json.loads((results / "metrics.json").read_text()) == metrics
    assert len(json.loads((results / "platform_metrics.json").read_text())["metric"]) == 4
    assessed = json.loads((results / "assessment.json").read_text())
    assert assessed["metrics"]["AP"] == pytest.approx(metrics["AP"] or 0.0, abs=2e-3)
    point = assessed["operating_point"]
    assert point["confidence_threshold"] == metrics["confidence_threshold"]
    for name in ("precision", "recall", "f1"):
        assert point[name] == pytest.approx(metrics[name], abs=2e-3)
    assert {"display.json", "next_job.json", "report.html"} <= set(names_in(results))
    config = json.loads((output / "model/config.json").read_text())
    assert config["metrics"]["recall"] == pytest.approx(metrics["recall"], abs=1e-5)


def test_tensorboard_has_losses_rate_metrics_and_pictures(finished):
    output, _ = finished
    tags = set()
    for path in output.glob("events.out.tfevents.*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            tags |= {value.tag for value in event.summary.value}
    assert {
        "train/loss",
        "train/cls_loss",
        "train/learning_rate",
        "eval/AP",
        "eval/ARm",
        "eval/picture_0",
    } <= tags


def test_a_finished_job_says_so_and_changes_nothing(finished, dataset, caplog):
    output, _ = finished
    before = {name: (output / name).stat().st_mtime_ns for name in names_in(output)}
    with caplog.at_level(logging.INFO):
        assert job.run(parse(arguments(dataset, output))) == 0
    assert "finished; nothing to do" in caplog.text
    assert {name: (output / name).stat().st_mtime_ns for name in names_in(output)} == before


def test_the_archive_and_the_exported_model_are_the_best_checkpoint(finished):
    output, _ = finished
    reader = tf.train.load_checkpoint(str(output / "archive"))
    name = "class_net/class-predict/bias"
    archived = reader.get_tensor(name)
    loaded = tf.saved_model.load(str(output / "model"))
    shapes = [variable.numpy() for variable in loaded.signatures["serving_default"].variables]
    assert any(
        value.shape == archived.shape and np.array_equal(value, archived) for value in shapes
    )


def test_the_handler_in_the_model_folder_answers(finished, dataset):
    from algorithm.serving.model_handler import load_service

    output, _ = finished
    service = load_service(output / "model")
    picture = next((Path(dataset).parent / "images").glob("*.jpg"))
    reply = service.inference({"images": {picture.name: io.BytesIO(picture.read_bytes())}})
    assert sorted(reply) == ["detection_boxes", "detection_classes", "detection_scores"]


def test_other_hyperparameters_in_the_same_folder_are_refused(finished, dataset):
    output, _ = finished
    with pytest.raises(ArgumentError, match="learning_rate: '0.32' -> '0.1'.*give a new train_url"):
        job.run(parse(arguments(dataset, output, hparams=HPARAMS.replace("0.32", "0.1"))))


def test_another_dataset_in_the_same_folder_is_refused(finished, tmp_path):
    output, _ = finished
    other = write_sample_dataset(tmp_path, count=15, seed=2, size=96)
    with pytest.raises(ArgumentError, match="another dataset.*give a new train_url"):
        job.run(parse(arguments(other, output, epochs=3)))


def test_eval_mode_measures_the_archived_model_again(finished, dataset):
    output, _ = finished
    before = json.loads((output / "metrics.json").read_text())
    assert job.run(parse(arguments(dataset, output, mode="eval"))) == 0
    after = json.loads((output / "metrics.json").read_text())
    assert after["AP"] == pytest.approx(before["AP"], abs=1e-6)
    assert after["may_have_been_trained_on"] == 0
    assert not (output / "evaluation.json").exists()


def test_an_exported_model_is_evaluated_on_what_the_job_did_not_train_on(finished, dataset):
    output, _ = finished
    evaluation, cost = evaluate_exported(output / "model", Path(dataset))
    assert (evaluation.images, cost["may_have_been_trained_on"]) == (3, 0)
    evaluation, cost = evaluate_exported(output / "model", Path(dataset), split="train")
    assert (evaluation.images, cost["may_have_been_trained_on"]) == (12, 12)


def noise_manifest(folder, boxes):
    """A manifest of four pictures of noise, the last for evaluation; whether each has a box."""
    lines = []
    for index, boxed in enumerate(boxes):
        pixels = np.random.default_rng(index).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.jpg")
        box = (
            "<object><name>cat</name><bndbox><xmin>10</xmin><ymin>12</ymin><xmax>50</xmax>"
            "<ymax>54</ymax></bndbox></object>"
        )
        (folder / f"{index}.xml").write_text(
            "<annotation><size><width>64</width><height>64</height><depth>3</depth></size>"
            f"{box * boxed}</annotation>"
        )
        row = {"type": "modelarts/object_detection", "annotation-loc": f"{index}.xml"}
        usage = "EVAL" if index == len(boxes) - 1 else "TRAIN"
        lines.append(json.dumps({"source": f"{index}.jpg", "usage": usage, "annotation": [row]}))
    (folder / "set.manifest").write_text("\n".join(lines))
    return folder / "set.manifest"


@pytest.mark.filterwarnings("ignore:Even though the .*run_functions_eagerly")
def test_a_job_that_stopped_early_goes_on_in_the_same_folder(tmp_path, without_graphs, caplog):
    """The same command with more epochs or patience found nothing to do after an early stop."""
    data, output = noise_manifest(tmp_path, [1, 1, 1, 1]), tmp_path / "out"
    slow = HPARAMS.replace("0.32", "0.0001")

    def evaluated(epochs):
        caplog.clear()
        hparams = f"{slow},early_stop_patience=1"
        assert job.run(parse(arguments(data, output, epochs=epochs, hparams=hparams))) == 0
        return re.findall(r"eval epoch=(\d)", caplog.text)

    with caplog.at_level(logging.INFO):
        assert evaluated(4) == ["1", "2"]
        assert "raise early_stop_patience or num_epochs and keep train_url" in caplog.text
        assert evaluated(4) == []
        assert "finished; nothing to do (it stopped early" in caplog.text
        assert evaluated(5) == ["2", "3"]  # the evaluation that stopped it is made again


@pytest.mark.filterwarnings("ignore:Even though the .*run_functions_eagerly")
def test_a_job_without_an_evaluation_box_publishes_its_newest_weights(
    tmp_path, without_graphs, caplog
):
    """AP was taken for 0: the first epoch was the best one, and the job stopped early."""
    data, output = noise_manifest(tmp_path, [1, 1, 1, 0]), tmp_path / "out"
    flags = arguments(data, output, hparams=f"{HPARAMS},early_stop_patience=1")
    with caplog.at_level(logging.INFO):
        assert job.run(parse(flags)) == 0
    best = (output / "archive/best_eval.txt").read_text().splitlines()
    assert best[:2] == ["global_step = 2", "AP = undefined"]
    assert "AP is undefined, as the EVAL pictures have no box" in caplog.text
    assert "best AP" not in caplog.text
    assert json.loads((output / "model/config.json").read_text())["metrics"] == {}


def weights(output, step):
    reader = tf.train.load_checkpoint(str(output / f"model.ckpt-{step}"))
    names = [name for name in reader.get_variable_to_shape_map() if name != "training_state"]
    return {name: reader.get_tensor(name) for name in sorted(names)}


def assert_same_weights(ours, theirs):
    one, other = weights(ours, 6), weights(theirs, 6)
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def stop_midway(process):
    """The platform's signal after the second of six steps; the exit code and the rest of the log."""
    for line in process.stdout:
        if "step=2/6" in line:
            process.send_signal(signal.SIGTERM)
            break
    rest = process.stdout.read()
    return process.wait(300), rest


def test_a_job_stopped_midway_goes_on_and_ends_with_the_same_weights(finished, dataset, tmp_path):
    uninterrupted, _ = finished
    flags = arguments(dataset, tmp_path / "out")
    with SmallJob("", flags, os.environ) as process:
        code, rest = stop_midway(process)
    assert code == 143, rest
    with SmallJob("", flags, os.environ) as process:
        log, in_time = process.read(600)
    assert in_time and process.returncode == 0, log[-2000:]
    assert re.search(r"resumed at step [23], in epoch", log)
    assert_same_weights(tmp_path / "out", uninterrupted)


@pytest.mark.slow
@pytest.mark.soak
def test_the_network_that_ships_compiled_as_it_ships_stops_and_goes_on_too(dataset, tmp_path):
    """The boot file, the whole of efficientdet-lite0, XLA and the threads of this machine."""

    def command(output):
        boot_file = str(REPOSITORY / "algorithm/train.py")
        return bound(sys.executable, boot_file, *arguments(dataset, tmp_path / output))

    with subprocess.Popen(
        command("out"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        code, rest = stop_midway(process)
    assert code == 143, rest
    for output in ("out", "whole"):
        done = subprocess.run(
            command(output), cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert ("resumed at step" in done.stdout + done.stderr) == (output == "out")
        assert (tmp_path / output / "model/saved_model.pb").is_file()
    assert_same_weights(tmp_path / "out", tmp_path / "whole")


@pytest.mark.filterwarnings("ignore:Even though the .*run_functions_eagerly")
def test_a_diverging_job_stops_with_the_step_the_rate_the_pictures_and_the_knobs(
    dataset, tmp_path, without_graphs
):
    with pytest.raises(DivergenceError) as caught:
        job.run(
            parse(
                arguments(
                    dataset,
                    tmp_path,
                    hparams=HPARAMS.replace("0.32", "1e30") + ",lr_warmup_epoch=0",
                )
            )
        )
    message = str(caught.value)
    assert re.match(r"step \d+: (loss|gradient_norm) is (nan|inf) at learning rate", message)
    assert "learning_rate" in message
    assert ".jpg" in message
    assert not (tmp_path / "model").exists()


def test_without_cleaning_an_unreadable_picture_stops_the_job_and_is_named(tmp_path):
    manifest = write_sample_dataset(tmp_path / "data", count=15, seed=1, size=96)
    victim = sorted((tmp_path / "data/images").glob("*.jpg"))[0]
    victim.write_bytes(b"not a picture")
    with pytest.raises(DataError, match=re.escape(victim.name)):
        job.run(parse(arguments(manifest, tmp_path / "out")))


def test_pretrained_weights_that_are_nowhere_stop_the_job_and_say_the_two_ways_on(
    dataset, tmp_path
):
    hp = parse([*arguments(dataset, tmp_path / "out"), f"--pretrained={tmp_path / 'nothing'}"])
    with pytest.raises(DataError, match="nothing there; check the path"):
        job.run(hp)


@pytest.mark.filterwarnings("ignore:Even though the .*run_functions_eagerly")
def test_chinese_names_go_all_the_way(tmp_path, without_graphs):
    """A class and a file with Chinese names are trained, evaluated, exported and named in the model folder."""
    from xml.sax.saxutils import escape

    for index in range(4):
        stem = f"图片{index}"
        Image.fromarray(
            np.random.default_rng(index).integers(0, 255, (80, 80, 3), dtype=np.uint8)
        ).save(tmp_path / f"{stem}.jpg")
        (tmp_path / f"{stem}.xml").write_text(
            f"<annotation><filename>{escape(stem)}.jpg</filename><size><width>80</width><height>80</height><depth>3</depth>"
            "</size><object><name>浣熊</name><bndbox><xmin>10</xmin><ymin>12</ymin><xmax>60</xmax><ymax>64</ymax></bndbox>"
            "</object></annotation>",
            encoding="utf-8",
        )
    output = tmp_path / "out"
    assert job.run(parse(arguments(tmp_path, output, epochs=1, mode="train"))) == 0
    assert json.loads((output / "model/index").read_text(encoding="utf-8"))["labels_list"] == [
        "浣熊"
    ]
    assert "浣熊" in (output / "metrics.json").read_text(encoding="utf-8")
    assert (output / "split.json").is_file()


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        (
            tf.errors.InvalidArgumentError(None, None, "class_logits : Tensor had NaN values"),
            DivergenceError,
            "expected finite answers of the trained model, found others at class_logits.*lower learning_rate",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "saved_model; No space left on device"),
            ResourceError,
            r"export .*work/saved_model: expected room for the model, found .*No space left.*, \d+ bytes free",
        ),
    ],
)
def test_an_export_that_fails_says_why_and_publishes_nothing(
    fault, kind, text, tmp_path, monkeypatch
):
    def failing(*_):
        raise fault

    monkeypatch.setattr(publishing, "export_saved_model", failing)
    with pytest.raises(kind, match=text):
        run_folder = job.RunFolder(tmp_path / "out")
        publishing.publish(
            parse(arguments("d", tmp_path / "out")),
            None,
            None,
            {},
            run_folder,
            job.Workspace(tmp_path),
        )
    assert not (tmp_path / "out").exists()
