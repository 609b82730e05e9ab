"""The pictures that a YOLO description names, and the split that it states."""

from __future__ import annotations

from algorithm.data.readers.annotation import Complaint
from algorithm.data.readers.folder_contents import FolderContents
from algorithm.data.readers.yolo.yolo_settings import YoloSettings, place
from algorithm.data.split_names import TESTS, WORDS, stated_usages
from algorithm.errors import DataError


def described_pictures(
    contents: FolderContents, settings: YoloSettings
) -> tuple[dict[str, str | None], list[Complaint], list[str]]:
    """Return the pictures of a data.yaml or obj.data.

    A picture of both sides is a complaint, and evaluates. The same pictures for both sides are no
    split.

    Returns:
        ("train", "eval" or None of each picture, complaints, lines to log).

    Raises:
        DataError: An address leads nowhere, or there is no picture.
    """
    found, complaints, lines = {}, [], []
    for word, addresses in settings.splits.items():
        try:
            found[word], wrong = _of_split(contents, settings, addresses, WORDS[word])
            complaints += wrong
        except DataError as error:
            if word not in TESTS or "train" not in settings.splits or len(settings.splits) < 3:
                raise
            lines.append(f"'{word}' is left out: {error}")
    trained = {name for word, names in found.items() if WORDS[word] == "train" for name in names}
    words: dict[str, str | None] = {}
    for word in sorted(found, key=lambda word: (WORDS[word] == "train", word in TESTS)):
        for name in found[word]:
            first = words.setdefault(name, word) or word
            if WORDS[first] != WORDS[word]:
                problem = f"expected each picture in one split, found it in {word} and {first}"
                complaints.append(Complaint(name, problem, usage="eval", repeated=True))
    if (
        trained
        and {name for name, word in words.items() if word and WORDS[word] == "eval"} == trained
    ):
        complaints = [one for one in complaints if "in one split" not in one.problem]
        lines.append(f"{settings.file} names the same pictures for both sides: that is no split")
        words = dict.fromkeys(words)
    if not words:
        raise DataError(
            f"expected pictures where {contents.path(settings.file)} says, found no picture there: "
            f"{contents.root} holds {contents.described()}"
        )
    usages, more = stated_usages(words)
    usages = {name: usages[name] for name in sorted(usages)}
    unnamed = len(contents.picture_names) - len(words)
    if unnamed > 0:
        lines.append(f"{unnamed} picture(s) that {settings.file} does not name are left out")
    return usages, complaints, [*lines, *more]


def _of_split(
    contents: FolderContents, settings: YoloSettings, addresses: list[str], usage: str | None
) -> tuple[list[str], list[Complaint]]:
    """The pictures at the addresses of one split, and complaints about lines of lists."""
    names, complaints = [], []
    for address in addresses:
        found = place(contents, settings, address)
        if found in contents.folders or not found:
            below = f"{found}/" if found else ""
            names += [name for name in contents.picture_names if name.startswith(below)]
        elif found.lower().endswith(".txt"):
            more, wrong = _listed(contents, found, usage)
            names += more
            complaints += wrong
        else:
            names.append(found)
    return list(dict.fromkeys(names)), complaints


def _listed(
    contents: FolderContents, file: str, usage: str | None
) -> tuple[list[str], list[Complaint]]:
    """The pictures that the lines of a list mean, and complaints about the others."""
    names, complaints = [], []
    near = file.rpartition("/")[0]
    for number, text in enumerate(contents.whole_text(file).splitlines(), start=1):
        if not text.strip():
            continue
        found = contents.pictures.names(text, near=near)
        if len(found) == 1:
            names += found
            continue
        problem = f"expected the path of a picture below {contents.root}, found {text.strip()!r}"
        if found:
            problem += f", which fits {' and '.join(found[:3])}"
        complaints.append(Complaint(file, problem, number, usage=usage))
    return names, complaints
