"""The analysis of masks, beside that of their boxes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from algorithm.assessment.errors.error_costs import LEAST_COST
from algorithm.assessment.errors.error_kinds import Errors
from algorithm.assessment.masks.mask_fits import KINDS, LEAK, SPILL, MaskFits, measure_fits
from algorithm.evaluation.average_precision import (
    LARGE,
    SMALL,
    average_precision,
    coco_figures,
)
from algorithm.evaluation.bootstrap import resample
from algorithm.evaluation.detection_matching import Overlaps
from algorithm.evaluation.mask_records import MaskRecords
from algorithm.evaluation.resampled import Interval, Resampled

GRID = "grid"
COSTED = (*KINDS, GRID)
WORST = 12
FITS_FROM = 0.75  # IoU; AP75 asks as much
SIZES = (("small", 0.0, SMALL), ("medium", SMALL, LARGE), ("large", LARGE, np.inf))


@dataclass(frozen=True)
class Quality:
    """How well some masks fit.

    Attributes:
        matched: How many there are: detections whose box matches an outlined object.
        mask_iou: Their mean IoU, None without any.
        boundary_iou: Their mean boundary IoU.
        grid_iou: The mean IoU that their outlines keep on the network's grid, None where the grid
            is unknown.
    """

    matched: int
    mask_iou: float | None
    boundary_iou: float | None
    grid_iou: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for a JSON file."""
        return asdict(self)


