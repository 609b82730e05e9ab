"""The export of a model folder that is calibrated on pictures of a dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from algorithm.data import Sample
from algorithm.data.feeding.decoding import decode_image
from algorithm.data.split_record import find_record
from algorithm.export.formats import export_model
from algorithm.export.formats.formats import check_request
from algorithm.export.formats.runtimes import fitted
from algorithm.export.formats.source import open_source
from algorithm.jobs.exported_evaluation import dataset_with_classes


def export_with_calibration(
    model_dir: Path, output: Path, name: str, *, nms: str, data_url: Path | None, pictures: int
) -> Path:
    """Export a model folder, calibrated on training pictures where a dataset is given.

    Args:
        model_dir: The model folder.
        output: The folder to write into.
        name: The format.
        nms: The NMS of a network format, see export_model.
        data_url: The dataset, or None to export without calibration.
        pictures: How many training pictures to calibrate on.

    Returns:
        The path that was written, see export_model.

    Raises:
        ArgumentError, DataError, AlgorithmError: See export_model and load_dataset.
    """
    if data_url is None:
        return export_model(model_dir, output, name, nms=nms)
    check_request(output, name, nms=nms, calibrated=True)
    with tempfile.TemporaryDirectory() as folder:
        source = open_source(model_dir)
        samples = dataset_with_classes(
            data_url, source.label_names, folder, find_record(model_dir), source.bit_depth
        ).train[:pictures]
        return export_model(
            model_dir,
            output,
            name,
            nms=nms,
            calibration=lambda size: _fitted(samples, size, source.settings["mean"]),
        )


def _fitted(
    samples: tuple[Sample, ...], size: tuple[int, int], mean: np.ndarray
) -> Iterable[np.ndarray]:
    for sample in samples:
        yield fitted(
            decode_image(Path(sample.path).read_bytes(), sample.source, sample.bit_depth),
            size,
            mean,
        )[0]
