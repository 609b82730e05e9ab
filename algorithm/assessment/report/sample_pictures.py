"""Pictures for people: where the model is most wrong, and labels that deserve a look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from algorithm.assessment.advice.wording import SUSPECT_NAMES
from algorithm.assessment.analysis import Analysis
from algorithm.assessment.errors.error_kinds import CORRECT, FALSE_KINDS, MISSED_KINDS
from algorithm.assessment.errors.label_suspects import Suspect
from algorithm.data.feeding.decoding import FULL_DEPTH, PictureError, decode_image
from algorithm.evaluation.records import Records
from algorithm.pages.box_drawing import draw_detections

WIDTH = 360  # width of one picture in the report, in pixels
SUSPECT_MARGIN = 0.6  # on each side, in sides of the doubtful box
LEAST_CROP = 64
MOST_SUSPECTS = 12


@dataclass(frozen=True)
class Drawing:
    """A picture for people.

    Attributes:
        pixels: uint8 [H, W, 3].
        captions: (English, Chinese).
    """

    pixels: np.ndarray
    captions: tuple[str, str]


def worst_pictures(analysis: Analysis, most: int) -> list[int]:
    """Return the places of the pictures with most mistakes at the best confidence threshold.

    False detections and missed objects count alike.

    Args:
        analysis: What was found out.
        most: How many pictures at most.

    Returns:
        Their places, the worst first.
    """
    mistakes = _mistakes(analysis)
    order = np.argsort(-mistakes.sum(axis=0), kind="stable")[:most]
    return [int(place) for place in order if mistakes[:, place].any()]


def _mistakes(analysis: Analysis) -> np.ndarray:
    """Return int64 [2, P]: false detections and missed objects of each picture."""
    records, errors = analysis.records, analysis.errors
    return np.stack(
        [
            np.bincount(
                records.pictures[np.isin(errors.found_kinds, FALSE_KINDS)],
                minlength=len(records.names),
            ),
            np.bincount(
                records.truth_pictures[np.isin(errors.truth_kinds, MISSED_KINDS)],
                minlength=len(records.names),
            ),
        ]
    )


def draw_worst(
    analysis: Analysis,
    places: Sequence[int],
    paths: Sequence[str],
    bit_depth: int = FULL_DEPTH,
) -> Iterator[Drawing]:
    """Yield pictures with the labels on the left and the detections on the right.

    A picture that cannot be read is left out.

    Args:
        analysis: What was found out.
        places: Places of the pictures.
        paths: Picture files by place, "" (or none at all) where there is none.
        bit_depth: As of decode_image.

    Yields:
        A drawing of each.
    """
    records, mistakes = analysis.records, _mistakes(analysis)
    for place in places:
        pixels = read_picture(paths[place], bit_depth)
        if pixels is None:
            continue
        truths = records.truth_pictures == place
        seen = (records.pictures == place) & np.isin(
            analysis.errors.found_kinds, (CORRECT, *FALSE_KINDS)
        )
        left = _drawn(pixels, records, records.truth_boxes[truths], records.truth_labels[truths])
        right = _drawn(
            pixels, records, records.boxes[seen], records.labels[seen], records.scores[seen]
        )
        gap = np.full((left.shape[0], 6, 3), 255, np.uint8)
        false, missed = mistakes[:, place]
        yield Drawing(
            np.concatenate([left, gap, right], axis=1),
            (
                f"{records.names[place]}: {false} false, {missed} missed",
                f"{records.names[place]}: 误检 {false}, 漏检 {missed}",
            ),
        )


def draw_suspects(
    analysis: Analysis, paths: Sequence[str], bit_depth: int = FULL_DEPTH
) -> Iterator[Drawing]:
    """Yield the surroundings of labels in doubt.

    Each shows the label, if there is one, and the detection with its score.

    Args:
        analysis: What was found out.
        paths: Picture files by place, "" (or none at all) where there is none.
        bit_depth: As of decode_image.

    Yields:
        A drawing of each.
    """
    records = analysis.records
    for suspect in analysis.suspects[:MOST_SUSPECTS]:
        picture = int(records.pictures[suspect.found])
        pixels = read_picture(paths[picture], bit_depth)
        if pixels is not None:
            yield Drawing(_suspect(pixels, records, suspect), _suspect_captions(records, suspect))


def _suspect(pixels: np.ndarray, records: Records, suspect: Suspect) -> np.ndarray:
    box = records.boxes[suspect.found]
    shown = [box] if suspect.truth < 0 else [box, records.truth_boxes[suspect.truth]]
    top, left = np.min(shown, axis=0)[:2]
    bottom, right = np.max(shown, axis=0)[2:]
    margin = max(LEAST_CROP / 2, SUSPECT_MARGIN * max(bottom - top, right - left))
    top, left = (int(max(0, side - margin)) for side in (top, left))
    part = pixels[top : int(bottom + margin) + 1, left : int(right + margin) + 1]
    shift = np.array([top, left, top, left])
    scale = WIDTH / max(part.shape[:2])
    small = _resized(part, scale)
    if suspect.truth >= 0:
        label = f"label: {records.label_names[records.truth_labels[suspect.truth]]}"
        small = draw_detections(
            small, [(records.truth_boxes[suspect.truth] - shift) * scale], [label]
        )
    return draw_detections(
        small,
        [(box - shift) * scale],
        [records.label_names[records.labels[suspect.found]]],
        [suspect.score],
        label_names=records.label_names,
    )


def _suspect_captions(records: Records, suspect: Suspect) -> tuple[str, str]:
    name, found = (
        records.names[records.pictures[suspect.found]],
        records.label_names[records.labels[suspect.found]],
    )
    label = records.label_names[records.truth_labels[suspect.truth]] if suspect.truth >= 0 else ""
    english, chinese = SUSPECT_NAMES[suspect.kind]
    between = f"{label} → {found}" if label else found
    return (
        f"{english} {between}, {suspect.score:.2f}, {name}",
        f"{chinese}: {between}, {suspect.score:.2f}, {name}",
    )


def _drawn(
    pixels: np.ndarray,
    records: Records,
    boxes: np.ndarray,
    labels: np.ndarray,
    scores: np.ndarray | None = None,
) -> np.ndarray:
    scale = min(1.0, WIDTH / pixels.shape[1])
    return draw_detections(
        _resized(pixels, scale),
        boxes * scale,
        [records.label_names[label] for label in labels],
        None if scores is None else scores.tolist(),
        label_names=records.label_names,
    )


def _resized(pixels: np.ndarray, scale: float) -> np.ndarray:
    width, height = (max(1, round(side * scale)) for side in pixels.shape[1::-1])
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def read_picture(path: str, bit_depth: int) -> np.ndarray | None:
    """Return the pixels of a picture file, uint8 [H, W, 3], or None if it cannot be read."""
    try:
        return decode_image(Path(path).read_bytes(), path, bit_depth)
    except (OSError, PictureError):  # the figures do not need the picture
        return None
