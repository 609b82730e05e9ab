"""The label map: which class names there are, in which order, and what is odd about them."""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from algorithm.errors import DataError

SHOWN = 5  # names in a message


def label_map(
    train: Iterable[str],
    categories: tuple[tuple[str, int], ...] = (),
    given: tuple[str, ...] | None = None,
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the label names and the category ids of a dataset.

    The first of these that there is decides:
    1. `given`, in its order; ids by name where the dataset brings them, else 1..K.
    2. `categories`, all of them in the order of their ids.
    3. The names of the training boxes, sorted; ids 1..K.

    Args:
        train: The class name of every training box.
        categories: (name, id) of the classes that the dataset itself declares (COCO).
        given: The classes of a model that exists.

    Returns:
        (label names, category ids), both of length K.

    Raises:
        DataError: Training boxes have a class that is not given.
    """
    counts = Counter(train)
    if given is not None:
        unknown = {name: count for name, count in counts.items() if name not in given}
        if unknown:
            raise DataError(
                f"found {_hinted(unknown, given)} in TRAIN, expected only the {len(given)} "
                f"class(es) of the model that training starts from, {_some(given)}: correct the "
                "annotations, or train new classes: give fine_tune_checkpoint_type=detection "
                "in place of full, or with another train_url where this one holds a checkpoint"
            )
        ids = dict(categories)
        return given, tuple(ids.get(name, position) for position, name in enumerate(given, start=1))
    if categories:
        return tuple(name for name, _ in categories), tuple(number for _, number in categories)
    names = tuple(sorted(counts))
    return names, tuple(range(1, len(names) + 1))


def require_listed(names: Iterable[str], categories: tuple[tuple[str, int], ...]) -> None:
    """Check that a dataset that lists its classes lists all of them.

    Args:
        names: Classes of the boxes, on both sides.
        categories: As of label_map; empty where the dataset lists no classes.

    Raises:
        DataError: A box has a class that is not listed.
    """
    listed = [name for name, _ in categories]
    unknown = sorted(set(names) - set(listed))
    if categories and unknown:
        raise DataError(
            f"expected boxes of the classes that the dataset lists, {_some(listed)}, found "
            f"{_some([*map(repr, unknown)])}: add what is missing to its label map or list of "
            "names"
        )


def no_boxes(
    pictures: int, losses: Sequence[str] = (), ignored: int = 0, notes: Sequence[str] = ()
) -> DataError:
    """Return the error of a training part without a box.

    Args:
        pictures: How many the part has.
        losses: Lines that say what was left out of the dataset.
        ignored: Boxes of the part that are difficult or a crowd, on which nothing is trained.
        notes: What reading the dataset met, such as pictures without a label file.
    """
    found = f"found {ignored or 'none'}" + ", all of them difficult or a crowd" * bool(ignored)
    why = (
        "; ".join(losses)
        or "annotate the pictures, or check that data_url names the annotated ones"
    )
    why += "".join(f"; {note}" for note in notes)
    return DataError(
        f"expected at least one box in TRAIN to learn from, {found} in {pictures} picture(s): {why}"
    )


def nothing_to_evaluate(pictures: int) -> str:
    """Return the line to log about an evaluation part without a box."""
    return (
        f"EVAL has no box in its {pictures} picture(s): no AP can be measured; annotate them, or "
        "split "
        "the data anew with `data split`"
    )


def missing_classes(evaluation: Iterable[str], label_names: tuple[str, ...]) -> tuple[str, ...]:
    """Return lines to log: classes of EVAL boxes that are no label, and labels without EVAL box."""
    counts = Counter(evaluation)
    unknown = {name: count for name, count in counts.items() if name not in label_names}
    unseen = [name for name in label_names if name not in counts] if counts else []
    lines = [
        f"class '{name}' is in EVAL but not in TRAIN: its {count} box(es) are left out of the "
        "evaluation"
        for name, count in sorted(unknown.items())
    ]
    if unseen:
        lines.append(
            f"classes without an EVAL box, which get no AP, {len(unseen)} in all: "
            f"{', '.join(unseen[:10])}"
        )
    return tuple(lines)


def near_duplicates(names: Iterable[str]) -> tuple[str, ...]:
    """Return lines to log: class names that differ only by case, spaces or full-width letters."""
    groups = defaultdict(set)
    for name in names:
        groups["".join(unicodedata.normalize("NFKC", name).casefold().split())].add(name)
    return tuple(
        f"classes {', '.join(repr(name) for name in sorted(group))} differ only by case, spaces "
        "or width and "
        "are trained as different classes"
        for _, group in sorted(groups.items())
        if len(group) > 1
    )


def _hinted(unknown: dict[str, int], given: tuple[str, ...]) -> str:
    parts = []
    for name, count in sorted(unknown.items()):
        close = difflib.get_close_matches(name, given, n=1)
        parts.append(
            f"'{name}' on {count} box(es)" + (f" (did you mean '{close[0]}'?)" if close else "")
        )
    return _some(parts)


def _some(parts: Sequence[str]) -> str:
    more = f" and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return ", ".join(parts[:SHOWN]) + more
