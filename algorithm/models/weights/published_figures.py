"""What was published of a detector beside its weights: how good it is, and how large."""

from __future__ import annotations

from dataclasses import dataclass

_BYTES = 4  # of a float32 parameter


@dataclass(frozen=True)
class PublishedFigures:
    """The figures of one detector.

    Attributes:
        ap: AP on COCO val2017, in percent. Of the lite models with the fast NMS of TFLite.
        parameters: Parameters in millions.
    """

    ap: float
    parameters: float

    @property
    def megabytes(self) -> float:
        """The size of the parameters as float32, in MB (10^6 bytes)."""
        return self.parameters * _BYTES


# The families coco2 (d0 to d7x) and coco (lite). Earlier weights and other recipes have others.
FIGURES = {
    "efficientdet-d0": PublishedFigures(34.3, 3.9),
    "efficientdet-d1": PublishedFigures(40.2, 6.6),
    "efficientdet-d2": PublishedFigures(43.5, 8.1),
    "efficientdet-d3": PublishedFigures(46.8, 12.0),
    "efficientdet-d4": PublishedFigures(49.3, 20.7),
    "efficientdet-d5": PublishedFigures(51.2, 33.7),
    "efficientdet-d6": PublishedFigures(52.1, 51.9),
    "efficientdet-d7": PublishedFigures(53.4, 51.9),
    "efficientdet-d7x": PublishedFigures(54.4, 77.0),
    "efficientdet-lite0": PublishedFigures(26.41, 3.2),
    "efficientdet-lite1": PublishedFigures(31.50, 4.2),
    "efficientdet-lite2": PublishedFigures(35.06, 5.3),
    "efficientdet-lite3": PublishedFigures(38.77, 8.4),
    "efficientdet-lite3x": PublishedFigures(42.64, 9.3),
    "efficientdet-lite4": PublishedFigures(43.18, 15.1),
}
_LITE_FAMILY, _FAMILY = "coco", "coco2"


def figures_of(name: str, family: str) -> PublishedFigures | None:
    """Return the figures of a published file, None where they are not known.

    Args:
        name: The detector or backbone that it holds.
        family: The set that it was published in.
    """
    own = _LITE_FAMILY if "-lite" in name else _FAMILY
    return FIGURES.get(name) if family == own else None
