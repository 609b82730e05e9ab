"""Settings that fit a dataset, each with its reason in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from algorithm.data.checking.anchor_fit import AnchorFit
from algorithm.data.checking.box_table import MATCH, BoxTable
from algorithm.data.sample import Dataset
from algorithm.hyperparameters import larger_than
from algorithm.ops.anchors import anchor_grid

ENOUGH = 0.9  # share of the objects that an anchor should be able to match
WORTHWHILE = 0.03  # gain of that share for which a published setting is given up
ANCHOR_SCALES = (4.0, 3.0, 5.0, 2.5, 6.0, 2.0, 1.5, 1.0)  # nearest to the published ones first
MOST_ENLARGED = (
    2.0  # times the longer side of the typical picture: beyond it a larger input shows nothing new
)
PIXELS_A_DEVICE = (
    16 * 512 * 512
)  # of a batch: 16 pictures at 512 is what D0 trains with on a device of 16 GB
LEAST_STEPS = (
    8  # training steps of an epoch: fewer leave the learning rate schedule nothing to work with
)
LEAST_BATCH = 4  # as in jobs.freezing: batch norm learns nothing from fewer pictures


@dataclass(frozen=True)
class Suggestion:
    """A setting that might be changed.

    Attributes:
        setting: Name of the hyperparameter.
        current: What it is.
        value: What it might be.
        why: The reason, with numbers.
    """

    setting: str
    current: Any
    value: Any
    why: str

    @property
    def is_change(self) -> bool:
        """Whether it asks for something else than there is."""
        return self.current != self.value


@dataclass(frozen=True)
class ModelChoice:
    """A model that may be suggested.

    Attributes:
        image_size: Its input, (height, width).
        anchor_scale: The scale of its anchors.
        max_level: Its highest level.
    """

    name: str
    image_size: tuple[int, int]
    anchor_scale: float
    fit: AnchorFit | None = field(default=None, repr=False)
    max_level: int = 7

    def anchors(self) -> AnchorFit:
        """Its anchors; computed where they are not given."""
        return self.fit or AnchorFit(
            anchor_grid(self.image_size, max_level=self.max_level, anchor_scale=self.anchor_scale)
        )


def model_choices(presets: Iterable[Any]) -> tuple[ModelChoice, ...]:
    """Return the models that may be suggested.

    Args:
        presets: Rows of a table with name, image_size (a side), anchor_scale and max_level.
    """
    return tuple(
        ModelChoice(
            row.name, (row.image_size, row.image_size), row.anchor_scale, max_level=row.max_level
        )
        for row in presets
    )


@dataclass(frozen=True)
class _Fit:
    """A model and an anchor scale, and the share of the objects that such anchors can match."""

    choice: ModelChoice
    anchor_scale: float
    share: float


def suggestions(
    dataset: Dataset,
    table: BoxTable,
    chosen: ModelChoice,
    batch_size: int,
    choices: Sequence[ModelChoice] = (),
) -> tuple[Suggestion, ...]:
    """Suggest model_name, image_size, anchor_scale and train_batch_size for the objects in `table`.

    1. The chosen model at its own anchor scale, where it can match ENOUGH of the objects.
    2. It at the anchor scale that matches most, if that is ENOUGH or no larger model is WORTHWHILE.
    3. The smallest of the larger models that can match ENOUGH, else the one that matches most, up
       to an input MOST_ENLARGED times the typical picture.

    Args:
        dataset: The dataset.
        table: Its objects, measured at the chosen size.
        chosen: The chosen model.
        batch_size: As the job has it.
        choices: The models that may be suggested.

    Returns:
        The suggestions.
    """
    train_count, size = len(dataset.train), _typical(dataset)
    if not len(table.labels):
        return (_batch(chosen, batch_size, train_count),)
    own = _share(table, chosen, chosen, chosen.anchor_scale)
    fits = _fits(table, chosen, choices, own, limit=MOST_ENLARGED * max(size))
    best = fits[-1]
    why = _reason(fits, size, len(table.labels))
    return (
        Suggestion("model_name", chosen.name, best.choice.name, why),
        Suggestion("image_size", _shown(chosen.image_size), _shown(best.choice.image_size), why),
        Suggestion("anchor_scale", chosen.anchor_scale, best.anchor_scale, why),
        _batch(best.choice, batch_size, train_count),
    )


def _fits(
    table: BoxTable, chosen: ModelChoice, choices: Sequence[ModelChoice], own: _Fit, *, limit: float
) -> list[_Fit]:
    """Return ever better fits, the last of which is suggested.

    They are the chosen model as it is, at another anchor scale, and larger models.
    """
    if own.share >= ENOUGH:
        return [own]
    rescaled = _best_scale(table, chosen, chosen, own)
    fits = [own] if rescaled is own else [own, rescaled]
    for choice in _larger(chosen, choices, limit):
        if fits[-1].share >= ENOUGH:
            break
        fit = _best_scale(table, chosen, choice, _share(table, chosen, choice, choice.anchor_scale))
        if fit.share >= fits[-1].share + WORTHWHILE:
            fits.append(fit)
    return fits


def _larger(chosen: ModelChoice, choices: Sequence[ModelChoice], limit: float) -> list[ModelChoice]:
    """Larger models of the family with a larger input of at most `limit` pixels, smallest first."""
    known = {choice.name: choice for choice in choices}
    larger = (known[name] for name in larger_than(chosen.name) if name in known)
    return [choice for choice in larger if max(chosen.image_size) < max(choice.image_size) <= limit]


def _best_scale(table: BoxTable, measured: ModelChoice, choice: ModelChoice, start: _Fit) -> _Fit:
    """The model's own anchor scale, or another that matches WORTHWHILE more."""
    anchors, best = choice.anchors(), start
    for scale in ANCHOR_SCALES:
        fit = _share(table, measured, choice, scale, anchors)
        if fit.share >= best.share + WORTHWHILE:
            best = fit
    return best


