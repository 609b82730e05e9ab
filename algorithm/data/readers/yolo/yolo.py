"""YOLO datasets, with a data.yaml, darknet's obj.data, or a list of classes alone, to a Listing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from algorithm.data.feeding.decoding import PictureError, picture_size
from algorithm.data.readers.annotation import (
    Annotation,
    Complaint,
    Entry,
    LazyEntries,
    Listing,
    no_objects,
)
from algorithm.data.readers.folder_contents import FolderContents, decoded
from algorithm.data.readers.pictures.pairing import Pairs, folder_words, paired
from algorithm.data.readers.pictures.picture_lookup import folded, stem_of
from algorithm.data.readers.reader import Certainty, Found, Reader, Source
from algorithm.data.readers.split_lists import has_rows, split_lists, usages_of
from algorithm.data.readers.yolo.undeclared_keypoints import undeclared_keypoints
from algorithm.data.readers.yolo.yolo_labels import has_confidence, numbers_of, parse_labels
from algorithm.data.readers.yolo.yolo_pictures import described_pictures
from algorithm.data.readers.yolo.yolo_settings import YoloSettings, listed_names, read_settings
from algorithm.data.split_names import usage_of_path
from algorithm.errors import DataError

IGNORED = "ignored"  # beside labels/: rows of objects that YOLO cannot mark as difficult or crowd
NAME_LISTS = (
    *("classes.txt", "class.txt", "predefined_classes.txt", "class_names.txt", "names.txt"),
    *("labels.txt", "label_list.txt", "obj.names", "_darknet.labels"),
)
NOTES = "notes.json"  # Label Studio's, beside classes.txt
SAMPLES = 20  # label files that are looked into before all are read


def read_yolo(contents: FolderContents, settings: YoloSettings, outlines: bool = False) -> Listing:
    """Return the listing of a YOLO dataset; labels are read when entries are asked for.

    A label file is a .txt of a picture's name: where images/ is exchanged for labels/ in its path,
    beside it, or in the nearest folder. A picture without one shows nothing.

    Args:
        contents: The folder of the dataset.
        settings: What is known of it. Without splits, all pictures that have a label file, or lie
            beside one that has, are read.
        outlines: Whether outlines are kept.

    Raises:
        DataError: The description of the data is not usable, or rows have keypoints that it does
            not declare.
    """
    labels = _label_names(contents)
    pairs = paired(contents.pictures, (name for name in labels if not _is_ignored(name)))
    marked = paired(contents.pictures, filter(_is_ignored, labels)).of_picture
    if settings.splits:
        usages, complaints, warnings = described_pictures(contents, settings)
    else:
        kept = sorted([*pairs.of_picture, *pairs.bare])
        usages, complaints, warnings = usages_of(contents, kept, pairs.of_picture)
        warnings += folder_words(pairs.left_out, "a label file")
    complaints += [one for one in pairs.complaints if one.file not in usages or settings.splits]
    complaints += [
        Complaint(name, problem, usage=usage_of_path(name))
        for name, problem in pairs.orphans.items()
        if has_rows(contents, name)
    ]
    bare = sum(name not in pairs.of_picture for name in usages)
    if bare:
        warnings.append(f"{bare} of {len(usages)} pictures have no label file: they show nothing")
    if settings.keypoints is None:
        _refuse_keypoints(contents, pairs)
    rows = list(usages.items())
    files = _Files(pairs.of_picture, marked, settings, outlines)
    categories = tuple((name, number) for number, name in enumerate(settings.names, start=1))
    return Listing(
        LazyEntries(lambda: (_entry(contents, *row, files) for row in rows)),
        tuple(complaints),
        (*settings.warnings, *warnings, *_remarks(contents, pairs)),
        categories,
    )


@dataclass(frozen=True)
class _Files:
    """The label files of pictures, and what is known of all of them.

    Attributes:
        labels: By picture.
        ignored: By picture; their objects are difficult or a crowd.
        settings: Of the dataset.
        outlines: Whether outlines are kept.
    """

    labels: dict[str, str]
    ignored: dict[str, str]
    settings: YoloSettings
    outlines: bool


def _entry(contents: FolderContents, name: str, usage: str | None, files: _Files) -> Entry:
    path = contents.path(name)
    try:
        width, height = picture_size(path)
    except PictureError:  # told by whoever checks the pictures
        return Entry(name, name, path, usage, no_objects())
    parts = [
        replace(part, ignored=part.ignored | ignored)
        for of_picture, ignored in ((files.labels, False), (files.ignored, True))
        if name in of_picture
        for part in [_annotation(contents, of_picture[name], files, width, height)]
    ]
    return Entry(name, name, path, usage, Annotation.joined(parts or [no_objects(width, height)]))


def _annotation(
    contents: FolderContents, file: str, files: _Files, width: int, height: int
) -> Annotation:
    try:
        text = decoded(contents.path(file).read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        problem = f"expected a text file of labels, found one that cannot be read: {error}"
        return no_objects(width, height, file, (Complaint(file, problem),))
    names, keypoints = files.settings.names, files.settings.keypoints
    return parse_labels(text, file, names, width, height, keypoints, files.outlines)


def _label_names(contents: FolderContents) -> list[str]:
    """Names of the .txt files that may hold labels: neither lists of classes nor of pictures."""
    lists = split_lists(contents)
    return [
        name
        for name in contents.files(".txt")
        if name not in lists
        if name.rpartition("/")[2].lower() not in NAME_LISTS or has_rows(contents, name)
    ]


def _is_ignored(name: str) -> bool:
    return IGNORED in name.split("/")[:-1]


def _remarks(contents: FolderContents, pairs: Pairs) -> tuple[str, ...]:
    """Lines to log about what the first label files hold."""
    samples = list(pairs.of_picture.values())[:SAMPLES]
    scored = [
        name for name in samples if any(map(has_confidence, contents.text(name).splitlines()))
    ]
    if not scored:
        return ()
    return (
        f"rows have a sixth number (in {len(scored)} of the first {len(samples)} label files): it "
        "is taken for the confidence of a model and passed over",
    )


def _refuse_keypoints(contents: FolderContents, pairs: Pairs) -> None:
    """Refuse rows of a box and keypoints that would be read as outlines.

    Raises:
        DataError: The first label files hold such rows.
    """
    names = list(pairs.of_picture.values())[:SAMPLES]
    lines = (line for name in names for line in contents.text(name).splitlines())
    count = undeclared_keypoints(map(numbers_of, lines))
    if count:
        raise DataError(
            f"expected boxes or outlines in the labels of {contents.root}, found rows of a box and "
            f"{count} keypoint(s) of two numbers, as in {names[0]}: write kpt_shape: [{count}, 2] "
            "into data.yaml, and the boxes are read"
        )


def yolo_files(contents: FolderContents) -> list[str]:
    """Return the least deep files that describe a YOLO dataset: a YAML or .data with `names`."""
    found = []
    for name in contents.files(".yaml", ".yml", ".data"):
        lines = contents.text(name).splitlines()
        keys = {line.replace("=", ":").partition(":")[0].strip(" \t'\"\ufeff") for line in lines}
        if "names" in keys and {key.lower() for key in keys} & {"train", "val", "valid"}:
            found.append(name)
    depth = min((name.count("/") for name in found), default=0)
    return [name for name in found if name.count("/") == depth]


def _name_lists(contents: FolderContents) -> list[str]:
    """Names of the files that list the classes, Label Studio's notes where there is no other."""
    names = contents.files(".txt", ".names", ".labels")
    found = [
        name
        for name in names
        if name.endswith(".names") or name.rpartition("/")[2].lower() in NAME_LISTS
        if not has_rows(contents, name)
    ]
    notes = [name for name in contents.files(".json") if name.rpartition("/")[2] == NOTES]
    return found or notes


