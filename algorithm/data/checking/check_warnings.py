"""What about a dataset tends to spoil a training run: one row per rule, each with its numbers."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algorithm.data.checking.box_table import BoxTable
from algorithm.data.sample import Dataset, Sample
from algorithm.ops.anchors import BACKBONE_STRIDE, padded_size

FEW_TRAIN, FEW_EVAL, FEW_OBJECTS = 50, 10, 10
MOST_UNBALANCED = 100  # objects of the commonest class to one of the rarest
LEAST_MATCHED = 0.9
LEAST_PIXELS = 8  # network pixels: the stride of the finest level, where an object is a single cell
MANY = 0.05  # share of objects from which a peculiarity is worth a line
WHOLE = 0.95  # of the picture's area
MANY_WHOLE = 0.2  # share of the objects
LONG = 5.0  # ratio of the sides
SHOWN = 8  # names in a line
COCO_DETECTIONS = 100  # of a class in a picture; evaluation.average_precision has it too
READ = 256 * 2**20  # bytes hashed in search of pictures that are in TRAIN and EVAL


@dataclass(frozen=True)
class Copies:
    """Pictures of EVAL that are in TRAIN too.

    Attributes:
        pairs: A sample of EVAL and one of TRAIN with the same file.
        whole: Whether all files were compared.
    """

    pairs: tuple[tuple[Sample, Sample], ...]
    whole: bool


@dataclass(frozen=True)
class Look:
    """What the rules look at."""

    dataset: Dataset
    table: BoxTable
    max_detections: int
    model_name: str
    image_size: tuple[int, int]
    copies: Copies


def data_warnings(
    dataset: Dataset,
    table: BoxTable,
    copies: Copies,
    *,
    max_detections: int,
    model_name: str,
    image_size: tuple[int, int],
) -> tuple[str, ...]:
    """Return lines to log, most harmful first; empty where nothing stands out."""
    look = Look(dataset, table, max_detections, model_name, image_size, copies)
    return tuple(line for rule in RULES for line in rule(look))


def _anchors(look: Look) -> Iterator[str]:
    if look.table.matched is not None and look.table.matched < LEAST_MATCHED:
        yield (
            f"{1 - look.table.matched:.1%} of the objects overlap no anchor of {look.model_name} "
            "by an IoU of 0.5: "
            "each gets its single best anchor only and will be learnt slowly; see the suggested "
            "settings"
        )


def _tiny(look: Look) -> Iterator[str]:
    tiny = look.table.sizes.min(axis=1, initial=np.inf) < LEAST_PIXELS
    if len(tiny) and tiny.mean() > MANY:
        yield (
            f"{tiny.sum()} of {len(tiny)} objects ({tiny.mean():.1%}) have a side under "
            f"{LEAST_PIXELS} network "
            "pixels and can hardly be seen: use a larger image_size, or cut the pictures into tiles"
        )


def _padded(look: Look) -> Iterator[str]:
    larger = padded_size(look.image_size)
    if larger != look.image_size:
        smaller = [max(side // BACKBONE_STRIDE, 1) * BACKBONE_STRIDE for side in look.image_size]
        yield (
            "image_size={}x{}: expected multiples of {}, the network pads it to {}x{} and takes as "
            "long as there; {}x{} shows the objects larger at the same cost, {}x{} is faster"
        ).format(*look.image_size, BACKBONE_STRIDE, *larger, *larger, *smaller)


def _few(look: Look) -> Iterator[str]:
    for samples, least, usage in (
        (look.dataset.train, FEW_TRAIN, "training"),
        (look.dataset.eval, FEW_EVAL, "evaluation"),
    ):
        if len(samples) < least:
            yield (
                f"{usage} pictures: expected at least {least} for figures that mean something, "
                f"found {len(samples)}"
            )


def _rare(look: Look) -> Iterator[str]:
    names, table = look.dataset.label_names, look.table
    counts = np.bincount(
        table.labels[table.picture < len(look.dataset.train)], minlength=len(names)
    )
    rare = [
        f"{name} ({count})"
        for name, count in zip(names, counts, strict=True)
        if count < FEW_OBJECTS
    ]
    if rare:
        more = f" and {len(rare) - SHOWN} more" if len(rare) > SHOWN else ""
        yield (
            f"classes with fewer than {FEW_OBJECTS} training objects, {len(rare)} in all: "
            f"{', '.join(rare[:SHOWN])}{more}"
        )
    if len(counts) and counts.max() > MOST_UNBALANCED * counts.min() > 0:
        yield (
            f"classes are unbalanced: {names[counts.argmax()]} has {counts.max()} training "
            "objects, "
            f"{names[counts.argmin()]} {counts.min()}; class_weights=auto (in hparams) lets rare "
            "classes count more"
        )


def _crowded(look: Look) -> Iterator[str]:
    samples = (*look.dataset.train, *look.dataset.eval)
    counts = np.array([len(sample.labels) for sample in samples])
    over = counts > look.max_detections
    if over.any():
        yield (
            f"{over.sum()} picture(s) have more than max_detections={look.max_detections} "
            "objects, the most is "
            f"{counts.max()} in {samples[int(counts.argmax())].source}: raise max_detections, or "
            "they cannot all "
            "be found"
        )
    most = np.array(
        [np.bincount(sample.labels).max(initial=0) for sample in look.dataset.eval], np.int64
    )
    beyond = most > COCO_DETECTIONS
    if beyond.any() and look.max_detections > COCO_DETECTIONS:
        yield (
            f"{beyond.sum()} evaluation picture(s) have more than {COCO_DETECTIONS} objects of a "
            f"class, the most is {most.max()}: COCO's AP and AR{COCO_DETECTIONS} count the best "
            f"{COCO_DETECTIONS} detections of a class in a picture and cannot reach 1 here; look "
            f"at AR{look.max_detections}, precision, recall and F1, which count all"
        )


def _empty(look: Look) -> Iterator[str]:
    for samples, usage in ((look.dataset.train, "training"), (look.dataset.eval, "evaluation")):
        empty = sum(not len(sample.labels) for sample in samples)
        if empty > len(samples) / 2:
            yield (
                f"{empty} of {len(samples)} {usage} pictures have no object: are annotations "
                "missing?"
            )


def _bare(look: Look) -> Iterator[str]:
    drawn = [
        one is not None
        for sample in (*look.dataset.train, *look.dataset.eval)
        for one in sample.outlines or ()
    ]
    bare = len(drawn) - sum(drawn)
    if bare:
        yield (
            f"{bare} of {len(drawn)} objects have no outline beside others that have one: boxes "
            "are learnt from them, masks are not"
        )


def _odd_shapes(look: Look) -> Iterator[str]:
    sizes = look.table.sizes
    if not len(sizes):
        return
    ratio = sizes.max(axis=1) / np.maximum(sizes.min(axis=1), 1e-6)
    if (ratio > LONG).mean() > MANY:
        yield (
            f"{(ratio > LONG).mean():.1%} of the objects are more than {LONG:g} times as long as "
            "wide"
        )
    filled = (look.table.filled > WHOLE).mean()
    if filled > MANY_WHOLE:
        yield (
            f"{filled:.1%} of the objects fill {WHOLE:.0%} of their picture or more: for those a "
            "classifier is "
            "enough"
        )


def _leaks(look: Look) -> Iterator[str]:
    pairs = look.copies.pairs
    if pairs:
        named = ", ".join(f"{one.source} = {other.source}" for one, other in pairs[:3])
        yield (
            f"{len(pairs)} evaluation picture(s) are also in TRAIN, the same file ({named}): "
            "what is measured on "
            "them is too good; clean the data"
            + ("" if look.copies.whole else " (a part of the files was compared)")
        )


def same_files(train: Sequence[Sample], evaluated: Sequence[Sample]) -> Copies:
    """Find pictures of EVAL that are in TRAIN too; only files of equal size are read."""
    by_size: dict[int, tuple[list[Sample], list[Sample]]] = defaultdict(lambda: ([], []))
    for place, samples in enumerate((train, evaluated)):
        for sample in samples:
            with suppress(OSError):  # a picture that is gone is named when it is read
                by_size[Path(sample.path).stat().st_size][place].append(sample)
    found: list[tuple[Sample, Sample]] = []
    budget = READ
    for size, (some, others) in sorted(by_size.items()):
        if some and others:
            budget -= size * (len(some) + len(others))
            if budget < 0:
                return Copies(tuple(found), False)
            digests = {_digest(sample): sample for sample in some}
            found += [
                (sample, digests[digest])
                for sample in others
                if (digest := _digest(sample)) in digests
            ]
    return Copies(tuple(found), True)


def _digest(sample: Sample) -> bytes:
    return hashlib.sha256(Path(sample.path).read_bytes()).digest()


RULES: tuple[Callable[[Look], Iterator[str]], ...] = (
    _leaks,
    _anchors,
    _tiny,
    _padded,
    _few,
    _rare,
    _crowded,
    _empty,
    _bare,
    _odd_shapes,
)
