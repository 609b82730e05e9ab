"""What a data.yaml or obj.data says: class names, and where the pictures of each split are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from algorithm.data.readers.picture_lookup import inside
from algorithm.errors import DataError

USAGES = {"train": "train", "val": "eval", "valid": "eval"}


@dataclass(frozen=True)
class YoloSettings:
    """root: the data folder. bases: folders that addresses may count from. splits: addresses of each usage."""

    file: Path
    root: Path
    bases: tuple[Path, ...]
    names: tuple[str, ...]
    splits: dict[str | None, list[str]]
    warnings: tuple[str, ...] = ()

    def place(self, address: str) -> Path:
        """The file or folder an address means. Raises DataError where there is none inside the data folder.

        Exports exist whose addresses begin with `../` though they count from the folder of the data.yaml, and
        some that keep the folder name of the machine they were made on: the end of the address counts.
        """
        parts = [part for part in Path(address).parts if part not in ("..", "/", ".")]
        tails = [Path(*parts[start:]) for start in range(len(parts))] or [Path()]
        for tail in tails:
            for base in self.bases:
                if (base / tail).exists():
                    return base / tail
        try:
            inside(self.root, address)
            problem = "which does not exist"
        except ValueError:
            problem = "which leads out of it"
        raise DataError(
            f"expected {self.file} to name folders or lists of pictures inside {self.root}, found "
            f"{address!r}, {problem}: correct the path"
        )


def read_settings(file: Path) -> YoloSettings:
    """The settings in a data.yaml or an obj.data. Raises DataError when a needed key is missing or of another kind."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"expected a readable YOLO description, found {file}: {error}") from error
    darknet = file.suffix.lower() == ".data"
    content = _darknet(text) if darknet else _yaml(text, file)
    root = file.parent
    splits = {
        usage: _addresses(content[key], key, file)
        for key, usage in USAGES.items()
        if content.get(key)
    }
    if not splits:
        raise DataError(
            f"expected 'train' and 'val' in {file}, found {', '.join(map(str, content)) or 'nothing'}"
        )
    if (
        list(splits.values())[0] == list(splits.values())[-1]
    ):  # the same pictures for both, as in coco128.yaml
        splits = {None: splits.popitem()[1]}
    settings = YoloSettings(file, root, (root,), (), splits, _left_out(content, file))
    if darknet:
        listed = settings.place(str(content.get("names") or "obj.names"))
        names = tuple(
            line.strip()
            for line in listed.read_text(encoding="utf-8-sig").splitlines()
            if line.strip()
        )
    else:
        names = _names(content.get("names"), file)
    if len(set(names)) < len(names) or not names:
        raise DataError(
            f"expected distinct class names in {file}, found {', '.join(names) or 'none'}"
        )
    return YoloSettings(
        file, root, _bases(root, content.get("path")), names, splits, settings.warnings
    )


def _yaml(text: str, file: Path) -> dict:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(
            f"expected YAML in {file}, found something else: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(content, dict):
        raise DataError(
            f"expected keys such as train, val and names in {file}, found {type(content).__name__}"
        )
    return content


def _darknet(text: str) -> dict[str, str]:
    rows = (line.partition("=") for line in text.splitlines())
    return {
        key.strip(): value.strip()
        for key, found, value in rows
        if found and not key.lstrip().startswith("#")
    }


def _addresses(value: object, key: str, file: Path) -> list[str]:
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(address, str) and address.strip() for address in found):
        raise DataError(f"expected paths for '{key}' in {file}, found {value!r}")
    return found


def _names(value: object, file: Path) -> tuple[str, ...]:
    """Class names by id, from a list or from a mapping {0: name, 1: name}."""
    if isinstance(value, dict):
        if sorted(value, key=str) != sorted(range(len(value)), key=str):
            found = ", ".join(map(str, value))
            raise DataError(f"expected ids 0..{len(value) - 1} in 'names' of {file}, found {found}")
        value = [value[number] for number in range(len(value))]
    if not isinstance(value, list):
        raise DataError(f"expected 'names' to list the classes in {file}, found {value!r}")
    return tuple(str(name) for name in value)


def _bases(root: Path, path: object) -> tuple[Path, ...]:
    """Folders that addresses count from: `path` where it lies in the data folder, then that folder."""
    base = root / Path(path).name if isinstance(path, str) and path.strip("./") else root
    return (base, root) if base.is_dir() else (root,)


def _left_out(content: dict, file: Path) -> tuple[str, ...]:
    return (f"the pictures of 'test' in {file.name} are left out",) if content.get("test") else ()