def _share(
    table: BoxTable,
    measured: ModelChoice,
    choice: ModelChoice,
    scale: float,
    anchors: AnchorFit | None = None,
) -> _Fit:
    """Fit a model to a table that was measured at another size.

    Both inputs are squares or of one shape, so boxes scale by the sides.
    """
    zoom = np.float32(
        min(
            choice.image_size[0] / measured.image_size[0],
            choice.image_size[1] / measured.image_size[1],
        )
    )
    best = (anchors or choice.anchors()).best_iou(table.network * zoom, scale / choice.anchor_scale)
    return _Fit(choice, scale, float((best >= MATCH).mean()))


def _reason(fits: Sequence[_Fit], size: tuple[int, int], count: int) -> str:
    own, best = fits[0], fits[-1]
    found = (
        f"anchors of {own.choice.name} at {_shown(own.choice.image_size)} with anchor_scale "
        f"{own.anchor_scale:g} can match {own.share:.1%} of {count} objects at IoU {MATCH:g}"
    )
    others = [
        f"{fit.choice.name} at {_shown(fit.choice.image_size)} with anchor_scale "
        f"{fit.anchor_scale:g} {fit.share:.1%}"
        for fit in fits[1:]
    ]
    if others:
        pixels = np.prod(best.choice.image_size) / np.prod(own.choice.image_size)
        price = (
            f"; the last has {pixels:.1f} times the pixels to work through" if pixels > 1 else ""
        )
        return f"{found}, {', '.join(others)}{price}"
    if own.share >= ENOUGH:
        return f"{found}; that is enough"
    return (
        f"{found}; no other anchor_scale, and no larger model up to {MOST_ENLARGED:g} times the "
        f"typical picture, {size[1]}x{size[0]}, gains {WORTHWHILE:.0%}"
    )


def _typical(dataset: Dataset) -> tuple[int, int]:
    """(height, width) that half of the pictures exceed."""
    samples = (*dataset.train, *dataset.eval)
    height, width = (
        int(np.median([getattr(sample, side) for sample in samples]))
        for side in ("height", "width")
    )
    return height, width


def _batch(choice: ModelChoice, batch_size: int, train_count: int) -> Suggestion:
    by_memory = max(1, PIXELS_A_DEVICE // (choice.image_size[0] * choice.image_size[1]))
    by_steps = max(1, train_count // LEAST_STEPS)
    most = min(by_memory, max(by_steps, LEAST_BATCH))
    value = batch_size if batch_size <= most else 2 ** int(np.log2(most))
    return Suggestion(
        "train_batch_size",
        batch_size,
        value,
        f"a device of 16 GB holds about {by_memory} of {_shown(choice.image_size)} at once, and "
        f"{train_count} training pictures make {LEAST_STEPS} steps an epoch with at most "
        f"{by_steps}"
        + (
            f", but batch norm that is trained wants {LEAST_BATCH}"
            if by_steps < LEAST_BATCH
            else ""
        ),
    )


def _shown(size: tuple[int, int]) -> int | str:
    return size[0] if size[0] == size[1] else f"{size[0]}x{size[1]}"
