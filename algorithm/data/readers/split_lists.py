"""Lists of pictures that state a split: ImageSets/Main/train.txt, or train.txt beside the data."""

from __future__ import annotations

from collections.abc import Mapping

from algorithm.data.readers.annotation import Complaint
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.pictures.picture_lookup import Pictures
from algorithm.data.readers.yolo.yolo_labels import is_row
from algorithm.data.split_names import WORDS, stated_usages, word_of_list, word_of_path

PLACES = ("main", "imagesets")  # in lower case; and the folder of the dataset itself


def usages_of(
    contents: FolderContents, kept: list[str], files: Mapping[str, str]
) -> tuple[dict[str, str | None], list[Complaint], list[str]]:
    """Return the split that lists state, else that of folders called after a split.

    Args:
        contents: The folder of the dataset.
        kept: Names of the pictures that have annotations.
        files: The annotation file of each; its folders tell where the picture's do not.

    Returns:
        ("train", "eval" or None of each picture that is used, complaints, lines to log).
    """
    lists = split_lists(contents)
    if lists:
        words, complaints = listed_words(contents, lists, Pictures(contents.root, kept))
        usages, lines = stated_usages(words)
        if set(usages.values()) >= {"train", "eval"}:
            unlisted = len(set(kept) - words.keys())
            if unlisted:
                lines += (f"{unlisted} picture(s) that no list of a split names are left out",)
            return usages, complaints, list(lines)
        shown = ", ".join(sorted(lists)[:3])
        tested = tuple(line for line in lines if "no split" not in line)
        others = "all other pictures" if tested else "all pictures"
        return (
            {name: usages.get(name) for name in kept if name in usages or name not in words},
            complaints,
            [*tested, f"{shown}: one side only, which is no split; {others} are used"],
        )
    words_of_folders = {
        name: word_of_path(name) or word_of_path(files.get(name, "")) for name in kept
    }
    usages, lines = stated_usages(words_of_folders)
    return usages, [], list(lines)


def split_lists(contents: FolderContents) -> dict[str, str]:
    """Return the word of each list of pictures in a folder, by relative name."""
    found = {}
    for name in contents.files(".txt"):
        *folders, last = name.lower().split("/")
        in_place = folders[-1] in PLACES if folders else True
        if in_place and (word := word_of_list(last)) and not has_rows(contents, name):
            found[name] = word
    placed = {name: word for name, word in found.items() if "/" in name}
    return placed or found


def has_rows(contents: FolderContents, name: str) -> bool:
    """Return whether a text begins with a row of YOLO: it labels a picture, whatever its name."""
    return is_row(next((line for line in contents.text(name).splitlines() if line.strip()), ""))


def listed_words(
    contents: FolderContents, lists: dict[str, str], pictures: Pictures
) -> tuple[dict[str, str], list[Complaint]]:
    """Return the word of each picture that a list names, and complaints about lines.

    Where there are lists for both sides, `trainval` says nothing new and is passed over.

    Args:
        contents: The folder of the dataset.
        lists: The word of each list, by its relative name.
        pictures: All pictures of the dataset.

    Returns:
        (the word of each picture, complaints).
    """
    words: dict[str, tuple[str, str]] = {}
    complaints = []
    sides = {WORDS[word] for word in lists.values() if word != "trainval"}
    for name, word in lists.items():
        if word == "trainval" and "train" in sides:
            continue
        near = name.rpartition("/")[0]
        while near.rpartition("/")[2].lower() in PLACES:
            near = near.rpartition("/")[0]
        for number, text in enumerate(contents.whole_text(name).splitlines(), start=1):
            if not text.strip():
                continue
            found = _meant(text, pictures, near)
            if not found and text.lstrip().startswith("#"):
                continue
            if len(found) != 1:
                problem = f"expected the name of a picture, found {text.strip()!r}"
                if found:
                    problem += f", which fits {' and '.join(found[:3])}"
                complaints.append(Complaint(name, problem, number, usage=WORDS[word]))
            elif words.setdefault(found[0], (word, name))[0] != word:
                other = words[found[0]][1]
                if "trainval" in (word, words[found[0]][0]):  # the validation part is in it too
                    words[found[0]] = (word, name) if word != "trainval" else words[found[0]]
                    continue
                problem = (
                    f"expected each picture in one list, found {text.strip()!r} in {other} too"
                )
                complaints.append(Complaint(name, problem, number, repeated=True))
    return {picture: word for picture, (word, _) in words.items()}, complaints


def _meant(text: str, pictures: Pictures, near: str) -> list[str]:
    """The pictures that a line means: all of it, or its first word (PaddlePaddle's lists)."""
    return pictures.names(text, near=near) or pictures.names(text.split()[0], near=near)