def _classes(contents: FolderContents, files: Iterable[str]) -> tuple[str, ...]:
    """The classes that these files list: all the same, or a beginning of the longest list.

    LabelImg writes a list into each folder, and only adds to it.

    Raises:
        DataError: They differ, or name none, or one twice.
    """
    listed = {file: _classes_in(contents, file) for file in files}
    names = max(listed.values(), key=len)
    if any(names[: len(own)] != own for own in listed.values()):
        raise DataError(
            f"expected the same classes in {' and '.join(listed)} in {contents.root}, found "
            "different ones"
        )
    file = next(file for file, own in listed.items() if own == names)
    if not names or len(set(names)) < len(names):
        found = ", ".join(names) or "none"
        raise DataError(f"expected distinct class names in {contents.path(file)}, found {found}")
    return names


def _classes_in(contents: FolderContents, file: str) -> tuple[str, ...]:
    text = contents.whole_text(file)
    if not file.endswith(".json"):
        return tuple(listed_names(text))
    try:
        rows = sorted(json.loads(text)["categories"], key=lambda row: row["id"])
        if [row["id"] for row in rows] == list(range(len(rows))):
            return tuple(str(row["name"]) for row in rows)
    except (ValueError, KeyError, TypeError):
        pass
    raise DataError(f"expected 'categories' with ids 0, 1, 2 ... in {contents.path(file)}")


def _recognised(contents: FolderContents) -> Found | None:
    files = yolo_files(contents)
    stems = {folded(stem_of(name)) for name in contents.picture_names}
    labels = [name for name in _label_names(contents) if folded(stem_of(name[:-4])) in stems]
    samples = labels[:: max(1, len(labels) // SAMPLES)][:SAMPLES]
    rows = any(has_rows(contents, name) for name in samples)
    lists = _name_lists(contents)
    belongs = frozenset(lists)
    belongs |= {name for name in contents.files(".json") if name.rpartition("/")[2] == NOTES}
    if files and labels:
        return Found(tuple(files), Certainty.DECLARED, files[0], belongs, len(labels))
    if files:
        lacks = (
            f"but {files[0]} is there without labels: found {len(stems)} picture(s) and no label "
            "file (.txt) of the same name in labels/ or beside them"
        )
        return Found(tuple(files), Certainty.HINT, lacks, belongs)
    if rows and lists:
        what = f"{lists[0]} and {len(labels)} label files"
        return Found(tuple(lists), Certainty.CERTAIN, what, belongs, len(labels))
    if rows:
        lacks = (
            f"but without data.yaml or classes.txt, because {len(labels)} .txt have the names of "
            f"pictures and hold rows of numbers ({samples[0]}): add a classes.txt with one class "
            "name a line, in the order of the ids"
        )
        return Found(tuple(labels), Certainty.HINT, lacks)
    return None


def _read(found: Found, source: Source) -> Listing:
    contents = source.contents
    if found.files[0].lower().endswith((".yaml", ".yml", ".data")):
        source.only_path(found, READER.name)
        settings = read_settings(contents, found.files[0])
        return read_yolo(contents, settings, source.outlines)
    names = _classes(contents, found.files)
    return read_yolo(contents, YoloSettings(found.files[0], names, {}), source.outlines)


READER = Reader("YOLO", (".yaml", ".yml", ".data"), _recognised, _read)
