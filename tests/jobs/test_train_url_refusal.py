"""A job writes into a folder of its own alone."""

import pytest

from algorithm import train
from algorithm.errors import ArgumentError
from algorithm.jobs.outputs.train_url_refusal import refusal_of_train_url


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    for name in ("a.jpg", "a.xml", "images/b.jpg"):
        (folder / name).write_bytes(b"x")
    return folder


def contents(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def filled(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name.endswith("/"):
            (folder / name).mkdir()
        else:
            (folder / name).write_text("{}")
    return str(folder)


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("set", "found {out} with 'a.jpg'"),
        ("set/out", "lies inside data_url"),
        ("set/images", "'b.jpg', which no job made"),
        (".", "with 'set', which no job made"),
    ],
)
def test_a_run_into_a_dataset_folder_writes_nothing_between_its_pictures(
    dataset, out, words, capsys, tmp_path
):
    before = contents(tmp_path)
    place = tmp_path / out
    for more in ((), ("--num_epochs=three",)):
        assert train.main([f"--data_url={dataset}", f"--train_url={place}", *more]) == 2
        assert words.format(out=place) in capsys.readouterr().err.splitlines()[-1]
    assert train.main([f"--data_url={tmp_path / 'nowhere'}", f"--train_url={dataset}"]) == 3
    assert contents(tmp_path) == before


def test_a_folder_that_holds_the_dataset_is_refused(tmp_path):
    data = tmp_path / ".cache" / "set"  # a hidden folder, so that nothing else speaks against it
    filled(data, "a.jpg")
    refusal = refusal_of_train_url(str(tmp_path), str(data))
    assert isinstance(refusal, ArgumentError)
    assert "which holds data_url" in str(refusal)


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("modelarts-job-1-worker-0.log", "log/", ".nfs0001"),
        ("failure.json",),
        ("cleaning_report.json", "split.json", "data_report/", ".model.ckpt-3.part"),
        ("job.json", "notes.txt", "model/"),
        ("checkpoint", "model.ckpt-5.index", "my_plots/"),
        ("folds.json", "fold_1/", "fold_2/"),
    ],
    ids=" ".join,
)
def test_empty_folders_logs_and_earlier_jobs_are_taken(names, dataset, tmp_path):
    assert refusal_of_train_url(filled(tmp_path / "out", *names), str(dataset)) is None


def test_a_job_inside_its_data_goes_on(dataset):
    assert refusal_of_train_url(filled(dataset / "out", "job.json"), str(dataset)) is None


def test_a_dataset_that_a_job_once_wrote_into_is_still_no_train_url(dataset):
    filled(dataset, "job.json", "checkpoint")
    assert "'a.jpg'" in str(refusal_of_train_url(str(dataset), ""))


def test_a_manifest_may_lie_beside_train_url(tmp_path):
    (tmp_path / "set.manifest").write_text("{}")
    assert refusal_of_train_url(str(tmp_path / "out"), str(tmp_path / "set.manifest")) is None


@pytest.mark.parametrize(
    ("train_url", "data_url", "words"),
    [
        ("gs://b/set/out", "gs://b/set/", "lies inside"),
        ("gs://b", "gs://b/set", "holds"),
        ("gs://b/set/", "gs://b/set", "which is data_url"),
        ("gs://b/set-2", "gs://b/set", ""),
        ("gs://b/out", "/data", ""),
    ],
)
def test_places_in_a_store_are_compared_by_their_names(train_url, data_url, words):
    refusal = refusal_of_train_url(train_url, data_url)
    assert words in str(refusal) if words else refusal is None