@dataclass(frozen=True)
class MaskAnalysis:
    """What was found out about the masks of one set of predictions.

    Attributes:
        masks: The masks.
        figures: COCO's 12 figures of masks, None where undefined.
        per_class: AP and AP50 of each class.
        resampled: AP of masks in resamples of the pictures.
        fits: The masks of detections whose box is right at the best confidence.
        costs: AP of masks lost to each of COSTED, by all detections.
        cost_intervals: The 95 % intervals of those that are worth advice.
    """

    masks: MaskRecords
    figures: dict[str, float | None]
    per_class: list[dict[str, float | None]]
    resampled: Resampled
    fits: MaskFits
    costs: dict[str, float]
    cost_intervals: dict[str, Interval | None]

    @property
    def misfits(self) -> np.ndarray:
        """bool [N]: whose IoU is below FITS_FROM."""
        return self.fits.iou < FITS_FROM

    @property
    def main_kinds(self) -> np.ndarray:
        """int64 [N]: the place in KINDS of what each mask loses most to."""
        return self.fits.lost.argmax(axis=1)

    def quality(self, chosen: np.ndarray | None = None) -> Quality:
        """Return how well all masks fit, or those that `chosen`, bool [N], marks."""
        fits = self.fits if chosen is None else self.fits.kept(chosen)
        return Quality(len(fits.iou), _mean(fits.iou), _mean(fits.boundary), _mean(1 - fits.grid))

    def of_class(self, label: int) -> Quality:
        """Return how well the masks of a class fit."""
        return self.quality(self.masks.records.truth_labels[self.fits.truth] == label)

    def of_sizes(self) -> dict[str, Quality]:
        """Return how well the masks of small, medium and large objects fit."""
        areas = self.masks.records.areas[self.fits.truth]
        return {name: self.quality((areas >= low) & (areas < high)) for name, low, high in SIZES}

    def lost(self) -> dict[str, float]:
        """Return the mean IoU that is lost to each of KINDS; 0 without masks."""
        means = self.fits.lost.mean(axis=0) if len(self.fits.lost) else np.zeros(len(KINDS))
        return dict(zip(KINDS, means.tolist(), strict=True))

    def shares(self) -> dict[str, float]:
        """Return the share of the lost IoU of each of KINDS; 0 where none is lost."""
        lost = self.lost()
        total = sum(lost.values())
        return {kind: part / total if total else 0.0 for kind, part in lost.items()}

    def misfits_by_kind(self) -> dict[str, int]:
        """Return how many misfits lose most to each of KINDS."""
        main = self.main_kinds[self.misfits]
        return {kind: int((main == place).sum()) for place, kind in enumerate(KINDS)}

    def worst(self) -> list[int]:
        """Return the places in `fits` of the worst misfit of each picture, WORST at most."""
        order = np.argsort(self.fits.iou, kind="stable")
        order = order[self.misfits[order]]
        pictures = self.masks.records.pictures[self.fits.found[order]]
        first = np.sort(np.unique(pictures, return_index=True)[1])
        return order[first][:WORST].tolist()

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for a JSON file: plain numbers, None for what is undefined."""
        names, shares, lost = self.masks.records.label_names, self.shares(), self.lost()
        misfits = self.misfits_by_kind()
        return {
            "metrics": self.figures,
            "outlines": int(self.masks.outlined.sum()),
            **self.quality().as_dict(),
            "misfits": int(self.misfits.sum()),
            "per_class": {
                name: {**self.per_class[label], **self.of_class(label).as_dict()}
                for label, name in enumerate(names)
            },
            "per_size": {name: row.as_dict() for name, row in self.of_sizes().items()},
            "errors": {
                kind: {
                    "lost_iou": lost[kind],
                    "share": shares[kind],
                    "misfits": misfits[kind],
                }
                for kind in KINDS
            },
            "error_costs": self.costs,
            "error_cost_intervals": self.cost_intervals,
            "worst_masks": [self._mask_row(place) for place in self.worst()],
            "intervals": self.resampled.intervals(names),
            "resampled": self.resampled.as_dict(classes=True),
        }

    def _mask_row(self, place: int) -> dict[str, Any]:
        records, fits = self.masks.records, self.fits
        found = fits.found[place]
        return {
            "picture": records.names[records.pictures[found]],
            "class": records.label_names[records.labels[found]],
            "score": float(records.scores[found]),
            "box": records.boxes[found].round(1).tolist(),
            "mask_iou": float(fits.iou[place]),
            "boundary_iou": float(fits.boundary[place]),
            "mostly": KINDS[self.main_kinds[place]],
        }


def analyse_masks(masks: MaskRecords, all_errors: Errors, errors: Errors) -> MaskAnalysis:
    """Analyse masks.

    Args:
        masks: The masks.
        all_errors: The errors of the boxes at confidence 0.
        errors: The errors of the boxes at the best confidence.

    Returns:
        The analysis.
    """
    records, overlaps = masks.records, masks.overlaps
    figures, per_class = coco_figures(records, overlaps, masks.found_areas)
    fits = measure_fits(masks, all_errors.matched)
    base = average_precision(records, overlaps)
    mended = {kind: _mended(overlaps, fits, kind) for kind in COSTED if _known(fits, kind)}
    costs = {
        kind: max(0.0, average_precision(records, pairs) - base) for kind, pairs in mended.items()
    }
    resampled = resample(records, overlaps)
    return MaskAnalysis(
        masks,
        figures,
        per_class,
        resampled,
        fits.kept(errors.matched[fits.found] == fits.truth),
        costs,
        _intervals(masks, resampled, mended, (k for k in costs if costs[k] >= LEAST_COST)),
    )


def _known(fits: MaskFits, kind: str) -> bool:
    return kind != GRID or bool(np.isfinite(fits.grid).any())


def _mended(overlaps: Overlaps, fits: MaskFits, kind: str) -> Overlaps:
    """The overlaps if nothing were lost to a kind; a mask keeps its IoU with other objects."""
    width = 1 + max(overlaps.truth.max(initial=0), fits.truth.max(initial=0))
    others = ~np.isin(overlaps.found * width + overlaps.truth, fits.found * width + fits.truth)
    return Overlaps(
        np.concatenate([overlaps.found[others], fits.found]),
        np.concatenate([overlaps.truth[others], fits.truth]),
        np.concatenate([overlaps.iou[others], _iou_without(fits, kind)]),
        np.concatenate([overlaps.same[others], np.ones(len(fits.found), bool)]),
        overlaps.rank,
    )


def _iou_without(fits: MaskFits, kind: str) -> np.ndarray:
    """float64 [N]: the IoU of masks that lose nothing to a kind."""
    if kind == GRID:
        return np.minimum(fits.iou + fits.grid, 1.0)
    lost = fits.lost[:, KINDS.index(kind)]
    if kind in (LEAK, SPILL):  # the union is smaller by these pixels
        return fits.iou / (1 - lost)
    return fits.iou + lost


def _intervals(
    masks: MaskRecords,
    before: Resampled,
    mended: dict[str, Overlaps],
    kinds: Iterable[str],
) -> dict[str, Interval | None]:
    return {
        kind: resample(masks.records, mended[kind]).change_since(before, "AP") for kind in kinds
    }


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) and np.isfinite(values).all() else None
