"""The result in the platform's display format: one JSON with the languages zh-cn and en-us."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from algorithm.assessment.advice.finding import Finding
from algorithm.assessment.advice.wording import (
    COST_NAMES,
    DESCRIPTIONS,
    DEVIATION,
    FALSE_NAMES,
    LANGUAGES,
    MASK_COST_NAMES,
    MISSED_NAMES,
    NOT_DETECTED,
    NOTHING_THERE,
    POINT_NAMES,
    QUALITY_NAMES,
    TITLES,
    figure_names,
    mask_figure_names,
)
from algorithm.assessment.analysis import Analysis
from algorithm.assessment.errors.error_kinds import CORRECT, FALSE_KINDS
from algorithm.assessment.masks.mask_analysis import MaskAnalysis
from algorithm.assessment.sensitivity.features import FEATURE_ROWS
from algorithm.assessment.sensitivity.sensitivity import BIN_NAMES

BOX_LABEL = 1  # the platform's type number of an object-detection label
CURVES_SHOWN = 20


def display(analysis: Analysis, found: Sequence[Finding], worst: Sequence[int]) -> dict[str, Any]:
    """Return the platform's display.

    Args:
        analysis: What was found out.
        found: The findings.
        worst: Places of the pictures to list.

    Returns:
        {"zh-cn": {operation: {...}}, "en-us": the same}.
    """
    return {
        name: _language(analysis, found, worst, language)
        for language, name in reversed(list(enumerate(LANGUAGES)))
    }


def _language(
    analysis: Analysis, found: Sequence[Finding], worst: Sequence[int], language: int
) -> dict[str, Any]:
    names = analysis.records.label_names
    named = figure_names(analysis.figures)
    figures = {"voc_map": analysis.voc_map} | analysis.figures
    masks = analysis.masks
    operations: dict[str, dict[str, Any]] = {
        "summary": {
            "value": {
                named[key][language]: value for key, value in figures.items() if value is not None
            }
            | {
                POINT_NAMES[key][language]: value
                for key, value in analysis.operating_point().items()
            }
            | (_mask_figures(masks, language) if masks else {})
        },
        "advice": {
            "value": {
                str(place): (row.chinese if language else row.english)
                for place, row in enumerate(found, 1)
            }
        },
        "classes": {
            "column_chart": {
                "classes": _columns(names, analysis.records.truths_per_class().tolist())
            }
        },
        "precision_recall": {
            "line_chart": {
                "precision_recall": _lines("recall", "precision", dict(_largest(analysis)))
            }
        },
        "nms": {
            "value": {"best": analysis.best_nms},
            "line_chart": {"nms": _lines("IoU", "mAP", {"mAP": list(analysis.nms.items())})},
        },
        "mean_f1": {
            "value": {"best": analysis.curve.threshold},
            "line_chart": {
                "mean_f1": _lines(
                    "confidence",
                    "F1",
                    {
                        "F1": [
                            (place / 100, float(f1))
                            for place, f1 in enumerate(analysis.curve.mean_f1)
                        ]
                    },
                )
            },
        },
        "false_detections": {
            "pie_chart": {
                "false_detections": _pie(analysis.errors.false_counts(), FALSE_NAMES, language)
            }
        },
        "missed_objects": {
            "pie_chart": {
                "missed_objects": _pie(analysis.errors.missed_counts(), MISSED_NAMES, language)
            }
        },
        "error_costs": {
            "value": {COST_NAMES[kind][language]: cost for kind, cost in analysis.costs.items()}
        },
        **(_mask_operations(masks, language) if masks else {}),
        "confusion_matrix": {
            "table": {
                "confusion_matrix": {
                    "top_left_cell": "",
                    "row_labels": [*names, NOTHING_THERE[language]],
                    "col_labels": [*names, NOT_DETECTED[language]],
                    "cell_value": analysis.confusion.tolist(),
                }
            }
        },
        "calibration": {
            "line_chart": {
                "calibration": _lines(
                    "score",
                    "precision",
                    {
                        "precision": [
                            (row["score"], row["right"])
                            for row in analysis.calibration
                            if row["count"]
                        ]
                    },
                )
            }
        },
        **{
            f"sensitivity_{row.key}": {
                "table": {
                    row.key: {
                        "top_left_cell": "",
                        "row_labels": [*BIN_NAMES, DEVIATION[language]],
                        "col_labels": list(names),
                        "cell_value": [*row.recall.round(4).tolist(), row.spread.round(4).tolist()],
                    }
                }
            }
            for row in analysis.sensitivities
        },
        "slices": {
            "table": {
                "slices": {
                    "top_left_cell": "",
                    "row_labels": [row.name(language) for row in analysis.slices],
                    "col_labels": ["objects", "recall"],
                    "cell_value": [[row.count, round(row.recall, 4)] for row in analysis.slices],
                }
            }
        },
    }
    shown = {
        key: {
            "title": _title(key, language),
            "description": _description(key, language),
            "value": {},
            **content,
        }
        for key, content in operations.items()
    }
    if analysis.custom:
        shown |= {
            key: {"title": key, "description": "", **value}
            for key, value in _custom(analysis.custom).items()
        }
    return {**shown, "get_negative_samples_det": [_sample(analysis, picture) for picture in worst]}


def _mask_figures(masks: MaskAnalysis, language: int) -> dict[str, float]:
    named, quality = mask_figure_names(masks.figures), masks.quality().as_dict()
    figures = {named[key][language]: value for key, value in masks.figures.items()}
    figures |= {QUALITY_NAMES[key][language]: quality[key] for key in QUALITY_NAMES}
    return {name: value for name, value in figures.items() if value is not None}


def _mask_operations(masks: MaskAnalysis, language: int) -> dict[str, dict[str, Any]]:
    shares = masks.shares()
    return {
        "mask_errors": {
            "value": {MASK_COST_NAMES[kind][language]: cost for kind, cost in masks.costs.items()},
            "pie_chart": {
                "mask_errors": {
                    "label": [MASK_COST_NAMES[kind][language] for kind in shares],
                    "value": [round(share, 4) for share in shares.values()],
                }
            },
        }
    }


def _title(key: str, language: int) -> str:
    if key.startswith("sensitivity_"):
        row = FEATURE_ROWS[key.removeprefix("sensitivity_")]
        return row.chinese if language else row.english
    return TITLES[key][language]


def _description(key: str, language: int) -> str:
    return DESCRIPTIONS.get("sensitivity" if key.startswith("sensitivity_") else key, ("", ""))[
        language
    ]


def _custom(custom: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return figures as they are where they have the display's form, else wrapped into it.

    The form is {"fps": {"value": {...}}}.
    """
    return {
        key: value if isinstance(value, dict) else {"value": {key: value}}
        for key, value in custom.items()
    }


