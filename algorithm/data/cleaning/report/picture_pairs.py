"""Pictures that are the same or look the same, side by side in a page, small and few."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from algorithm.data.cleaning.findings import Finding
from algorithm.data.cleaning.picture_facts import plain_pixels
from algorithm.data.feeding.decoding import PictureError
from algorithm.pages.page import grid, paragraph, picture, section

LONGEST_SIDE = 160  # pixels of a thumbnail: about 6 kB in the page
MOST_PAIRS = 24
GAP = 4  # pixels between the two


def pairs_of(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    """Return (path, path, caption) of the findings that compare two pictures."""
    return [
        (
            row.pictures[0],
            row.pictures[1],
            f"{row.complaint.file}: {row.rule}, {Path(row.pictures[1]).name}; {row.action}",
        )
        for row in findings
        if row.pictures
    ]


def pairs_section(pairs: Sequence[tuple[str, str, str]]) -> str:
    """Return the part of a page that shows up to MOST_PAIRS pairs; "" for none."""
    if not pairs:
        return ""
    figures = (picture(_side_by_side(*paths), caption) for *paths, caption in pairs[:MOST_PAIRS])
    more = len(pairs) - MOST_PAIRS
    text = (f"... and {more} more pair(s)", f"…… 另有 {more} 对")
    notes = [paragraph(text, "quiet")] if more > 0 else []
    title = ("Pictures that are the same or look alike", "相同或相似的图片")
    return section(title, grid("pictures", figures), *notes)


def _side_by_side(*paths: str) -> np.ndarray:
    """uint8 [H, W, 3]: thumbnails next to each other on white."""
    small = [_thumbnail(path) for path in paths]
    height = max(len(pixels) for pixels in small)
    width = sum(pixels.shape[1] for pixels in small) + GAP * (len(small) - 1)
    whole, left = np.full((height, width, 3), 255, np.uint8), 0
    for pixels in small:
        whole[: len(pixels), left : left + pixels.shape[1]] = pixels
        left += pixels.shape[1] + GAP
    return whole


def _thumbnail(path: str) -> np.ndarray:
    """The picture made small; a grey square where it is gone by now."""
    try:
        image = Image.fromarray(plain_pixels(Path(path).read_bytes(), path))
    except (OSError, PictureError):
        return np.full((LONGEST_SIDE, LONGEST_SIDE, 3), 160, np.uint8)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return np.asarray(image)
