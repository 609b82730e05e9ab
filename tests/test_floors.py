"""The floors of the house: imports point down only, and some rooms never see some packages."""

import ast
import functools
import importlib.metadata
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "algorithm"

FLOORS = {
    "__main__": 10, "retinanet": 10,
    "train": 9, "model_assessment": 9,
    "cli": 8,
    "jobs": 7,
    "assessment": 6, "benchmark": 6, "prediction": 6,
    "training": 5, "export": 5,
    "distillation": 4, "evaluation": 4,
    "data": 3, "models": 3, "migration": 3, "local_platform": 3,
    "ops": 2, "storage": 2, "hyperparameters": 2, "modelarts": 2, "pages": 2, "serving": 2, "extras": 2,
    "errors": 1,
    "__init__": 0,
}  # fmt: skip
WITHOUT_TENSORFLOW = (
    "storage", "hyperparameters", "modelarts", "serving", "cli", "jobs.job_urls", "errors", "extras",
    "migration", "pages", "local_platform", "data.labels", "data.cleaning",
    "data.readers",
)  # fmt: skip
PREFIXES = tuple(f"{room}." for room in WITHOUT_TENSORFLOW)
WITH_TENSORFLOW = ("data.readers.records.tfrecords",)
MODULES = sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    """The name of a module inside the package: data.voc, errors, data (its __init__)."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


@functools.cache
def imports(path: Path) -> frozenset[str]:
    """Every module a file imports, anywhere in it, as a full dotted name; `from a import b` counts as a and a.b."""
    found = set()
    package = (
        ["algorithm", *path.relative_to(PACKAGE).parts[:-1]] if path.is_relative_to(PACKAGE) else []
    )
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def rooms_entered(path: Path) -> set[str]:
    names = (name.split(".") for name in imports(path))
    return {
        parts[1]
        for parts in names
        if parts[0] == "algorithm" and len(parts) > 1 and parts[1] in FLOORS
    }


def top_levels(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def test_each_module_has_a_floor():
    homeless = [path for path in MODULES if dotted(path).partition(".")[0] not in FLOORS]
    assert not homeless, "in no room: give each a floor in FLOORS, or move it"


def test_imports_point_down():
    upward = [
        f"{path} (floor {FLOORS[room]}) imports {other}, which is not below it"
        for path in MODULES
        if (room := dotted(path).partition(".")[0]) in FLOORS
        for other in rooms_entered(path) - {room}
        if FLOORS[other] >= FLOORS[room]
    ]
    assert not upward


def test_serving_knows_nothing_of_ours_but_errors():
    files = sorted((PACKAGE / "serving").rglob("*.py"))
    assert len(files) > 1
    assert set().union(*(rooms_entered(path) for path in files)) == {"errors", "serving"}


@pytest.mark.parametrize(
    ("package", "files"),
    [
        ("boto3", ["storage.stores.objects.object_client"]),
        (
            "flask",
            ["local_platform.api.platform_app", "serving.http_app"],
        ),  # one face of each server
    ],
)
def test_only_these_files_import(package, files):
    assert sorted(dotted(path) for path in MODULES if package in top_levels(path)) == files


def test_rooms_without_tensorflow():
    rooms = [
        path
        for path in MODULES
        if dotted(path) not in WITH_TENSORFLOW and f"{dotted(path)}.".startswith(PREFIXES)
    ]
    assert not [path for path in rooms if top_levels(path) & {"tensorflow", "keras"}]


@pytest.mark.parametrize("room", [*FLOORS, *WITHOUT_TENSORFLOW])
def test_every_room_named_here_exists(room):
    """A rule about a room that was moved or renamed would hold without looking at anything."""
    assert any(name == room or name.startswith(f"{room}.") for name in map(dotted, MODULES))


def test_the_carried_handler_and_the_package_are_strangers():
    carried = sorted((PROJECT / "customize_service").rglob("*.py"))
    assert carried
    assert not [path for path in carried if "algorithm" in top_levels(path)]
    assert not [path for path in MODULES if "customize_service" in top_levels(path)]


def test_nothing_shadows_the_standard_library_or_a_dependency():
    # A job starts as `python algorithm/train.py`: for a moment that folder is first on sys.path.
    ours = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()} - {
        "__init__",
        "__main__",
    }
    assert not ours & set(sys.stdlib_module_names)
    assert not ours & set(importlib.metadata.packages_distributions())
