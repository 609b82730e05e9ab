"""Which samples train and which evaluate."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from algorithm.errors import DataError

EVAL_SHARE = 0.2
BOTH = ("train", "eval")
STATED = "stated by the dataset"


def assigned_usages(
    ids: list[str],
    usages: Sequence[str | None],
    classes: list[tuple[str, ...]],
    *,
    seed: int,
    require: tuple[str, ...] = BOTH,
    last: int = 0,
) -> tuple[list[str], str, list[str]]:
    """Return the usage of each sample, the rule that made the split, and lines to log.

    The first of these that applies decides:
    1. The dataset, or the split that a job recorded, states the usage of all samples: that counts.
       Where it does so for some, the others train, with a warning.
    2. The `last` samples are evaluated.
    3. Only "eval" is required: everything is evaluated.
    4. A stratified 80/20 split, a function of ids, classes and seed.

    Args:
        ids: The id of each sample.
        usages: What is stated of each sample, None where nothing is.
        classes: The class names of each sample's boxes.
        seed: Of the stratified split.
        require: The usages that must occur.
        last: How many samples at the end are for evaluation, where the dataset does not say so; 0
            for a split by seed.

    Returns:
        ("train" or "eval" of each sample, the rule in words, lines to log).

    Raises:
        DataError: A required usage has no sample.
    """
    chosen, rule, lines = _chosen(ids, usages, classes, seed, require, last)
    missing = [usage for usage in require if usage not in chosen]
    if missing:
        counts = ", ".join(f"{chosen.count(usage)} {usage.upper()}" for usage in BOTH)
        raise DataError(
            f"expected {' and '.join(usage.upper() for usage in require)} samples, found {counts}: "
            "publish a dataset version with a training ratio, or set no usage at all (what is "
            "called test never trains)"
        )
    return chosen, rule, lines


def _chosen(
    ids: list[str],
    usages: Sequence[str | None],
    classes: list[tuple[str, ...]],
    seed: int,
    require: tuple[str, ...],
    last: int,
) -> tuple[list[str], str, list[str]]:
    """The usages, the rule and the lines, by the first rule of assigned_usages that applies."""
    count = len(ids)
    if any(usages):
        lines = []
        if None in usages:
            lines.append(
                f"{usages.count(None)} of {count} samples have no usage and are used for training"
            )
        return [usage or "train" for usage in usages], STATED, lines
    if last:
        chosen = ["eval" if place >= count - last else "train" for place in range(count)]
        line = f"the last {chosen.count('eval')} of {count} samples evaluate"
        return chosen, f"the last {last}", [f"the dataset has no split: {line}"]
    if require == ("eval",):
        return ["eval"] * count, "none", ["the dataset has no split: all samples are evaluated"]
    evaluated = stratified_eval(ids, classes, seed)
    chosen = ["eval" if sample in evaluated else "train" for sample in ids]
    line = (
        f"{chosen.count('train')} samples train, {chosen.count('eval')} evaluate, chosen by seed "
        f"{seed}"
    )
    return chosen, f"seed {seed}", [f"the dataset has no split: {line}"]


def stratified_eval(ids: list[str], classes: list[tuple[str, ...]], seed: int) -> set[str]:
    """Return the ids of the fifth of the samples to evaluate.

    They are spread over groups by their rarest class. The only picture of a class stays in
    training. The result depends on nothing but the arguments, not on their order.

    Args:
        ids: The id of each sample.
        classes: The class names of each sample's boxes.
        seed: Another one gives another split.

    Raises:
        DataError: There are fewer than two samples.
    """
    if len(ids) < 2:
        raise DataError(
            f"expected at least 2 samples to split into TRAIN and EVAL, found {len(ids)}"
        )
    pictures = Counter(name for names in classes for name in set(names))
    groups = defaultdict(list)
    for sample, names in zip(ids, classes, strict=True):
        groups[min(set(names), key=lambda name: (pictures[name], name), default="")].append(sample)
    rng = np.random.default_rng(seed)
    spread = [
        str(sample)
        for name in sorted(groups)
        if not (name and pictures[name] == 1)
        for sample in rng.permutation(sorted(groups[name]))
    ]
    spread = spread or sorted(ids)
    wanted = min(max(1, round(EVAL_SHARE * len(ids))), len(spread))
    return {spread[int((place + 0.5) * len(spread) / wanted)] for place in range(wanted)}


def stratified_parts(
    ids: Sequence[str],
    classes: Sequence[tuple[str, ...]],
    groups: Sequence[int],
    fractions: Sequence[float],
    seed: int,
) -> list[int]:
    """Deal samples out to parts; samples of one group are in one part.

    Groups are dealt out class by class, the rarest first, each to the part that lacks most; what a
    part lacks in one class counts in the next. The first group of a class goes to the first part,
    which trains. Depends on nothing but the arguments, not on their order.

    Args:
        ids: Of the samples, all different.
        classes: The class names that each shows.
        groups: A number for each sample, the same for those that stay together.
        fractions: Of the samples for each part; they sum to 1.
        seed: Another one gives another split.

    Returns:
        The part of each sample, an index into `fractions`.

    Raises:
        DataError: There are fewer groups than parts.
    """
    members = defaultdict(list)
    for place, group in enumerate(groups):
        members[group].append(place)
    if len(members) < len(fractions):
        raise DataError(
            f"expected at least {len(fractions)} pictures that do not look the same, one for "
            "each part, "
            f"found {len(members)} among {len(ids)}: use fewer parts or more pictures"
        )
    pictures = Counter(name for names in classes for name in set(names))
    strata = defaultdict(list)
    for places in members.values():
        shown = {name for place in places for name in classes[place]}
        rarest = min(shown, key=lambda name: (pictures[name], name), default="")
        strata[rarest].append(sorted(places, key=lambda place: ids[place]))
    rng, share = np.random.default_rng(seed), np.array(fractions, np.float64)
    chosen, lacking = [0] * len(ids), np.zeros(len(share))
    for name in sorted(strata, key=lambda name: (pictures[name], name)):
        own = sorted(strata[name], key=lambda places: ids[places[0]])
        lacking = lacking + share * sum(map(len, own))
        for turn, number in enumerate(rng.permutation(len(own))):
            part = 0 if name and turn == 0 else int(lacking.argmax())
            lacking[part] -= len(own[number])
            for place in own[number]:
                chosen[place] = part
    _fill_empty_parts(chosen, strata, len(share))
    return chosen


def _fill_empty_parts(chosen: list[int], strata: dict[str, list[list[int]]], count: int) -> None:
    """Moves the smallest group of the fullest part into each part that got none.

    Changes `chosen`.
    """
    groups = sorted((places for own in strata.values() for places in own), key=len)
    for part in range(count):
        if part in chosen:
            continue
        held = Counter(chosen[places[0]] for places in groups)
        rich = max((one for one in held if held[one] > 1), key=lambda one: held[one])
        for place in next(places for places in groups if chosen[places[0]] == rich):
            chosen[place] = part
