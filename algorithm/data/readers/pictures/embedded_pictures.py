"""Pictures that lie inside the files of a dataset, laid out as files of their own."""

from __future__ import annotations

import hashlib
from pathlib import Path

from algorithm.storage.atomic_files import write_bytes

FOLDER = "pictures"
SUFFIXES = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PN": ".png",
    b"GIF": ".gif",
    b"RIF": ".webp",
    b"BM": ".bmp",
}


def laid_out(data: bytes, work_dir: Path) -> Path:
    """Lay a picture in work_dir/pictures, named after its content, once; return its file."""
    path = work_dir / FOLDER / (hashlib.sha256(data).hexdigest()[:32] + _suffix(data))
    if not path.exists():
        write_bytes(path, data)
    return path


def _suffix(data: bytes) -> str:
    return next((suffix for mark, suffix in SUFFIXES.items() if data.startswith(mark)), ".jpg")
