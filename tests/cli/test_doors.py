"""The files that somebody outside calls by path: small, and legible to a Python that is too old."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from algorithm.cli import python_version

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "algorithm"
DOORS = ("__main__.py", "train.py", "retinanet.py", "model_assessment.py")
# What a door imports before it knows its Python.
BEFORE_THE_CHECK = (
    *DOORS,
    "__init__.py",
    "cli/__init__.py",
    "cli/python_version.py",
)
OLD = ("3.6", "3.7", "3.8")
STARTS = {
    "train.py": ["algorithm/train.py", "--data_url=x", "--train_url=y"],
    "__main__.py": ["-m", "algorithm", "describe"],
    "retinanet.py": ["-m", "algorithm.retinanet", "--model_dir=y"],
    "model_assessment.py": ["algorithm/model_assessment.py", "--model_url=x"],
}


def old_python(version: str) -> Path | None:
    """The interpreter of a version that pyenv keeps, None where there is none."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return next(root.glob(f"versions/{version}.*/bin/python"), None)


def test_nothing_else_is_loose_in_the_package():
    assert {path.name for path in PACKAGE.glob("*.py")} == {
        *DOORS,
        "__init__.py",
        "errors.py",
        "extras.py",
    }


@pytest.mark.parametrize("name", DOORS)
def test_a_door_has_under_60_lines(name):
    assert len((PACKAGE / name).read_text("utf-8").splitlines()) < 60


@pytest.mark.parametrize("name", BEFORE_THE_CHECK)
def test_it_parses_on_python_3_6_and_imports_little_before_the_check(name):
    text = (PACKAGE / name).read_text("utf-8")
    tree = ast.parse(text, feature_version=(3, 6))
    # Python 3.6 knows no `annotations` in __future__ and parses them, so they must be quoted.
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= {"sys", "pathlib"}


@pytest.mark.parametrize("version", OLD)
@pytest.mark.parametrize("name", DOORS)
def test_an_old_python_is_told_in_one_line_what_is_needed(name, version):
    python = old_python(version)
    if python is None:
        pytest.skip(f"no Python {version} under pyenv's versions/")
    done = subprocess.run(
        [python, "-B", *STARTS[name]],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"ERROR ARGUMENT: needs Python 3.11 to 3.13, found {version}: "
        "use the image (docker/training.Dockerfile)\n"
    )


@pytest.mark.parametrize(
    ("found", "fits"),
    [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False), ((2, 7), False)],
)
def test_which_versions_fit(found, fits, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (*found, 1))
    if fits:
        python_version.require_python()
        assert capsys.readouterr().err == ""
        return
    with pytest.raises(SystemExit) as caught:
        python_version.require_python()
    assert caught.value.code == 2
    assert f"found {found[0]}.{found[1]}: use the image" in capsys.readouterr().err


def test_the_versions_are_those_of_the_project():
    needs = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    (major, oldest), (_, newest) = python_version.OLDEST, python_version.NEWEST
    assert needs["requires-python"] == f">={major}.{oldest},<{major}.{newest + 1}"
