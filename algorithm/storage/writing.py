"""Writing local files so that a reader sees the old or the new content, never a part."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_bytes(path: Path, content: bytes) -> None:
    """Writes beside, then renames; the folder is made where it is missing. OSError as from any write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text whole."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Writes readable JSON, other than ASCII letters as they are, with a newline at the end."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
