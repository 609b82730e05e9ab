"""A dataset held against the split that a job recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from algorithm.data.split_record import SplitRecord
from algorithm.errors import DataError

UNCLEAR = "train or eval"


@dataclass(frozen=True)
class RecordedUsages:
    """The usages that a record gives to the samples of a dataset.

    Attributes:
        usages: "train" or "eval" of each sample; None where neither the record nor the dataset
            says.
        seen: Places of the samples that may have been trained on.
        same_eval: Whether the samples for evaluation are those of the record and no others.
        lines: To log.
    """

    usages: tuple[str | None, ...]
    seen: frozenset[int]
    same_eval: bool
    lines: tuple[str, ...]


def recorded_usages(
    record: SplitRecord,
    ids: Sequence[str],
    contents: Sequence[str],
    stated: Sequence[str | None],
    require: tuple[str, ...],
) -> RecordedUsages:
    """Give the samples of a dataset the usages that a job recorded.

    The content of a picture decides, whatever it is called. Its name, with or without folder and
    suffix, decides where the record has no contents, and for pictures that were written anew: where
    it knows some pictures of the dataset by content and all others by name. What is left is new:
    the dataset says what it is for, else it trains in a job that trains and evaluates in one that
    evaluates.

    Args:
        record: The split that the job recorded.
        ids: The names of the samples.
        contents: What each picture is recognised by, see split_record.content_of.
        stated: What the dataset says of each, None where it says nothing.
        require: The usages that must occur; with "train" they are for a job that trains.

    Returns:
        The usages. A record that knows none of the pictures leaves what the dataset says.

    Raises:
        DataError: An evaluation would have no picture that the model was not trained on.
    """
    named, trains = _by_name(record, ids), "train" in require
    sides = _by_content(record, ids, contents)
    known = [bool(side or name) for side, name in zip(sides, named, strict=True)]
    if record.names_only or (any(sides) and all(known)):
        sides = [
            side or (name if name != UNCLEAR else None)
            for side, name in zip(sides, named, strict=True)
        ]
    seen = frozenset(
        place
        for place, (side, name) in enumerate(zip(sides, named, strict=True))
        if side == "train" or (side is None and name in ("train", UNCLEAR))
    ) | trained_before(record.before, ids, contents)
    usages = tuple(
        side or own or (("train" if trains else "eval") if any(sides) else None)
        for side, own in zip(sides, stated, strict=True)
    )
    evaluated = {place for place, usage in enumerate(usages) if usage != "train"}
    if require == ("eval",) and any(sides) and not evaluated:
        raise DataError(
            f"expected pictures that the model was not trained on, found {len(seen)} of "
            f"{len(ids)} that it was trained on, as {record.place} says: give other pictures "
            "(evaluate --model_dir --split=train measures these)"
        )
    same = sorted(record.eval.values()) == sorted(contents[place] for place in evaluated)
    lines = _lines(record, usages, stated, sides.count(None), len(seen & evaluated), trains)
    return RecordedUsages(usages, seen, same, lines)


def trained_before(
    before: Mapping[str, str], ids: Sequence[str], contents: Sequence[str]
) -> frozenset[int]:
    """Return the places of the pictures that weights to start from may have been trained on.

    Args:
        before: The pictures that they were trained on, see SplitRecord.before.
        ids: The names of the samples.
        contents: What each picture is recognised by, see split_record.content_of.
    """
    if not before:
        return frozenset()
    record = SplitRecord("", "", before, {})
    return recorded_usages(record, ids, contents, [None] * len(ids), ()).seen


def _by_name(record: SplitRecord, ids: Sequence[str]) -> list[str | None]:
    """The side of each picture by its name, or by the name without folder and suffix.

    UNCLEAR where pictures of both sides are called so.
    """
    whole = {**dict.fromkeys(record.eval, "eval"), **dict.fromkeys(record.train, "train")}
    short: dict[str, str] = {}
    for name, side in whole.items():
        stem = _stem(name)
        short[stem] = side if short.get(stem, side) == side else UNCLEAR
    return [whole.get(name) or short.get(_stem(name)) for name in ids]


def _stem(name: str) -> str:
    return re.split(r"[/\\]", name)[-1].rpartition(".")[0].casefold() or name


def _by_content(
    record: SplitRecord, ids: Sequence[str], contents: Sequence[str]
) -> list[str | None]:
    """The side of each picture by its content.

    The same file may stand on both sides under two names: then its name tells them apart, and
    under a third name it was trained on.
    """
    shown = dict.fromkeys(filter(None, record.eval.values()), "eval")
    shown |= dict.fromkeys(filter(None, record.train.values()), "train")
    return [
        "eval" if record.eval.get(name) == content else shown.get(content)
        for name, content in zip(ids, contents, strict=True)
    ]


def _lines(
    record: SplitRecord,
    usages: Sequence[str | None],
    stated: Sequence[str | None],
    new: int,
    doubtful: int,
    trains: bool,
) -> tuple[str, ...]:
    count = len(usages)
    others = sum(bool(own) and own != usage for own, usage in zip(stated, usages, strict=True))
    against = f", against what the dataset says of {others} of them" * bool(others)
    counts = f"{usages.count('train')} samples train, {usages.count('eval')} evaluate"
    if trains:
        return (f"the split is that of {record.place}: {counts}{against}",)
    left_out = usages.count("train")
    evaluated = count - left_out
    lines = [
        f"the split is the one that the model was trained with ({record.place}): {evaluated} of "
        f"{count} pictures evaluate, {left_out} it was trained on and do not{against}"
    ]
    if new:
        lines = [
            f"{new} of {count} pictures are not in the split that the model was trained with "
            f"({record.place}): {evaluated} evaluate, {left_out} for training do not{against}"
        ]
    if new or doubtful:
        lines.append(
            f"{doubtful} of the {evaluated} pictures that evaluate may have been trained on (they "
            "have the name of a training picture"
            + ", or the weights that the job started from knew them)" * bool(record.before)
            + ")" * (not record.before)
        )
    return tuple(lines)
