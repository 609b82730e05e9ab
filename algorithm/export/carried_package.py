"""The part of this package that a model folder carries for its assessment script."""

from __future__ import annotations

import ast
import functools
import io
import shutil
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import algorithm
from algorithm.errors import DataError
from algorithm.storage.atomic_files import write_bytes, write_text

ROOT = Path(algorithm.__file__).parent
SCRIPT = "model_assessment.py"
FOLDER = "assessment"
PROJECT = "efficientdet-modelarts"
REQUIREMENTS = f"{FOLDER}/requirements.txt"
ARCHIVE = f"{FOLDER}/algorithm.zip"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # a fixed date, so that the same package gives the same bytes
# This room is carried whole: other people's scripts may call assessment.api.
WHOLE_ROOM = "assessment"
# storage.store_of imports these by name when a place needs one; no import statement says so.
STORES = ("stores.local_store", "stores.objects.object_store", "stores.tensor_store")
# The templates of the report's pages; no import statement names them either.
TEMPLATES = "pages/templates"
# The packages that the carried files import; their versions are those of pyproject.toml. TensorFlow
# runs the model, boto3 reads obs:// and s3://, pycocotools reads outlines.
PACKAGES = (
    "tensorflow",
    "numpy",
    "pillow",
    "matplotlib",
    "pycocotools",
    "defusedxml",
    "pyyaml",
    "rich",
    "boto3",
    "jinja2",
)


def carried_files() -> list[Path]:
    """Return the paths, relative to the package, of carried_modules and of the templates."""
    templates = (path.relative_to(ROOT) for path in (ROOT / TEMPLATES).iterdir() if path.is_file())
    return sorted([*carried_modules(), *templates])


def carried_modules() -> list[Path]:
    """Return the paths, relative to the package, of all Python files that the script needs of it.

    These are the script, WHOLE_ROOM, STORES, and what these import, directly or through others.
    Of storage that leaves out what only a training job does: lease, mirror, downloads.
    """
    room = (path.relative_to(ROOT) for path in (ROOT / WHOLE_ROOM).rglob("*.py"))
    stores = (Path("storage", *name.split(".")).with_suffix(".py") for name in STORES)
    found: set[Path] = set()
    waiting = [Path(SCRIPT), *room, *stores]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(ROOT / path)
    return sorted(found)


def carry(target: Path) -> None:
    """Write SCRIPT, ARCHIVE and REQUIREMENTS into the folder target.

    The archive is one file that Python imports from: a model folder in a store would have more
    than a hundred objects otherwise.

    Raises:
        DataError: A source file is missing.
    """
    content = io.BytesIO()
    try:
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in carried_files():
                if path.name != SCRIPT:
                    name = f"{ROOT.name}/{path.as_posix()}"
                    archive.writestr(_entry(name), (ROOT / path).read_bytes())
        shutil.copyfile(ROOT / SCRIPT, target / SCRIPT)
    except FileNotFoundError as error:
        raise DataError(
            f"expected the whole package, found no {error.filename}: install it again"
        ) from error
    (target / FOLDER).mkdir(parents=True, exist_ok=True)
    write_bytes(target / ARCHIVE, content.getvalue())
    write_text(target / REQUIREMENTS, "".join(f"{line}\n" for line in requirements()))


def carried_parts() -> list[str]:
    """Return the names, relative to the model folder, of all that `carry` writes."""
    return [SCRIPT, ARCHIVE, REQUIREMENTS]


def requirements() -> list[str]:
    """Return lines for pip: PACKAGES in the versions that this package depends on.

    Where these are written nowhere (only the code was copied, or it was installed before it needed
    one), they are the versions that the model was made with.
    """
    written = {_name(line): line for line in _dependencies()}
    return [written.get(name) or f"{name}=={metadata.version(name)}" for name in PACKAGES]


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _dependencies() -> list[str]:
    """Return those of the source folder where the package lies in one, else those installed."""
    settings = ROOT.parent / "pyproject.toml"
    if settings.is_file():
        return tomllib.loads(settings.read_text(encoding="utf-8"))["project"]["dependencies"]
    try:
        return [line for line in metadata.requires(PROJECT) or () if "extra ==" not in line]
    except metadata.PackageNotFoundError:
        return []


def _name(line: str) -> str:
    return (
        line.split("[")[0]
        .split(";")[0]
        .split("<")[0]
        .split(">")[0]
        .split("=")[0]
        .split("~")[0]
        .split("!")[0]
        .strip()
        .lower()
    )


@functools.cache
def _imported(path: Path) -> tuple[Path, ...]:
    """Return the files, relative to the package, that the imports in a file load.

    They are modules, and the __init__.py of every package these lie in.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    files = set()
    for name in names:
        parts = name.split(".")
        if parts[0] != ROOT.name:
            continue
        for depth in range(1, len(parts) + 1):
            inside = Path(*parts[1:depth])
            files |= {
                file
                for file in (
                    inside / "__init__.py",
                    inside.with_name(f"{inside.name}.py") if inside.name else inside,
                )
                if file.suffix and (ROOT / file).is_file()
            }
    return tuple(sorted(files))
