"""Which JSON files of a folder are COCO's, and which split each of them is."""

from __future__ import annotations

import codecs
import re
from collections import defaultdict
from pathlib import Path

from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.split_names import WORDS, stated_usages, word_of, word_of_list, word_of_path
from algorithm.errors import DataError

KEYS = ("images", "annotations", "categories")
BLOCK = 1 << 20
SCANNED = 256 << 20  # bytes of a file in which pictures are counted; of a larger one, no count
KINDS = ("instances", "person_keypoints")  # COCO's own names of files with boxes, the best first
NO_BOXES = ("captions", "panoptic", "image_info", "stuff", "labels")


def instance_files(contents: FolderContents) -> tuple[list[str], int]:
    """Return the names of the COCO JSON with boxes, and how many pictures they list, if known.

    Of COCO's own, instances_*.json are taken before person_keypoints_*.json; else all JSON that
    show the words of a COCO file, which a settings file or a report does not.
    """
    kinds = defaultdict(list)
    for name in contents.files(".json"):
        last = name.rpartition("/")[2].lower()
        kinds[
            next((kind for kind in (*KINDS, *NO_BOXES) if last.startswith(f"{kind}_")), "")
        ].append(name)
    for kind in KINDS:
        if kinds[kind]:
            return kinds[kind], sum(_scanned(contents.path(name))[1] for name in kinds[kind])
    scanned = {name: _scanned(contents.path(name)) for name in kinds[""]}
    found = [name for name, (missing, _) in scanned.items() if not missing]
    return found, sum(scanned[name][1] for name in found)


def almost_coco(contents: FolderContents) -> tuple[str, list[str]] | None:
    """Return (name, missing lists) of a JSON with pictures and annotations that is yet no COCO."""
    for name in contents.files(".json"):
        missing, pictures = _scanned(contents.path(name))
        if len(missing) == 1 and pictures:
            return name, missing
    return None


def words_of_files(names: list[str]) -> dict[str, str | None]:
    """Return the word of the split of each file, from its name or else its folder."""
    return {
        name: word_of(Path(name).stem.replace("2017", "")) or word_of_path(name) for name in names
    }


def file_usages(names: list[str], root: Path) -> tuple[dict[str, str | None], list[str]]:
    """Return the usage of each file that is read, and lines to log.

    Raises:
        DataError: There are several files and they form no split.
    """
    if len(names) == 1:
        return {names[0]: None}, []
    words = words_of_files(names)
    sides = {WORDS.get(word or "") for word in words.values()}
    kinds = {_kind(name) for name in names}
    if sides != {"train", "eval"} or len(kinds) > 1:
        raise DataError(
            "expected one COCO JSON, or instances_train*.json and instances_val*.json, found "
            f"{', '.join(names)} in {root}: give the path of the one to use"
        )
    usages, lines = stated_usages(words, "COCO file(s)")
    left = [name for name in names if name not in usages]
    return usages, [f"{line}: {', '.join(left)}" if left else line for line in lines]


def _kind(name: str) -> str:
    """What a name and its folders say besides the split: files of one split have it in common."""
    *folders, last = name.lower().split("/")
    rest = [word for word in re.split(r"[^a-z]+", last) if word and word not in WORDS]
    return "/".join([folder for folder in folders if not word_of_list(folder)] + rest)


def _scanned(file: Path) -> tuple[list[str], int]:
    """(COCO's lists whose names do not stand in a file, how many pictures it lists)."""
    try:
        with file.open("rb") as stream:
            head = stream.read(4)
            encoding = "utf-8"
            if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                encoding = "utf-16-le" if head.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
            words = {f'"{key}"'.encode(encoding): key for key in KEYS}
            mark, count, before = '"file_name"'.encode(encoding), 0, head
            while block := stream.read(BLOCK):
                text = before + block
                words = {word: key for word, key in words.items() if word not in text}
                count += text.count(mark)
                before = text[-(len(mark) - 1) :]
                if stream.tell() > SCANNED and not words:
                    return [], 0
            return [key for key in KEYS if key in words.values()], count
    except OSError:
        return list(KEYS), 0
