"""Shards as a folder of PASCAL VOC: JPEGImages/, Annotations/ and lists in ImageSets/Main/."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from algorithm.data.conversion.output_files import copy_picture, replaced, write_whole
from algorithm.data.conversion.picture_row import Classes, PictureRow
from algorithm.data.conversion.voc_writer import voc_xml


def write_shard(
    rows: Iterable[PictureRow], output: Path, shard: str, classes: Classes
) -> Iterator[str]:
    """Write the pictures and the XML of the rows; the line of each in its list."""
    for row in rows:
        copy_picture(row, output / "JPEGImages" / row.name)
        write_whole(output / "Annotations" / f"{row.stem}.xml", voc_xml(row))
        yield f"{row.stem}\n"


def finish(parts: list[Path], output: Path, classes: Classes) -> Path:
    """Join the lines into train.txt and val.txt; return the folder."""
    for split in ("train", "val"):
        own = [part for part in parts if part.name.startswith(f"{split}-")]
        if own:
            with replaced(output / "ImageSets" / "Main" / f"{split}.txt") as stream:
                for part in own:
                    stream.write(part.read_bytes())
    return output
