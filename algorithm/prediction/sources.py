"""What a person may point at: a picture, a folder, a pattern, a video or a camera."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from algorithm.data.feeding.decoding import PictureError, decode_image
from algorithm.data.readers.pictures.picture_lookup import PICTURE_SUFFIXES
from algorithm.errors import ArgumentError, DataError
from algorithm.prediction import video


@dataclass(frozen=True)
class Files:
    """What was found at a place.

    Attributes:
        paths: Pictures and videos, sorted.
        skipped: Files that are neither, sorted.
        several: Whether the place may hold several: a folder or a pattern.
    """

    paths: tuple[Path, ...]
    skipped: tuple[Path, ...] = ()
    several: bool = False


def find_files(place: str | os.PathLike[str]) -> Files:
    """Find pictures and videos.

    Args:
        place: A file, a folder, or a pattern (`**` goes into subfolders). A file that is named
            itself is taken whatever its suffix.

    Returns:
        The files.

    Raises:
        ArgumentError: It is the address of something elsewhere.
        DataError: There is none.
    """
    text = os.fspath(place)
    refuse_address(text)
    if Path(text).is_file():  # a file name may hold [ ] or *
        return Files((Path(text),))
    if Path(text).is_dir():
        found = sorted(path for path in Path(text).iterdir() if path.is_file())
    else:
        names = glob.glob(text, recursive=True)  # noqa: PTH207 - it takes absolute patterns
        found = sorted(Path(name) for name in names if Path(name).is_file())
    known = (*PICTURE_SUFFIXES, *video.SUFFIXES)
    paths = tuple(path for path in found if path.suffix.lower() in known)
    if not paths:
        raise DataError(
            f"expected pictures or videos at {text}, found "
            f"{f'{len(found)} other files' if found else 'none'}; check the path, and quote a "
            "pattern"
        )
    return Files(paths, tuple(path for path in found if path not in set(paths)), several=True)


def refuse_address(text: str) -> None:
    """Refuse a web address or a place in a store.

    Raises:
        ArgumentError: It is one.
    """
    scheme, sign, _ = text.partition("://")
    if sign and scheme.isalnum():
        raise ArgumentError(
            f"expected a file, a folder or a pattern on this machine, found the address {text}; "
            "nothing is fetched: copy it here first"
        )


def is_video(path: Path) -> bool:
    """Return whether a file is a video, by its suffix."""
    return path.suffix.lower() in video.SUFFIXES


def read_picture(path: Path) -> np.ndarray:
    """Read a picture file.

    Args:
        path: The file.

    Returns:
        uint8 [H, W, 3], RGB, upright.

    Raises:
        DataError: It cannot be read, or is no picture; the message names it.
    """
    try:
        return decode_image(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except PictureError as error:
        raise DataError(str(error)) from error


def pixels_of(picture: np.ndarray | Image.Image) -> np.ndarray:
    """Return a picture in memory as the model takes it.

    Args:
        picture: A Pillow image, or an array [H, W, 3] RGB, [H, W] or [H, W, 1] grey, or
            [H, W, 4] RGBA, uint8.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        ArgumentError: It has another shape or type.
    """
    if isinstance(picture, Image.Image):
        upright = ImageOps.exif_transpose(picture)
        if upright.mode.startswith("I"):  # 16-bit grey keeps its high byte, as in files
            grey = np.asarray(upright.convert("I")) >> 8
            return pixels_of(grey.clip(0, 255).astype(np.uint8))
        return np.asarray(upright.convert("RGB"))
    if picture.dtype != np.uint8 or picture.size == 0 or picture.ndim not in (2, 3):
        raise _unlike(picture)
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.shape[2] not in (1, 3, 4):
        raise _unlike(picture)
    pixels = picture[:, :, :3] if picture.shape[2] != 1 else np.repeat(picture, 3, axis=2)
    return np.ascontiguousarray(pixels)


def _unlike(picture: np.ndarray) -> ArgumentError:
    return ArgumentError(
        "expected a picture as uint8 [H, W, 3] (RGB), found "
        f"{picture.dtype} {list(picture.shape)}; multiply shares of 1 by 255, put the channels "
        "last, and turn OpenCV's BGR around: pixels[:, :, ::-1]"
    )
