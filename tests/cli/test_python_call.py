"""train(...) from Python."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import algorithm
from algorithm.cli.python_call import TrainedJob, as_flags
from algorithm.errors import ArgumentError, DataError

PROJECT = Path(__file__).parents[2]


def test_typed_values_become_flags():
    flags = as_flags(
        {
            "data_url": Path("d"), "train_url": "t", "num_epochs": 20, "do_data_cleaning": False,
            "learning_rate": 0.01, "image_size": (512, 640), "pretrained": None, "hparams": "seed=3",
        }
    )  # fmt: skip
    assert flags == [
        "--data_url=d", "--train_url=t", "--num_epochs=20", "--do_data_cleaning=False",
        "--learning_rate=0.01", "--image_size=512x640", "--hparams=seed=3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"num_epoch": 3},
            r"train\(num_epoch=...\): no such hyperparameter. Did you mean 'num_epochs'",
        ),
        ({"train_url": "t"}, "expected data_url, found none"),
        ({"data_url": "d"}, "expected train_url, found none"),
    ],
)
def test_what_is_wrong_is_refused(given, said):
    with pytest.raises(ArgumentError, match=said):
        algorithm.train(**given)


def test_the_job_is_that_of_the_command_line(monkeypatch, tmp_path):
    seen = []
    job = type(sys)("algorithm.jobs.job")

    def run(hp):
        seen.append(hp)
        (tmp_path / "out" / "metrics.json").write_text(json.dumps({"AP": 0.5}))
        return 0

    job.run = run
    monkeypatch.setitem(sys.modules, "algorithm.jobs.job", job)
    monkeypatch.setattr("algorithm.jobs.job", job, raising=False)
    (tmp_path / "set.manifest").write_text("{}")
    done = algorithm.train(
        data_url=tmp_path / "set.manifest",
        train_url=tmp_path / "out",
        num_epochs=2,
        seed=4,
        pretrained="none",
    )
    assert done == TrainedJob(str(tmp_path / "out"), {"AP": 0.5})
    assert done.model_dir == str(tmp_path / "out" / "model")
    assert (seen[0].num_epochs, seen[0].seed) == (2, 4)
    with pytest.raises(DataError, match="expected an exported model"):
        done.load()


def test_errors_are_raised_and_come_before_tensorflow(tmp_path):
    code = (
        "import sys\n"
        "from algorithm import train\n"
        "from algorithm.errors import DataError\n"
        "try: train(data_url='nowhere', train_url=sys.argv[1])\n"
        "except DataError as error: print(error)\n"
        "print('tensorflow' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0].startswith("data_url: expected a dataset, found nothing at nowhere")
    assert lines[-1] == "False"


def test_train_is_the_same_before_and_after_the_boot_file_was_imported():
    code = (
        "import algorithm\n"
        "first = algorithm.train\n"
        "from algorithm.train import main\n"
        "import algorithm.train as boot\n"
        "from algorithm import train\n"
        "print(first is train is boot, train.main is main, callable(train))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True True True"


def test_the_console_script_is_the_command_line(monkeypatch, capsys):
    from algorithm import __main__

    monkeypatch.setattr(sys, "argv", ["efficientdet", "weights", "--help"])
    with pytest.raises(SystemExit) as caught:
        __main__.console()
    assert caught.value.code == 0
    assert "weights" in capsys.readouterr().out
