"""A folder of pictures with PASCAL VOC XML of the same stem to a Listing."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from algorithm.data.readers.annotation import Complaint, Entry, LazyEntries, Listing
from algorithm.data.readers.folder_contents import FolderContents, files_below
from algorithm.data.readers.picture_lookup import PICTURE_SUFFIXES
from algorithm.data.readers.reader import Certainty, Found, Reader
from algorithm.data.readers.voc_xml import AnnotationError, read_voc
from algorithm.errors import DataError

LAYOUTS = (("images", "annotations"), ("jpegimages", "annotations"))  # folder names in lower case
SPLIT_LISTS = {"train": "train.txt", "eval": "val.txt"}


def read_folder(path: Path) -> Listing:
    """Listing of a folder: pictures and XML side by side, or in two sibling folders, paired by path without suffix.

    VOC's ImageSets/Main/train.txt and val.txt give the split where both are there; pictures in neither are left out.
    The two folders may lie deeper (VOCdevkit/VOC2007); several such years are read as one. XML is read when entries
    are asked for, its <filename> is not used. Raises DataError when there is no picture or no XML.
    """
    parts = [_read(path, root) for root in _nested(path)]
    joined = {
        field: sum((getattr(part, field) for part in parts), ())
        for field in ("complaints", "warnings")
    }
    return Listing(
        LazyEntries(lambda: (entry for part in parts for entry in part.entries)), **joined
    )


def _read(data: Path, path: Path) -> Listing:
    pictures_root, annotations_root = _roots(path)
    pictures = _by_stem(pictures_root, PICTURE_SUFFIXES)
    annotations = _by_stem(annotations_root, (".xml",))
    if not pictures or not annotations:
        raise DataError(
            f"expected pictures ({', '.join(PICTURE_SUFFIXES)}) and PASCAL VOC XML of the same name in {path}, found "
            f"{len(pictures)} picture(s) in {pictures_root} and {len(annotations)} XML in {annotations_root}: "
            "put them side by side, in images/ and annotations/, or give a .manifest"
        )
    usages, complaints = _split_lists(path, pictures)
    rows, warnings = [], []
    for stem in sorted(pictures if usages is None else usages.keys() & pictures.keys()):
        if len(pictures[stem]) > 1:
            names = ", ".join(picture.name for picture in pictures[stem])
            complaints.append(
                Complaint(
                    stem, f"expected one picture for one XML, found {names}: rename all but one"
                )
            )
            continue
        usage = None if usages is None else usages[stem]
        rows.append((pictures[stem][0], annotations.get(stem, []), usage))
    if usages is not None and len(pictures) > len(usages):
        unlisted = len(pictures.keys() - usages.keys())
        warnings.append(f"{unlisted} picture(s) that neither ImageSets list names are left out")
    for stem in sorted(annotations.keys() - pictures.keys()):
        name = annotations[stem][0].relative_to(data).as_posix()
        complaints.append(Complaint(name, "expected a picture of the same name, found none"))
    return Listing(
        LazyEntries(lambda: (_entry(data, *row) for row in rows)),
        tuple(complaints),
        tuple(warnings),
    )


def _nested(path: Path) -> list[Path]:
    """The folder itself, or those up to two levels below that have VOC's two folders, if it has not."""
    if _roots(path) != (path, path):
        return [path]
    below = [
        folder
        for pattern in ("*", "*/*")
        for folder in sorted(path.glob(pattern))
        if folder.is_dir()
        and (folder / "JPEGImages").is_dir()
        and (folder / "Annotations").is_dir()
    ]
    return below or [path]


def _roots(path: Path) -> tuple[Path, Path]:
    """The folder of the pictures and that of the XML."""
    by_name = {child.name.lower(): child for child in sorted(path.iterdir()) if child.is_dir()}
    for pictures, xml in LAYOUTS:
        if pictures in by_name and xml in by_name:
            return by_name[pictures], by_name[xml]
    return path, path


def _by_stem(root: Path, suffixes: tuple[str, ...]) -> dict[str, list[Path]]:
    found = defaultdict(list)
    for file in files_below(root, suffixes):
        found[file.relative_to(root).with_suffix("").as_posix()].append(file)
    return dict(found)


def _entry(root: Path, picture: Path, annotations: list[Path], usage: str | None) -> Entry:
    source = picture.relative_to(root).as_posix()
    if not annotations:
        missing = Complaint(
            source,
            "expected an XML of the same name, found none (an empty picture has an XML "
            "without objects)",
        )
        return Entry(source, source, picture, usage, None, (missing,))
    try:
        annotation = read_voc(annotations[0], annotations[0].relative_to(root).as_posix())
    except AnnotationError as error:
        return Entry(source, source, picture, usage, None, (error.complaint,))
    return Entry(source, source, picture, usage, annotation)


def _split_lists(
    path: Path, pictures: dict[str, list[Path]]
) -> tuple[dict[str, str] | None, list[Complaint]]:
    """Usage of each picture named in ImageSets, None without such lists; complaints for names without a picture."""
    lists = {usage: path / "ImageSets" / "Main" / name for usage, name in SPLIT_LISTS.items()}
    if not all(file.is_file() for file in lists.values()):
        return None, []
    usages, complaints = {}, []
    for usage, file in lists.items():
        for number, text in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1):
            stem = text.strip()
            if stem and stem not in pictures:
                name = file.relative_to(path).as_posix()
                complaints.append(
                    Complaint(name, f"expected the name of a picture, found {stem!r}", number)
                )
            elif stem:
                usages[stem] = usage
    return usages, complaints


def _recognised(contents: FolderContents) -> Found | None:
    xml = contents.files(".xml")
    if not xml:
        return None
    if not contents.picture_names:
        lacks = f"but there are {len(xml)} XML and no pictures: give the folder that holds both"
        return Found(tuple(xml), Certainty.HINT, lacks)
    return Found(tuple(xml), Certainty.LIKELY, f"{len(xml)} XML", frozenset(xml), len(xml))


READER = Reader("VOC XML", (), _recognised, lambda found, source: read_folder(source.contents.root))
