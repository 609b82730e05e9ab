"""Check every entry of a listing against its picture; drop and repair what is wrong, or complain about all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from algorithm.data.annotation import Annotation, Complaint, Entry, Listing
from algorithm.data.box_rules import BOX_RULES
from algorithm.data.decoding import PictureError, decode_image, picture_size
from algorithm.errors import DataError
from algorithm.storage.writing import write_json

REPORT = "cleaning_report.json"
THREADS = 8
SHOWN = 20  # complaints listed in the error message
EDGE = 1.0  # pixels a box may reach over the edge without a word: one-based corners, rounding
SAME_ASPECT = 0.01  # relative difference up to which a recorded size is the real one at another scale
MOST_UNUSABLE = 0.5  # of the pictures: beyond it cleaning would hide that the dataset is wrong


@dataclass(frozen=True)
class CleaningAction:
    """One row of the cleaning report. object: "" when the whole picture or annotation is meant."""

    file: str
    object: str
    problem: str
    action: str


@dataclass(frozen=True)
class Checked:
    """An entry measured against its picture.

    width, height: of the upright picture. names, boxes, ignored: the objects that stay, boxes float32 [N, 4] yxyx
    pixels inside the picture. complaints: reasons for what does not stay. usable: False if the whole entry goes.
    notes: kinds of harmless repairs, each as often as it was made. clipped: things cut to the picture.
    """

    entry: Entry
    width: int = 0
    height: int = 0
    names: tuple[str, ...] = ()
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    ignored: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    complaints: tuple[Complaint, ...] = ()
    usable: bool = True
    notes: tuple[str, ...] = ()
    clipped: tuple[str, ...] = ()


def checked_entries(listing: Listing, *, clean: bool, work_dir: Path) -> tuple[list[Checked], list[str]]:
    """The usable entries, in order, and lines to log.

    With `clean`, every picture is decoded, what is wrong is dropped, and each action is a row of cleaning_report.json
    in work_dir. Without, only headers are read and anything wrong raises one DataError that lists the complaints.
    With `clean`, DataError when more than half of the pictures cannot be used. The source is never changed.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda entry: check_entry(entry, clean=clean), listing.entries))
    complaints = [*listing.complaints, *(complaint for result in results for complaint in result.complaints)]
    if complaints and not clean:
        raise DataError(complaint_text(complaints))
    usable = [result for result in results if result.usable]
    warnings = _repair_lines(usable)
    if clean:
        actions = _actions(listing, results)
        lost = len(results) - len(usable) + len(listing.complaints)
        _write_report(work_dir, actions, samples=len(usable) + lost, dropped=lost)
        if lost > MOST_UNUSABLE * (lost + len(usable)):
            raise DataError(f"expected most samples to be usable, found {lost} of {lost + len(usable)} that are not, "
                            f"the first: {complaints[0]}; see {work_dir / REPORT} and check data_url")
        if actions:
            warnings.append(f"data cleaning took {len(actions)} action(s): {_totals(actions)}; see {work_dir / REPORT}")
    return usable, warnings


def check_entry(entry: Entry, *, clean: bool) -> Checked:
    """The entry measured against its picture, which is decoded with `clean` and else only its header read."""
    if entry.annotation is None:
        return Checked(entry, complaints=entry.complaints, usable=False)
    try:
        width, height = _decoded_size(entry) if clean else picture_size(entry.path)
    except PictureError as error:
        problem = str(error).removeprefix(f"{entry.path}: ")
        return Checked(entry, complaints=(*entry.complaints, Complaint(entry.source, problem)), usable=False)
    try:
        raw, notes = _to_real_size(entry.annotation, width, height)
    except ValueError as error:
        wrong = Complaint(entry.annotation.file, str(error))
        return Checked(entry, complaints=(*entry.complaints, wrong), usable=False)
    return _check_boxes(entry, raw, width, height, notes, clean=clean)


def complaint_text(complaints: list[Complaint]) -> str:
    """One message for all complaints: count, the first one and the fix in its first line, then a list."""
    rest = len(complaints) - SHOWN
    lines = [f"expected a dataset without faults, found {len(complaints)}, the first: {complaints[0]}; "
             "correct them, or run with --do_data_cleaning=True to drop what cannot be used",
             *(f"  {complaint}" for complaint in complaints[:SHOWN])]
    return "\n".join(lines + ([f"  ... and {rest} more"] if rest > 0 else []))


