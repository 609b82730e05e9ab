"""Text files of objects, one for each picture, named after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.object_list import ObjectList
from algorithm.data.readers.pictures.named_pictures import NamedPicture
from algorithm.data.readers.text_file import read_text
from algorithm.data.split_names import word_of
from algorithm.errors import DataError

LOOKED_AT = 5  # files of a folder that are opened to recognise the form
FOLDERS = 50  # folders that are looked into
ROWS = 20
PICTURES = ("images", "image_2", "img", "JPEGImages", "sequences")  # beside the folder of the texts


def texts_like(contents: FolderContents, fits: Callable[[str], bool]) -> list[str]:
    """Return the .txt files in the folders whose first files hold mostly lines that fit."""
    by_folder: dict[str, list[str]] = {}
    for name in contents.files(".txt"):
        by_folder.setdefault(name.rpartition("/")[0], []).append(name)
    found = []
    for names in list(by_folder.values())[:FOLDERS]:
        lines = [line for name in names[:LOOKED_AT] for line in _lines(contents, name)]
        if 2 * sum(map(fits, lines)) > len(lines):
            found += names
    return found


def named_pictures(
    files: tuple[str, ...], contents: FolderContents, add: Callable[[ObjectList, str, int], None]
) -> Iterator[NamedPicture]:
    """Yield what each file says of its picture.

    Args:
        files: Relative names of the texts.
        contents: The folder.
        add: Adds the object of a line (text, number) or raises ValueError.
    """
    for file in files:
        folder, _, base = file.rpartition("/")
        above, stem = folder.rpartition("/")[0], base[:-4]
        names = (*(f"{above}/{kind}/{stem}" for kind in PICTURES), f"{folder}/{stem}")
        word = next(filter(None, map(word_of, reversed(folder.split("/")))), None)
        try:
            text, _ = read_text(contents.path(file), "a text file of objects")
        except DataError as error:
            yield NamedPicture(names, file, None, word, problem=str(error))
            continue
        objects = ObjectList(file)
        for line, row in enumerate(text.splitlines(), start=1):
            if row.strip():
                try:
                    add(objects, row.strip(), line)
                except ValueError as error:
                    objects.refuse(str(error), line=line)
        yield NamedPicture(names, file, objects.annotation(), word)


def _lines(contents: FolderContents, name: str) -> list[str]:
    lines = contents.text(name).splitlines()[:ROWS]
    return [line.strip() for line in lines if line.strip()]
