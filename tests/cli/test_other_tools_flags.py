"""The flags of a training job as a person types them: none is lost."""

import pytest

from algorithm.__main__ import main
from algorithm.cli.other_tools_flags import take_habits
from algorithm.errors import ArgumentError


@pytest.mark.parametrize(
    ("argv", "arguments"),
    [
        (["--epochs=3", "--batch", "4"], ["--num_epochs=3", "--train_batch_size=4"]),
        (["imgsz=320", "data=D"], ["--image_size=320", "--data_url=D"]),
        (["--data_url", "a=b", "model=lite0"], ["--data_url=a=b", "--model_name=lite0"]),
        (["--hparams", "seed=3"], ["--hparams=seed=3"]),
        (["--project=runs/", "--name=a"], ["--train_url=runs/a"]),
        (["--project=runs"], ["--train_url=runs"]),
        (["--weights=w.h5"], ["--pretrained=w.h5"]),
        (["--resume", "--num_epochs=3"], ["--num_epochs=3"]),
        (["--patience=5"], ["--early_stop_patience=5", "--mode=train_and_eval"]),
        (["--batch-size", "8", "--num-epochs=2"], ["--train_batch_size=8", "--num_epochs=2"]),
        (["--patience=5", "--mode=eval"], ["--early_stop_patience=5", "--mode=eval"]),
    ],
)
def test_a_known_habit_is_taken_with_a_line(argv, arguments):
    taken = take_habits(argv)
    assert taken.arguments == arguments
    own = [word for word in argv if word.partition("=")[0] in ("--data_url", "--hparams")]
    assert taken.lines or own


def test_what_is_written_as_here_needs_no_line():
    assert take_habits(["--num_epochs=3", "--seed", "4"]).lines == []


@pytest.mark.parametrize(
    ("device", "number"), [("cpu", "-1"), ("0", "0"), ("0,1", "0,1"), ("cuda:1", "1")]
)
def test_a_device_is_shown_to_the_job_alone(device, number):
    taken = take_habits([f"--device={device}"])
    assert taken.environment == {"CUDA_VISIBLE_DEVICES": number}
    assert taken.arguments == []
    assert f"CUDA_VISIBLE_DEVICES={number}" in taken.lines[0]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--lr0=0.01", "Write --learning_rate=RATE*64/BATCH"),
        ("--model=runs/best.pt", "a file of weights as --pretrained=PATH"),
        ("--resume=last.pt", "Write --train_url=FOLDER"),
        ("--name=a", "Write --train_url=FOLDER alone"),
        ("--device=tpu", "expected cpu, or GPUs by number"),
        ("--modle_name=x", "Did you mean '--model_name'?"),
        ("--iou_thres=0.7", "Did you mean '--nms_iou_threshold'?"),
        ("--something=1", "no such flag (value '1'). All flags: python -m algorithm describe"),
        ("--rank=0", "--rank: no such flag"),
        ("--exist-ok=1", "--exist-ok: no such flag (value '1'); a job goes on in its own"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_what_to_write(argument, words):
    with pytest.raises(ArgumentError) as caught:
        take_habits([argument])
    assert words in str(caught.value)


def test_a_place_is_given_once():
    with pytest.raises(ArgumentError, match="Write --train_url=FOLDER alone"):
        take_habits(["--train_url=a", "--project=b"])


def test_no_flag_of_a_person_is_lost(capsys, tmp_path):
    """It trained 100 epochs where --epochs=3 was asked for, and said one line."""
    out = f"--train_url={tmp_path / 'out'}"
    assert main(["train", "--epochs=three", f"--data={tmp_path}", out]) == 3  # an empty folder
    (tmp_path / "set.manifest").write_text("{}")
    assert main(["train", "--epochs=three", f"--data={tmp_path / 'set.manifest'}", out]) == 2
    assert "--num_epochs: expected a whole number" in capsys.readouterr().err
    assert main(["train", "--something=1", f"--data={tmp_path / 'set.manifest'}", out]) == 2


def test_help_of_train_is_short(capsys):
    assert main(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: python -m algorithm train --data_url=")
    assert len(shown.splitlines()) < 30
    assert "python -m algorithm describe" in shown
