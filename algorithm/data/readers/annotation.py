"""What a reader finds before anything is checked: entries, their annotations, and complaints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from algorithm.data.outlines import Outline


@dataclass(frozen=True)
class Complaint:
    """One thing wrong with the data.

    Attributes:
        file: As the user knows it.
        problem: What was expected and what was found.
        line: In that file, if known.
        thing: The object complained about, "" when it is the whole picture or annotation.
        usage: The side of the split that it concerns, where a complaint of no entry knows it.
        repeated: Whether it names what is listed already, so that nothing is lost without it.
    """

    file: str
    problem: str
    line: int | None = None
    thing: str = ""
    usage: str | None = None
    repeated: bool = False

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.thing, self.problem) if part)


@dataclass(frozen=True, slots=True)
class Annotation:
    """The objects of one picture as its annotation records them.

    Attributes:
        names: Class of each object.
        boxes: float32 [N, 4] yxyx pixels of the recorded size.
        ignored: bool [N], difficult or crowd.
        width: Recorded width of the picture, None if absent.
        height: Recorded height of the picture, None if absent.
        file: Where the annotation was read.
        things: With `lines`, how to name each object to a person.
        lines: With `things`, how to name each object to a person.
        complaints: Objects left out, with the reason.
        filled: float32 [N], the share of its box that the object covers where the dataset records
            areas, else None.
        outlines: Of each object, None for one without; None where no object has one, or nobody
            asked for them. Corners are in pixels of the recorded size, run lengths of their own.
        outline_complaints: Outlines left out, with the reason; their objects stay.
    """

    names: tuple[str, ...]
    boxes: np.ndarray
    ignored: np.ndarray
    width: int | None
    height: int | None
    file: str = ""
    things: tuple[str, ...] = ()
    lines: tuple[int | None, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    filled: np.ndarray | None = None
    outlines: tuple[Outline | None, ...] | None = None
    outline_complaints: tuple[Complaint, ...] = ()

    @staticmethod
    def joined(parts: list[Annotation]) -> Annotation:
        """Return all objects of one picture; size and file are those of the first part."""
        if len(parts) == 1:
            return parts[0]
        filled = [
            np.ones(len(part.names), np.float32) if part.filled is None else part.filled
            for part in parts
        ]
        known = any(part.filled is not None for part in parts)
        outlines = [part.outlines or (None,) * len(part.names) for part in parts]
        drawn = any(part.outlines is not None for part in parts)
        return replace(
            parts[0],
            boxes=np.concatenate([part.boxes for part in parts]),
            ignored=np.concatenate([part.ignored for part in parts]),
            filled=np.concatenate(filled) if known else None,
            names=tuple(name for part in parts for name in part.names),
            things=tuple(thing for part in parts for thing in part.things),
            lines=tuple(line for part in parts for line in part.lines),
            complaints=tuple(complaint for part in parts for complaint in part.complaints),
            outlines=tuple(one for part in outlines for one in part) if drawn else None,
            outline_complaints=tuple(
                complaint for part in parts for complaint in part.outline_complaints
            ),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture that a dataset lists.

    Attributes:
        source: What the user called it.
        path: The local file.
        usage: "train", "eval" or None where none is given.
        annotation: None when it cannot be used; then complaints say why.
    """

    image_id: str
    source: str
    path: Path
    usage: str | None
    annotation: Annotation | None
    complaints: tuple[Complaint, ...] = ()

    @property
    def objects(self) -> Annotation:
        """The annotation, of an entry that has one.

        Raises:
            ValueError: It has none.
        """
        if self.annotation is None:
            raise ValueError(f"{self.source} has no annotation that can be used")
        return self.annotation


@dataclass(frozen=True)
class Listing:
    """All entries of a dataset, complaints that belong to none of them, and lines to log.

    Attributes:
        entries: May be read anew, file by file, at each pass over them (LazyEntries).
        categories: (name, category id) in label order where the dataset brings ids, else empty.
        name: Of the dataset, for people: its file or folder; "" where that is not known.
    """

    entries: Iterable[Entry]
    complaints: tuple[Complaint, ...] = ()
    warnings: tuple[str, ...] = ()
    categories: tuple[tuple[str, int], ...] = field(default=())
    name: str = ""


class LazyEntries:
    """Entries that each pass reads anew, so that a listing of any length takes little memory."""

    def __init__(self, make: Callable[[], Iterator[Entry]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Entry]:
        return self._make()


def as_boxes(rows: list[tuple[float, float, float, float]]) -> np.ndarray:
    """Return rows as float32 [N, 4], also where there are none."""
    return np.array(rows, np.float32).reshape(-1, 4)


def no_objects(
    width: int | None = None,
    height: int | None = None,
    file: str = "",
    complaints: tuple[Complaint, ...] = (),
) -> Annotation:
    """Return the annotation of a picture that shows nothing, or of which nothing can be used."""
    return Annotation(
        (), as_boxes([]), np.zeros(0, bool), width, height, file, complaints=complaints
    )
