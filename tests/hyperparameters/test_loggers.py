"""log_to: what is refused before anything slow starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from algorithm.errors import ArgumentError
from algorithm.hyperparameters import loggers, parse
from algorithm.hyperparameters.loggers import LOGGERS, loggers_of

PROJECT = Path(__file__).parents[2]


def test_tensorboard_is_the_default():
    assert parse(["--data_url=d", "--train_url=t"]).log_to == "tensorboard"


def test_a_list_of_loggers_each_once(monkeypatch):
    monkeypatch.setattr(loggers, "_is_installed", lambda package: True)
    assert loggers_of("MLflow, tensorboard,mlflow") == ("mlflow", "tensorboard")
    assert set(loggers_of(",".join(LOGGERS))) == set(LOGGERS)


def test_an_unknown_logger_is_refused():
    with pytest.raises(ArgumentError, match="found 'tensorbord'. Did you mean 'tensorboard'"):
        parse(["--data_url=d", "--train_url=t", "--log_to=tensorbord"])
    with pytest.raises(ArgumentError, match="expected some of"):
        loggers_of(", ,")


def test_a_missing_package_is_refused_with_its_extra(monkeypatch):
    monkeypatch.setitem(LOGGERS, "mlflow", "no_such_package")
    with pytest.raises(ArgumentError, match=r"no_such_package.*pip install '.*\[mlflow\]'"):
        loggers_of("tensorboard,mlflow")


def test_a_folder_of_runs_is_not_the_package(tmp_path, monkeypatch):
    (tmp_path / "runs_of_a_logger").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(LOGGERS, "wandb", "runs_of_a_logger")
    with pytest.raises(ArgumentError, match="expected the package runs_of_a_logger"):
        loggers_of("wandb")


def test_it_is_said_before_tensorflow_starts(tmp_path):
    code = (
        "import sys\nfrom algorithm.__main__ import main\n"
        "code = main(['train', f'--data_url={sys.argv[1]}', f'--train_url={sys.argv[1]}-out', "
        "'--log_to=comet'])\nprint(code, 'tensorflow' in sys.modules)\n"
    )
    (tmp_path / "set.manifest").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["2", "False"]
    assert "ERROR ARGUMENT: --log_to: expected some of tensorboard" in done.stderr
