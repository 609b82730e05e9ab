"""plots/ of a job: its curves, its figures and its pictures as PNG files."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from algorithm.data import Dataset
from algorithm.evaluation.evaluator import side_by_side
from algorithm.hyperparameters import Hyperparameters
from algorithm.jobs.from_hyperparameters import device_batch, training_batches
from algorithm.jobs.outputs.best_detections import load_detections
from algorithm.jobs.outputs.confusion_picture import confusion_of
from algorithm.jobs.outputs.run_folder import RunFolder
from algorithm.jobs.outputs.training_curves import Curve, read_curves
from algorithm.models import Detector
from algorithm.pages.box_drawing import draw_detections
from algorithm.pages.charts import BLUE, ORANGE
from algorithm.storage.atomic_files import write_bytes

_log = logging.getLogger("algorithm.jobs.job")
FOLDER = "plots"
_SHOWN = 8  # pictures on a page
_COLUMNS = 2  # of a page of EVAL pictures, each drawn twice
_SIDE = 480  # pixels of the longer side of a picture on a page


def write_plots(
    hp: Hyperparameters,
    detector: Detector,
    dataset: Dataset,
    run_folder: RunFolder,
) -> None:
    """Draw a finished job into plots/.

    Args:
        hp: The job's hyperparameters.
        detector: The network, for its input size.
        dataset: The job's data.
        run_folder: Holds events and the best checkpoint; gets plots/.
    """
    begun = time.perf_counter()
    folder = run_folder.folder / FOLDER
    best = run_folder.best
    figures = best.figures()
    drawings: dict[str, np.ndarray] = {
        "curves.png": _curves(read_curves(run_folder.folder)),
        "labels.png": _labels(dataset),
        "training_pictures.png": _training_pictures(hp, detector, dataset),
    }
    detections = load_detections(best.folder, int(figures.get("global_step") or -1))
    if detections is None or len(detections) != len(dataset.eval):
        _log.info(
            "plots: the best checkpoint's detections are not at hand, so there are no plots of them"
        )
    elif detections:
        drawings |= _of_detections(dataset, detections, figures.get("confidence_threshold") or 0.0)
    for name, picture in drawings.items():
        content = io.BytesIO()
        Image.fromarray(picture).save(content, "PNG")
        write_bytes(folder / name, content.getvalue())
    _log.info("plots: %d in %s, %.1f s", len(drawings), folder, time.perf_counter() - begun)


def _of_detections(
    dataset: Dataset, detections: Sequence[dict[str, np.ndarray]], threshold: float
) -> dict[str, np.ndarray]:
    from algorithm.assessment.curves import precision_recall
    from algorithm.assessment.errors.error_kinds import find_errors
    from algorithm.assessment.report import plots
    from algorithm.evaluation.detection_matching import find_overlaps, hits_and_misses
    from algorithm.evaluation.operating_point import confidence_curve

    records, matrix = confusion_of(dataset, detections, threshold)
    overlaps = find_overlaps(records)
    points = precision_recall(records, find_errors(records, overlaps))
    curve = confidence_curve(
        records.labels,
        records.scores,
        *hits_and_misses(records, overlaps),
        records.truths_per_class(),
    )
    shown = [
        side_by_side(sample, found, dataset.label_names, threshold)
        for sample, found in zip(dataset.eval[:_SHOWN], detections, strict=False)
    ]
    return {
        "precision_recall.png": plots.pixels(
            plots.precision_recall_drawing(records, points, in_pixels=True)
        ),
        "f1_confidence.png": plots.pixels(plots.mean_f1_drawing(curve)),
        "confusion_matrix.png": plots.confusion_pixels(records, matrix),
        "eval_pictures.png": _page(shown, _COLUMNS, 2 * _SIDE),
    }


def _curves(curves: dict[str, Curve]) -> np.ndarray:
    """Draw losses on the left and AP on the right, over the steps."""
    rows = [
        (("train/loss", "train/cls_loss", "train/box_loss"), "loss"),
        (("eval/AP", "eval/AP50"), "AP"),
        (("train/learning_rate",), "learning rate"),
    ]
    return np.concatenate(
        [_pixels(_curve_drawing(curves, tags, title), 4.6, 3.2) for tags, title in rows], axis=1
    )


def _curve_drawing(
    curves: dict[str, Curve], tags: Sequence[str], title: str
) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        for tag in tags:
            if points := curves.get(tag):
                marker = "o" if len(points) < 40 and tag.startswith("eval") else ""
                axes.plot(
                    list(points),
                    list(points.values()),
                    label=tag.partition("/")[2],
                    marker=marker,
                    markersize=3,
                )
        axes.set(xlabel="step", ylabel=title)
        axes.set_ylim(bottom=0, top=1 if title == "AP" else None)
        if axes.lines:
            axes.legend(fontsize=8)
        else:
            axes.text(0.5, 0.5, "nothing recorded", ha="center", transform=axes.transAxes)

    return draw


def _labels(dataset: Dataset) -> np.ndarray:
    """Draw the objects of each class, and the sizes of all boxes as shares of their pictures."""
    samples = (*dataset.train, *dataset.eval)
    names = dataset.label_names
    sides = {"TRAIN": dataset.train, "EVAL": dataset.eval}
    counts = {
        side: np.bincount(
            np.concatenate([np.zeros(0, int), *(sample.labels for sample in part)]),
            minlength=len(names),
        )
        for side, part in sides.items()
    }
    shown = (-counts["TRAIN"] - counts["EVAL"]).argsort(kind="stable")[:20]
    sizes = np.concatenate(
        [np.zeros((0, 2))]
        + [
            (sample.boxes[:, 2:] - sample.boxes[:, :2]) / (sample.height, sample.width)
            for sample in samples
        ]
    )

    def classes(axes: Any) -> None:
        left = np.zeros(len(shown))
        for side, colour in (("TRAIN", BLUE), ("EVAL", ORANGE)):
            axes.barh(range(len(shown)), counts[side][shown], left=left, color=colour, label=side)
            left = left + counts[side][shown]
        axes.set_yticks(range(len(shown)), [_written(names, label) for label in shown], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlabel("objects")
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=2)

    def boxes(axes: Any) -> None:
        axes.scatter(sizes[:, 1], sizes[:, 0], s=4, alpha=0.4, color=BLUE, linewidths=0)
        axes.set(
            xlabel="width / picture's width",
            ylabel="height / picture's height",
            xlim=(0, 1),
            ylim=(0, 1),
        )

    return np.concatenate([_pixels(classes, 5.2, 4), _pixels(boxes, 4.2, 4)], axis=1)


def _training_pictures(hp: Hyperparameters, detector: Detector, dataset: Dataset) -> np.ndarray:
    """Draw the first training pictures as the network sees them."""
    size = min(_SHOWN, device_batch(hp))
    batch = next(iter(training_batches(hp, detector, dataset, 0, size, (0, 1), 1)))
    shown = []
    for image, boxes, labels in zip(
        *(batch[name].numpy() for name in ("images", "boxes", "labels")), strict=True
    ):
        real = labels >= 0
        names = [dataset.label_names[label] for label in labels[real]]
        shown.append(draw_detections(image, boxes[real], names, label_names=dataset.label_names))
    return _page(shown, 4, _SIDE)


def _page(pictures: Sequence[np.ndarray], columns: int, side: int) -> np.ndarray:
    """Lay pictures out in rows on white, each at most `side` pixels wide and high."""
    cells = []
    for picture in pictures:
        cell = Image.fromarray(picture)
        cell.thumbnail((side, side))
        cells.append(cell)
    columns = min(columns, len(cells))
    width, height = max(cell.width for cell in cells), max(cell.height for cell in cells)
    page = Image.new("RGB", (columns * width, -(-len(cells) // columns) * height), "white")
    for place, cell in enumerate(cells):
        page.paste(cell, (place % columns * width, place // columns * height))
    return np.asarray(page)


def _pixels(draw: Callable[[Any], None], width: float, height: float) -> np.ndarray:
    from algorithm.assessment.report.plots import pixels

    return pixels(draw, width, height)


def _written(names: Sequence[str], label: int) -> str:
    from algorithm.assessment.report.plots import pixel_name

    return pixel_name(names[label], label)
