"""The class names that stand beside a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

from algorithm.errors import DataError
from algorithm.modelarts.model_index import INDEX, NAMES

# Beside the weights, or in the model folder that a job writes next to its checkpoints and its
# archive.
_PLACES = ("label_map.json", INDEX, f"model/{INDEX}", f"../model/{INDEX}")


def label_names_beside(folder: Path) -> tuple[str, ...] | None:
    """Read the class names from the first label file found beside a checkpoint.

    A label file is JSON: a list, {"labels_list": list}, or {id: name} with ids from 1 (gaps become
    "").

    Args:
        folder: The folder to look into.

    Returns:
        The names, class 1 first; None when there is no label file.

    Raises:
        DataError: The file is something else.
    """
    found = next((folder / place for place in _PLACES if (folder / place).is_file()), None)
    if found is None:
        return None
    try:
        content = json.loads(found.read_text(encoding="utf-8"))
        names = content.get(NAMES, content) if isinstance(content, dict) else content
        if isinstance(names, dict):
            names = [names.get(str(number), "") for number in range(1, max(map(int, names)) + 1)]
        return tuple(str(name) for name in names)
    except (ValueError, TypeError) as error:
        raise DataError(
            f'label map {found}: expected a JSON list of names, {{"{NAMES}": list}} or '
            f"{{id: name}}, found otherwise ({error}); correct or remove the file"
        ) from error
