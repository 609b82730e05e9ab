"""The classes of COCO files: what each file's ids mean, and the label map of all of them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from algorithm.errors import DataError


@dataclass(frozen=True)
class Categories:
    """The class names of one file by category id."""

    names: dict[int, str]

    def name(self, number: object) -> str:
        """Return the class of a category id, which may be text.

        Raises:
            ValueError: The id is another one.
        """
        found = _number(number)
        if found not in self.names:
            raise ValueError(f"expected a category_id of the file's categories, found {number!r}")
        return self.names[found]


@dataclass(frozen=True)
class AllCategories:
    """The classes of each file, and (name, id) of all in label order."""

    by_file: dict[str, Categories]
    ordered: tuple[tuple[str, int], ...]


def categories_of(contents: dict[str, dict]) -> tuple[AllCategories, list[str]]:
    """Return the classes of COCO files and lines to log.

    They are joined by name; ids are those of the first file.

    A category without boxes that only groups the others (a project of Roboflow), or is called
    like another, is left out with a word.

    Args:
        contents: The content of each file by its path.

    Raises:
        DataError: A file has no categories, one without id or name, or one twice.
    """
    rows = {file: _rows(content, file) for file, content in contents.items()}
    used = Counter(
        (file, _number(row.get("category_id")))
        for file, content in contents.items()
        for row in content["annotations"]
    )
    by_file, lines = {}, []
    for file, own in rows.items():
        names = {number: name for number, name, _ in own}
        parents = {above for _, name, above in own if above and above != name}
        names_left = Counter(names.values())
        for number, name, above in own:
            idle = not used[file, number]
            is_group = name in parents and above in ("", "none", name)
            if idle and (is_group and len(names) > 1 or names_left[name] > 1):
                del names[number]
                names_left[name] -= 1
                reason = "groups others" if is_group else "is called like another"
                lines.append(f"category {number} '{name}' has no boxes and {reason}: left out")
        if len(set(names.values())) < len(names):
            raise DataError(
                f"expected every category of {file} to have its own id and name, found one twice"
            )
        by_file[file] = Categories(names)
    joined, more = _joined(by_file)
    return AllCategories(by_file, joined), [*dict.fromkeys(lines), *more]


def _joined(by_file: dict[str, Categories]) -> tuple[tuple[tuple[str, int], ...], list[str]]:
    (first, own), *others = by_file.items()
    ids = {name: number for number, name in own.names.items()}
    lines = []
    for file, categories in others:
        new = [name for name in categories.names.values() if name not in ids]
        if new:
            lines.append(f"{file} has categories that {first} has not: {', '.join(new[:10])}")
        for name in new:
            number = next(one for one, its in categories.names.items() if its == name)
            ids[name] = number if number not in ids.values() else max(ids.values()) + 1
    return tuple(sorted(ids.items(), key=lambda row: row[1])), lines


def _rows(content: dict, file: str) -> list[tuple[int, str, str]]:
    """(id, name, supercategory) of each category of a file."""
    if not content["categories"]:
        raise DataError(f"expected classes in 'categories' of {file}, found an empty list")
    rows = []
    for row in content["categories"]:
        number = _number(row.get("id"))
        if number is None or row.get("name") in (None, ""):
            raise DataError(
                f"expected an integer 'id' and a 'name' in every category of {file}, found one "
                "without"
            )
        rows.append((number, str(row["name"]), str(row.get("supercategory") or "")))
    if len({number for number, *_ in rows}) < len(rows):
        raise DataError(
            f"expected every category of {file} to have its own id and name, found one twice"
        )
    return rows


def _number(value: object) -> int | None:
    """A category id as a number, None for what is none."""
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except ValueError:
        return None
    return int(number) if math.isfinite(number) and number.is_integer() else None