def _largest(analysis: Analysis) -> Iterable[tuple[str, list[tuple[float, float]]]]:
    """Return names and curves of the classes with most objects."""
    order = (-analysis.records.truths_per_class()).argsort(kind="stable")[:CURVES_SHOWN]
    return [
        (analysis.records.label_names[label], analysis.precision_recall[label]) for label in order
    ]


def _lines(
    x_name: str, y_name: str, curves: dict[str, Sequence[tuple[float, float]]]
) -> dict[str, Any]:
    return {
        "x_axis_name": x_name,
        "y_axis_name": y_name,
        "x_axis_range": [0, 1],
        "y_axis_range": [0, 1],
        "curve": {
            name: [[round(float(x), 4), round(float(y), 4)] for x, y in points]
            for name, points in curves.items()
        },
    }


def _columns(names: Sequence[str], counts: Sequence[int]) -> dict[str, Any]:
    """Return one column for each class, between the whole numbers; the names stand in x_label."""
    return {
        "x_axis_name": "class",
        "y_axis_name": "objects",
        "x_axis_range": [0, len(names)],
        "y_axis_range": [0, max(counts, default=0)],
        "x_value": list(range(len(names) + 1)),
        "y_value": list(counts),
        "x_label": list(names),
    }


def _pie(
    counts: dict[str, int], names: dict[str, tuple[str, str]], language: int
) -> dict[str, list]:
    return {"label": [names[kind][language] for kind in counts], "value": list(counts.values())}


def _sample(analysis: Analysis, picture: int) -> dict[str, Any]:
    """Return a picture with its labels and what was detected at the best threshold."""
    records = analysis.records
    truths = records.truth_pictures == picture
    seen = np.flatnonzero(records.pictures == picture)
    seen = seen[np.isin(analysis.errors.found_kinds[seen], (CORRECT, *FALSE_KINDS))]
    scores = records.scores[seen]
    return {
        "labels": _labels(
            records.label_names, records.truth_boxes[truths], records.truth_labels[truths]
        ),
        "predict_labels": _labels(
            records.label_names, records.boxes[seen], records.labels[seen], scores
        ),
        "score": f"{scores.max(initial=0.0):.3f}",
        "data_info": records.names[picture],
    }


def _labels(
    names: Sequence[str], boxes: Any, labels: Any, scores: Any = None
) -> list[dict[str, Any]]:
    rows = []
    for place, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        top, left, bottom, right = (round(float(side)) for side in box)
        row = {
            "name": names[label],
            "type": BOX_LABEL,
            "property": {
                "@modelarts:shape": "bndbox",
                "@modelarts:feature": [[left, top], [right, bottom]],
            },
        }
        rows.append(row if scores is None else {**row, "score": f"{scores[place]:.3f}"})
    return rows
