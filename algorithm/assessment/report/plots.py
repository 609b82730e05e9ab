"""The report's plots, drawn by Matplotlib as SVG whose text stays text."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from algorithm.assessment.advice.wording import COST_NAMES, FALSE_NAMES, MISSED_NAMES
from algorithm.assessment.analysis import Analysis
from algorithm.assessment.errors.error_costs import COST_KINDS
from algorithm.assessment.sensitivity.sensitivity import Sensitivity
from algorithm.evaluation.operating_point import ConfidenceCurve
from algorithm.evaluation.records import Records
from algorithm.pages.box_drawing import ink_on
from algorithm.pages.charts import BLUE, ORANGE

GREY = "#9aa5b1"
SLICES = (BLUE, ORANGE, "#2c8a4b", "#a04fb0", GREY)
CLASSES_DRAWN = 10
FEW_CLASSES = 12  # rows of a confusion matrix with room for large numbers, zeros among them
_BEYOND_THE_FONT = 0x250  # code points from here on may be missing in the font of pictures
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "assessment",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": "#5c6776",
    "xtick.color": "#5c6776",
    "ytick.color": "#5c6776",
    "legend.frameon": False,
}


def drawn(draw: Callable[[Axes], None], width: float = 5.2, height: float = 3.2) -> str:
    """Return as SVG text what a function draws.

    Args:
        draw: Draws on the axes it is given.
        width: In inches.
        height: In inches.

    Returns:
        The SVG text.
    """
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing from font"
        )  # text stays text, because the browser has the font
        figure = Figure((width, height), layout="constrained")
        draw(figure.add_subplot())
        output = io.StringIO()
        figure.savefig(output, format="svg", metadata={"Date": None, "Creator": None})
    text = output.getvalue()
    return text[text.index("<svg") :]


def pixels(
    draw: Callable[[Axes], None], width: float = 5.2, height: float = 3.2, dpi: int = 120
) -> np.ndarray:
    """Return as a picture what a function draws.

    Args:
        draw: Draws on the axes it is given.
        width: In inches.
        height: In inches.
        dpi: Pixels an inch.

    Returns:
        uint8 [height * dpi, width * dpi, 3].
    """
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure((width, height), dpi=dpi, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        draw(figure.add_subplot())
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def precision_recall(analysis: Analysis) -> str:
    """Draw a curve for each of the classes with most objects, as SVG text."""
    return drawn(precision_recall_drawing(analysis.records, analysis.precision_recall))


def precision_recall_drawing(
    records: Records, curves: Sequence[Sequence[tuple[float, float]]], *, in_pixels: bool = False
) -> Callable[[Axes], None]:
    """Return what draws a curve for each of the classes with most objects.

    Args:
        records: Name the K classes and count their objects.
        curves: Points (recall, precision) of each class, see curves.precision_recall.
        in_pixels: A name that the font of pictures cannot write becomes its class's number.
    """

    def draw(axes: Axes) -> None:
        for label in (-records.truths_per_class()).argsort(kind="stable")[:CLASSES_DRAWN]:
            if points := curves[label]:
                axes.plot(*zip(*points, strict=True), label=_name(records, label, in_pixels))
        _unit(axes, "recall", "precision")
        if axes.lines:
            axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))

    return draw


def mean_f1(analysis: Analysis) -> str:
    """Draw the mean F1 by confidence, with the best one marked, as SVG text."""
    return drawn(mean_f1_drawing(analysis.curve))


def mean_f1_drawing(curve: ConfidenceCurve) -> Callable[[Axes], None]:
    """Return what draws the mean F1 by confidence, with the best one marked."""

    def draw(axes: Axes) -> None:
        axes.plot(np.arange(100) / 100, curve.mean_f1, color=BLUE)
        _unit(axes, "confidence threshold", "mean F1")
        _mark(axes, curve.threshold, f"best: {curve.threshold:.2f}")

    return draw


def nms(analysis: Analysis) -> str:
    """Draw AP50 by the overlap in suppression, with the best one marked, as SVG text."""

    def draw(axes: Axes) -> None:
        axes.plot(
            list(analysis.nms), list(analysis.nms.values()), color=BLUE, marker="o", markersize=4
        )
        axes.set(xlabel="NMS IoU threshold (1.0: as exported)", ylabel="mAP, IoU 0.5")
        _mark(axes, analysis.best_nms, f"best: {analysis.best_nms:.1f}")

    return drawn(draw)


def false_detections(analysis: Analysis) -> str:
    """Draw the kinds of false detections as SVG text."""
    return _pie(analysis.errors.false_counts(), FALSE_NAMES)


def missed_objects(analysis: Analysis) -> str:
    """Draw the kinds of missed objects as SVG text."""
    return _pie(analysis.errors.missed_counts(), MISSED_NAMES)


def error_costs(analysis: Analysis) -> str:
    """Draw what each kind of error costs, as SVG text."""

    def draw(axes: Axes) -> None:
        bars = axes.barh(
            [COST_NAMES[kind][0] for kind in COST_KINDS],
            [analysis.costs[kind] for kind in COST_KINDS],
            color=BLUE,
        )
        axes.bar_label(bars, fmt="%.3f", padding=3)
        axes.invert_yaxis()
        axes.margins(x=0.15)
        axes.set_xlabel("AP50 to be gained")

    return drawn(draw, height=2.6)


def calibration(analysis: Analysis) -> str:
    """Draw the share that is right against the score, as SVG text.

    The size of a point shows its number of detections.
    """

    def draw(axes: Axes) -> None:
        rows = [row for row in analysis.calibration if row["count"]]
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        sizes = np.array([row["count"] for row in rows], float)
        axes.scatter(
            [row["score"] for row in rows],
            [row["right"] for row in rows],
            color=BLUE,
            zorder=3,
            s=20 + 120 * sizes / sizes.max(initial=1),
        )
        axes.plot(
            [row["score"] for row in rows], [row["right"] for row in rows], color=BLUE, alpha=0.5
        )
        _unit(axes, "score", "share that is right")

    return drawn(draw)


def confusion(analysis: Analysis) -> str:
    """Draw the confusion matrix as SVG text."""
    draw, side = _confusion_drawing(analysis.records, analysis.confusion)
    return drawn(draw, side + 0.6, side)


def confusion_pixels(records: Records, table: np.ndarray) -> np.ndarray:
    """Return the confusion matrix as a picture.

    Args:
        records: Name the K classes and count their objects.
        table: int64 [K + 1, K + 1], see error_kinds.confusion_matrix.

    Returns:
        uint8 [H, W, 3].
    """
    draw, side = _confusion_drawing(records, table, in_pixels=True)
    return pixels(draw, side + 0.6, side)


def _confusion_drawing(
    records: Records, matrix: np.ndarray, most: int = 25, *, in_pixels: bool = False
) -> tuple[Callable[[Axes], None], float]:
    """Return what draws the matrix, and a fitting side in inches.

    It draws colours, rows in shares, of the classes with most objects. In pixels a name that the
    font cannot write becomes the number of its class, as in the label map.
    """
    shown = np.sort((-records.truths_per_class()).argsort(kind="stable")[:most])
    places = np.append(shown, records.classes)
    table = matrix[np.ix_(places, places)].astype(float)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    names = [_name(records, label, in_pixels) for label in shown]

    def draw(axes: Axes) -> None:
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(
            range(len(places)), [*names, "not detected"], rotation=60, ha="right", fontsize=8
        )
        axes.set_yticks(range(len(places)), [*names, "nothing there"], fontsize=8)
        axes.set(xlabel="detected", ylabel="labelled")
        few = len(places) <= FEW_CLASSES
        for row, column in np.ndindex(table.shape):
            if few or table[row, column]:  # many zeros would hide what there is
                red, green, blue = (
                    round(255 * part) for part in image.to_rgba(shares)[row, column][:3]
                )
                axes.text(
                    column,
                    row,
                    f"{int(table[row, column])}",
                    ha="center",
                    va="center",
                    fontsize=9 if few else 7,
                    color=["#000000", "#ffffff"][ink_on((red, green, blue))[0] // 255],
                )

    return draw, max(3.2, min(9.0, 1.8 + 0.36 * len(places)))


def sensitivity(row: Sensitivity) -> str:
    """Draw the recall of all classes in the five bins as SVG text."""

    def draw(axes: Axes) -> None:
        bars = axes.bar(range(5), row.overall, color=BLUE, width=0.85)
        axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
        axes.set_xticks(
            range(5),
            [
                f"{_short(low)} –\n{_short(high)}"
                for low, high in zip(row.edges, row.edges[1:], strict=False)
            ],
            fontsize=8,
        )
        axes.set_ylim(0, 1.1)

    return drawn(draw, 3.4, 2.1)


def _pie(counts: dict[str, int], names: dict[str, tuple[str, str]]) -> str:
    shown = {kind: count for kind, count in counts.items() if count}

    def draw(axes: Axes) -> None:
        if not shown:
            axes.axis("off")
            axes.text(0.5, 0.5, "none", ha="center", color="#5c6776")
            return
        axes.pie(
            list(shown.values()),
            colors=[SLICES[list(counts).index(kind)] for kind in shown],
            startangle=90,
            counterclock=False,
            wedgeprops={"linewidth": 1, "edgecolor": "white"},
            radius=1,
        )
        axes.legend(
            [f"{count} {names[kind][0]}" for kind, count in shown.items()],
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            fontsize=9,
        )

    return drawn(draw, height=3.2)


def _unit(axes: Axes, x_name: str, y_name: str) -> None:
    axes.set(xlabel=x_name, ylabel=y_name, xlim=(0, 1), ylim=(0, 1.02))


def _mark(axes: Axes, x: float, text: str) -> None:
    axes.axvline(x, color=ORANGE, linestyle="--", linewidth=1)
    low, high = axes.get_xlim()
    left = x < (low + high) / 2
    axes.annotate(
        text,
        (x, 0.04),
        xycoords=("data", "axes fraction"),
        xytext=(4 if left else -4, 0),
        textcoords="offset points",
        ha="left" if left else "right",
        color=ORANGE,
    )


def _short(value: float) -> str:
    """Three digits, thousands and millions by letter; a dash where there is no value."""
    if not np.isfinite(value):
        return "–"
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.2g}" if abs(value) < 0.1 else f"{value:.3g}"


def pixel_name(name: str, label: int) -> str:
    """Return a class name, or its number where the font of pictures cannot write it."""
    return f"class {label}" if max(map(ord, name), default=0) >= _BEYOND_THE_FONT else _plain(name)


def _name(records: Records, label: int, in_pixels: bool) -> str:
    name = records.label_names[label]
    return pixel_name(name, label) if in_pixels else _plain(name)


def _plain(name: str) -> str:
    """Return a class name that Matplotlib takes as it is.

    It has no formula between dollar signs, and no leading underscore that hides it.
    """
    text = name.replace("$", r"\$")
    return f"\u200b{text}" if text.startswith("_") else text


PLOTS: Sequence[tuple[str, Callable[[Analysis], str]]] = (
    ("precision_recall", precision_recall),
    ("mean_f1", mean_f1),
    ("nms", nms),
    ("false_detections", false_detections),
    ("missed_objects", missed_objects),
    ("error_costs", error_costs),
    ("calibration", calibration),
    ("confusion_matrix", confusion),
)
