"""The assessment script in a model folder: complete, alone, and the same as here."""

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from algorithm.export import carried_package
from algorithm.export.carried_package import (
    ARCHIVE,
    PACKAGES,
    ROOT,
    SCRIPT,
    STORES,
    carried_files,
    carried_modules,
    carried_parts,
    carry,
    requirements,
)
from algorithm.storage import store_of

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("carried")
    carry(target)
    return target


def python(folder, *argv):
    """Without this project on the path, from a folder that is not it. The project is installed editable: -S keeps its finder out,
    PYTHONPATH brings the other packages back."""
    packages = next(entry for entry in sys.path if entry.endswith("site-packages"))
    surroundings = {**os.environ, "PYTHONPATH": packages}
    return subprocess.run(
        [sys.executable, "-S", *argv],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_part_is_there_and_is_the_original(folder, tmp_path):
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == set(carried_parts())
    assert (folder / SCRIPT).read_bytes() == (ROOT / SCRIPT).read_bytes()
    with zipfile.ZipFile(folder / ARCHIVE) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert content == {
        f"algorithm/{path.as_posix()}": (ROOT / path).read_bytes()
        for path in carried_files()
        if path.name != SCRIPT
    }
    assert "algorithm/pages/templates/page.html" in content
    carry(tmp_path)
    assert (tmp_path / ARCHIVE).read_bytes() == (folder / ARCHIVE).read_bytes()


def test_it_carries_what_it_needs_and_no_training(folder):
    rooms = {path.parts[0] for path in carried_modules()}
    assert {"assessment", "data", "storage", "hyperparameters", "evaluation", "errors.py"} <= rooms
    assert not rooms & {
        "training",
        "models",
        "export",
        "serving",
        "jobs",
        "train.py",
        "__main__.py",
    }


def test_of_storage_it_carries_reading_and_staging_alone():
    carried = {path.stem for path in carried_modules() if path.parts[0] == "storage"}
    assert {"staging", "store_of", "object_client", "object_download", "object_upload"} <= carried
    assert not carried & {
        "download",
        "http_transfer",
        "lease",
        "mirror",
        "mirror_manifest",
        "mirrored_folder",
        "moxing_file",
        "restoring",
        "scratch_folder",
    }


def test_every_store_that_a_place_may_need_is_carried(monkeypatch):
    asked = []
    monkeypatch.setattr(store_of.importlib, "import_module", asked.append)
    for place in ("folder", "file:///folder", "obs://b/k", "s3://b/k", "gs://b/k"):
        store_of.store_of(place)
    assert {name.removeprefix("algorithm.storage.") for name in asked} == set(STORES)


def test_it_stays_small():
    """Readers of datasets and rows of hyperparameters are data of their own number."""
    grows = ("data/readers/", "hyperparameters/")
    paths = carried_modules()
    others = [path for path in paths if not path.as_posix().startswith(grows)]
    print(len(paths), "files,", sum((ROOT / path).stat().st_size for path in paths), "bytes")
    assert len(others) < 130


def test_requirements_are_pinned_as_here():
    pinned = (PROJECT / "pip-requirements.txt").read_text().split()
    assert len(requirements()) == len(PACKAGES) and set(requirements()) <= set(pinned)


@pytest.mark.parametrize("installed", [True, False])
def test_requirements_where_there_is_no_source_folder(installed, monkeypatch, tmp_path):
    monkeypatch.setattr(carried_package, "ROOT", tmp_path / "algorithm")
    if not installed:
        monkeypatch.setattr(carried_package, "PROJECT", "no-such-project")
    lines = requirements()
    assert [carried_package._name(line) for line in lines] == list(PACKAGES)
    assert installed or all("==" in line for line in lines)


def test_no_import_of_the_carried_part_lies_outside_it(folder):
    code = (
        "import importlib, pathlib, sys, zipfile\n"
        "root, seen = pathlib.Path('assessment/algorithm.zip'), 0\n"
        "sys.path.insert(0, str(root))\n"
        "for name in sorted(zipfile.ZipFile(root).namelist()):\n"
        "    path = pathlib.PurePath(name)\n"
        "    if path.suffix != '.py': continue\n"
        "    if path.stem in ('tensor_store', 'tfrecords'): continue  # they import TensorFlow, slowly\n"
        "    seen += 1\n"
        "    parts = path.with_suffix('').parts\n"
        "    module = importlib.import_module('.'.join(parts[:-1] if parts[-1] == '__init__' else parts))\n"
        "    assert str(root.resolve()) in str(pathlib.Path(module.__file__).resolve()), module\n"
        "print(seen)"
    )
    done = python(folder, "-c", code)
    slow = ("tensor_store.py", "tfrecords.py")
    expected = [path for path in carried_modules() if path.name not in (*slow, SCRIPT)]
    assert done.stdout.strip() == str(len(expected)), done.stderr


def test_the_script_says_what_it_lacks(folder):
    done = python(folder, "model_assessment.py", "--model_url=.", "--data_url=nowhere")
    assert done.returncode == 2, done.stderr
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith("ERROR ARGUMENT: --output: expected a place")
    )
    assert not list(folder.rglob("__pycache__"))


IMPORT_NAMES = {"pillow": "PIL", "pyyaml": "yaml"}
# By boto3, TensorFlow and Jinja.
BROUGHT_ALONG = {"botocore", "urllib3", "google", "markupsafe"}


def test_what_the_carried_part_imports_is_required():
    imported = set()
    for path in carried_modules():
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            imported |= {name.partition(".")[0] for name in names}
    foreign = imported - set(sys.stdlib_module_names) - {"algorithm"} - BROUGHT_ALONG
    assert foreign == {IMPORT_NAMES.get(name, name) for name in PACKAGES}
