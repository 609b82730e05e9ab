"""What the search for the tiny models found, as a table and as a plot."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

_COLUMNS = ("network_b1_ratio", "end_to_end_b1_ratio", "network_b8_ratio", "end_to_end_b8_ratio")


def accuracy(row: dict[str, Any]) -> float | None:
    """Mean AP over the seeds and sets a candidate was trained with; None where it was not."""
    values = [value for name, value in row.items() if name.startswith("AP_") and value is not None]
    return statistics.mean(values) if values else None


def table(found: dict[str, dict[str, Any]]) -> str:
    """Markdown, a line for each candidate, from slow to fast."""
    lines = [
        "| candidate | what it tries | start | parameters, M | MACs, G | network b1 | end to end "
        "b1 | network b8 | end to end b8 | peak MiB | COCO AP | trained AP |",
        "|" + " --- |" * 12,
    ]
    for name, row in sorted(found.items(), key=lambda item: -item[1].get("network_b1_ratio", 0)):
        ratios = [_number(row.get(column), 3) for column in _COLUMNS]
        lines.append(
            "| "
            + " | ".join(
                [
                    name,
                    row.get("lever", ""),
                    row.get("start", "") or "none",
                    _number(row.get("parameters", 0) / 1e6, 2),
                    _number(row.get("macs", 0) / 1e9, 2),
                    *ratios,
                    _number(row.get("peak_mib"), 0),
                    _number(row.get("COCO_AP"), 3),
                    _number(accuracy(row), 3),
                ]
            )
            + " |"
        )
    return "\n".join(lines) + "\n"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def plot(found: dict[str, dict[str, Any]], path: Path) -> None:
    """Accuracy (of the published weights as they are) against latency; nothing is written
    where there is none.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    points = {
        name: row
        for name, row in found.items()
        if row.get("COCO_AP") is not None and row.get("network_b1_ratio")
    }
    if not points:
        return
    figure, axes = plt.subplots(figsize=(8, 5))
    for column, marker in (("network_b1_ratio", "o"), ("end_to_end_b1_ratio", "x")):
        axes.scatter(
            [row[column] for row in points.values()],
            [row["COCO_AP"] for row in points.values()],
            marker=marker,
            label=column.removesuffix("_b1_ratio").replace("_", " "),
        )
    for name, row in points.items():
        axes.annotate(
            name,
            (row["network_b1_ratio"], row["COCO_AP"]),
            fontsize=7,
            xytext=(4, 4),
            textcoords="offset points",
        )
    for bar in (0.80, 0.478, 0.446):
        axes.axvline(bar, color="grey", linewidth=0.5, linestyle="--")
    axes.set(
        xlabel="latency at batch 1 over that of D0 (dashed: the bars of T2, T1, T0)",
        ylabel="AP of lite0's weights on coco128",
    )
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
