"""The observation of a model: records of what it sees in samples, and measures of their pictures.

Each picture is decoded once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algorithm.assessment.assessed_model import AssessedModel
from algorithm.assessment.sensitivity.picture_measures import PictureMeasures, measure_picture
from algorithm.data import Sample
from algorithm.data.feeding.decoding import PictureError, decode_image
from algorithm.errors import DataError
from algorithm.evaluation.mask_records import MaskRecords, make_mask_records
from algorithm.evaluation.records import Records, make_records

PATH_MAP = "path_map.json"  # cleaned file -> original, beside the manifest that `data clean` wrote
_EVERY = 100
_log = logging.getLogger("algorithm.assessment")


@dataclass(frozen=True)
class Observation:
    """What a model sees in pictures.

    Attributes:
        records: Truths and detections.
        measures: The measures of each picture, None where it cannot be read.
        paths: Local files, "" for none.
        masks: Of a model that gives them, where the truth has outlines.
    """

    records: Records
    measures: Sequence[PictureMeasures | None]
    paths: tuple[str, ...]
    masks: MaskRecords | None = None


def observe(
    samples: Sequence[Sample],
    label_names: Sequence[str],
    model: AssessedModel,
    originals: dict[str, str] | None = None,
) -> Observation:
    """Let a model look at samples.

    Args:
        samples: The samples.
        label_names: Names of the classes, class 1 first.
        model: The model; it is asked for masks where a sample has outlines.
        originals: The name to report by the name in the dataset.

    Returns:
        The observation.

    Raises:
        DataError: A picture cannot be read.
    """
    masked = model.detect_masks is not None and any_outline(samples)
    detect = model.detect_masks if masked and model.detect_masks else model.detect
    found, measures = [], []
    with ThreadPoolExecutor(1) as beside:
        for place, sample in enumerate(samples, start=1):
            pixels = _pixels(sample)
            measured = beside.submit(measure_picture, pixels, sample.boxes)
            found.append(detect(pixels))
            measures.append(measured.result())
            if place % _EVERY == 0 or place == len(samples):
                _log.info("assessed %d of %d pictures", place, len(samples))
    names = [(originals or {}).get(sample.source, sample.source) for sample in samples]
    records = make_records(
        label_names,
        names,
        [(sample.boxes, sample.labels, sample.is_crowd) for sample in samples],
        [(seen.boxes, seen.labels, seen.scores) for seen in found],
        [(row.height, row.width) for row in measures],
        [sample.areas for sample in samples],
    )
    masks = (
        make_mask_records(
            records, samples, [(seen.scores, seen.masks) for seen in found], model.input_size
        )
        if masked
        else None
    )
    return Observation(records, measures, tuple(sample.path for sample in samples), masks)


def any_outline(samples: Sequence[Sample]) -> bool:
    """Return whether any object of samples has an outline."""
    return any(outline is not None for sample in samples for outline in sample.outlines or ())


def original_names(dataset: Path) -> dict[str, str]:
    """Read the path map beside a manifest or in a folder.

    Args:
        dataset: The manifest or the folder.

    Returns:
        The original of each cleaned file; empty where there is no map.

    Raises:
        DataError: The map is not a JSON object of texts.
    """
    path = (dataset if dataset.is_dir() else dataset.parent) / PATH_MAP
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {str(cleaned): str(original) for cleaned, original in content.items()}
    except (ValueError, AttributeError) as error:
        raise DataError(
            f"expected a JSON object, cleaned file to original, in {path}, found something else "
            f"({error})"
        ) from error


def _pixels(sample: Sample) -> np.ndarray:
    try:
        return decode_image(Path(sample.path).read_bytes(), sample.source, sample.bit_depth)
    except (OSError, PictureError) as error:
        raise DataError(
            f"expected a readable picture, found {getattr(error, 'strerror', None) or error} at "
            f"{sample.source}: correct or remove it"
        ) from error