def _decoded_size(entry: Entry) -> tuple[int, int]:
    try:
        data = entry.path.read_bytes()
    except OSError as error:
        raise PictureError(f"the picture cannot be read: {error.strerror or error}") from error
    height, width, _ = decode_image(data, str(entry.path)).shape
    return width, height


def _to_real_size(annotation: Annotation, width: int, height: int) -> tuple[np.ndarray, list[str]]:
    """Boxes in pixels of the real picture. The real size wins; a size of another shape raises ValueError.

    A recorded size of the same aspect is the picture before it was scaled: boxes scale along. Another aspect (also
    the turned one, when a tool ignored the EXIF orientation) leaves open where the boxes belong.
    """
    if None in (annotation.width, annotation.height) or (annotation.width, annotation.height) == (width, height):
        return annotation.boxes, []
    across, down = width / annotation.width, height / annotation.height
    if abs(across / down - 1) > SAME_ASPECT:
        raise ValueError(f"expected the size of the picture, {width}x{height} upright, found {annotation.width}x"
                         f"{annotation.height} recorded: annotate it again")
    return annotation.boxes * np.float32([down, across, down, across]), ["recorded size differs, boxes scaled along"]


def _check_boxes(entry: Entry, raw: np.ndarray, width: int, height: int, notes: list[str], *, clean: bool) -> Checked:
    annotation = entry.annotation
    clipped = raw.clip(0, np.float32([height, width, height, width]))
    over = np.abs(raw - clipped).max(axis=1, initial=0)
    keep = np.ones(len(raw), bool)
    complaints = [*entry.complaints, *annotation.complaints]
    for rule in BOX_RULES:
        if not (rule.always or clean):
            continue
        broken = np.flatnonzero(rule.bad(raw, clipped) & keep)
        keep[broken] = False
        for index in broken:
            box = ", ".join(f"{number:g}" for number in raw[index])
            problem = f"{rule.problem}: [ymin, xmin, ymax, xmax] = [{box}] in a picture of {width}x{height}"
            complaints.append(Complaint(annotation.file, problem, annotation.lines[index], annotation.things[index]))
    notes += ["box up to one pixel over the edge, clipped"] * int((keep & (over > 0) & (over <= EDGE)).sum())
    cut = np.flatnonzero(keep & (over > EDGE))
    notes += ["box partly outside the picture, clipped"] * len(cut)
    return Checked(entry, width, height, tuple(np.array(annotation.names, object)[keep]), clipped[keep],
                   annotation.ignored[keep], tuple(complaints), notes=tuple(notes),
                   clipped=tuple(annotation.things[index] for index in cut))


def _repair_lines(usable: Iterable[Checked]) -> list[str]:
    counts = Counter(note for result in usable for note in result.notes)
    return [f"{note}: {count} time(s)" for note, count in sorted(counts.items())]


def _actions(listing: Listing, results: list[Checked]) -> list[CleaningAction]:
    rows = [CleaningAction(wrong.file, wrong.thing, wrong.problem, "sample left out") for wrong in listing.complaints]
    for result in results:
        action = "object dropped" if result.usable else "picture left out"
        rows += [CleaningAction(wrong.file, wrong.thing, wrong.problem, action) for wrong in result.complaints]
        rows += [CleaningAction(result.entry.annotation.file, thing, "box partly outside the picture",
                                "clipped to the picture") for thing in result.clipped]
    return rows


def _totals(actions: list[CleaningAction]) -> str:
    counts = Counter(row.action for row in actions)
    return ", ".join(f"{action} {count}" for action, count in sorted(counts.items()))


def _write_report(work_dir: Path, actions: list[CleaningAction], *, samples: int, dropped: int) -> None:
    totals = {"samples": samples, "samples left out": dropped, **Counter(row.action for row in actions)}
    content = {"totals": totals, "actions": [asdict(row) for row in actions]}
    write_json(work_dir / REPORT, content)
