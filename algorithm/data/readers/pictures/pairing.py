"""Which picture an annotation file of one picture belongs to, whatever the folders are called."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from algorithm.data.readers.annotation import Complaint
from algorithm.data.readers.pictures.picture_lookup import Pictures, folded, stem_of, suffix_of
from algorithm.data.split_names import usage_of_path

MASKS = ("segmentationclass", "segmentationobject", "masks", "mask", "pedmasks", "scribbles")
PICTURES = ("images", "jpegimages", "imgs", "img", "image", "pictures", "photos", "pngimages")
NO_PICTURE = "expected a picture of the same name, found none"
Rank = tuple[int, int, int, int]


@dataclass(frozen=True)
class Pairs:
    """Attributes are relative names.

    Attributes:
        of_picture: The annotation file of each picture that has one.
        bare: Pictures without a file, in folders where others have one.
        left_out: How many pictures lie in each folder where none has a file.
        orphans: Files of no picture, with what was expected and found.
        complaints: Files that fit several pictures equally well, and pictures with several files.
    """

    of_picture: dict[str, str]
    bare: list[str]
    left_out: dict[str, int]
    orphans: dict[str, str]
    complaints: tuple[Complaint, ...]


def paired(
    pictures: Pictures, files: Iterable[str], named: Callable[[str], str] | None = None
) -> Pairs:
    """Pair annotation files with pictures by stem; among several the nearest folder counts.

    Args:
        pictures: All pictures of the dataset.
        files: Relative names of the annotation files.
        named: The name of a picture that a file mentions; asked where its own name does not decide.

    Returns:
        The pairs.
    """
    claims: dict[str, list[tuple[Rank, str]]] = defaultdict(list)
    orphans: dict[str, str] = {}
    complaints = []
    disputed: set[str] = set()
    for file in files:
        fitting = _nearest(file, pictures)
        if len(fitting) != 1 and named is not None and (name := named(file)):
            meant = pictures.names(name, near=file.rpartition("/")[0])
            if fitting:  # its own name leaves several open
                meant = [one for one in meant if one in dict(fitting)]
            meant = [one for one in meant if not _is_mask(one)]
            fitting = [(one, (0, 0, 0, 0)) for one in meant] or fitting
        if len(fitting) == 1:
            claims[fitting[0][0]].append((fitting[0][1], file))
        elif fitting:
            names = " and ".join(name for name, _ in fitting[:3])
            problem = f"expected one picture of the same name, found {names}: rename all but one"
            complaints.append(Complaint(file, problem, usage=usage_of_path(file)))
            disputed.update(name for name, _ in fitting)
        else:
            orphans[file] = NO_PICTURE
    of_picture = {}
    for picture, rows in claims.items():
        best = max(rank for rank, _ in rows)
        owners = [file for rank, file in rows if rank == best]
        wrong = f"expected a picture of its own, found {picture}, which has the nearer {owners[0]}"
        orphans |= dict.fromkeys((file for rank, file in rows if rank != best), wrong)
        if len(owners) == 1:
            of_picture[picture] = owners[0]
        else:
            names = " and ".join(owners[:3])
            problem = f"expected one annotation file, found {names}: remove all but one"
            complaints.append(Complaint(picture, problem, usage=usage_of_path(picture)))
    bare, left_out = _without(pictures, {*claims, *disputed})
    return Pairs(of_picture, bare, left_out, dict(sorted(orphans.items())), tuple(complaints))


def folder_words(left_out: dict[str, int], kind: str) -> tuple[str, ...]:
    """Return a line to log for each folder of pictures that has no annotation file at all."""
    return tuple(
        f"{count} picture(s) in {folder or 'the folder itself'} are left out: none of them has "
        f"{kind}"
        for folder, count in sorted(left_out.items())
    )


def _without(pictures: Pictures, known: set[str]) -> tuple[list[str], dict[str, int]]:
    """Pictures without a file beside others that have one, and counts of the other folders."""
    lived_in = {name.rpartition("/")[0] for name in known}
    bare: list[str] = []
    left_out: Counter[str] = Counter()
    for name in pictures.all_names():
        if name in known:
            continue
        folder = name.rpartition("/")[0]
        if folder in lived_in:
            bare.append(name)
        elif not _is_mask(name):
            left_out[folder] += 1
    return bare, dict(left_out)


def _nearest(file: str, pictures: Pictures) -> list[tuple[str, Rank]]:
    """The pictures of the file's stem that lie nearest to it, with how near."""
    last = file.rpartition("/")[2]
    stem = last[: -len(suffix_of(last))]
    named = pictures.of_stem(stem) or pictures.of_stem(stem_of(stem))  # a.xml, or a.jpg.xml
    fitting = [name for name in named if not _is_mask(name)]
    usage = usage_of_path(file)
    if usage:
        fitting = [name for name in fitting if usage_of_path(name) in (usage, None)]
    ranks = [_rank(file, stem, name) for name in fitting]
    best = max(ranks, default=None)
    return [(name, rank) for name, rank in zip(fitting, ranks, strict=True) if rank == best]


def _rank(file: str, stem: str, picture: str) -> Rank:
    """How near a picture is to its file: mirrored folders, the same folder, shared folders."""
    own, other = (_folders(name) for name in (file, picture))
    ahead = _shared(own, other)
    behind = _shared(own[::-1], other[::-1]) if own != other else 0
    mirrored = own != other and len(own) == len(other) == ahead + behind + 1
    same = int(own == other) or 2 * int(
        mirrored and other[ahead] == "images" and own[ahead] == "labels"
    )
    known = int(bool(other) and any(part in PICTURES for part in other))
    return same, ahead + behind, known, int(stem_of(picture) == stem)


def _folders(name: str) -> list[str]:
    return [folded(part) for part in name.split("/")[:-1]]


def _shared(one: list[str], other: list[str]) -> int:
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _is_mask(name: str) -> bool:
    return any(part in MASKS for part in _folders(name))
