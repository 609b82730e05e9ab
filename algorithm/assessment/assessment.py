"""One assessment, told in the order it happens.

The order is model, data, what the model sees, why, what to do, the files.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from algorithm.assessment.advice.graded_findings import findings, worth_suppressing
from algorithm.assessment.advice.next_job import JOB_FILE, read_job
from algorithm.assessment.advice.setting_steps import Setting
from algorithm.assessment.advice.tuning import tune
from algorithm.assessment.analysis import Analysis, analyse_records
from algorithm.assessment.assessed_model import (
    CONFIG,
    INDEX,
    AssessedModel,
    apply_thresholds,
    load_model,
)
from algorithm.assessment.comparison import FIGURES, read_assessment, verdict
from algorithm.assessment.masks.mask_analysis import MaskAnalysis
from algorithm.assessment.observation import any_outline, observe, original_names
from algorithm.assessment.options import Options
from algorithm.assessment.report.result_files import PAGE, result_texts, write_results
from algorithm.data import Dataset, Sample, load_dataset
from algorithm.data.split_record import FILE as SPLIT
from algorithm.data.split_record import UNRECORDED, SplitRecord, find_record
from algorithm.errors import DataError
from algorithm.evaluation.resampled import interval_in_words
from algorithm.modelarts.environment import Workspace, open_workspace
from algorithm.modelarts.model_index import read_bit_depth, read_class_names
from algorithm.storage import (
    exists,
    is_remote,
    local_path,
    stage_files,
    stage_in,
    stage_out,
    stager,
)

NO_OUTLINES = (
    "the model gives masks, and no evaluation picture has an outline: boxes alone are assessed"
)
_log = logging.getLogger("algorithm.assessment")


def assess(options: Options) -> str:
    """Assess a model folder on the EVAL samples of a dataset.

    assessment.json, display.json, next_job.json and report.html are written into options.output,
    all of them or none.

    Args:
        options: The options.

    Returns:
        The place of the report.

    Raises:
        JobError: Something that a person can fix.
    """
    for word in options.ignored:
        _log.info("flag that means nothing here, ignored: %s", word)
    with open_workspace() as workspace:
        model_dir = _model_folder(options.model_dir, workspace)
        names, model = read_class_names(model_dir), load_model(model_dir)
        values = read_job(model_dir)
        setting = Setting(values, options.input_sizes)
        record = _recorded_split(model_dir, options.model_dir)
        dataset, originals = _load(options.data_url, model_dir, record, names, workspace, model)
        warnings = [_without_scratch(line, workspace) for line in dataset.warnings]
        if model.detect_masks and not any_outline(dataset.eval):
            warnings.append(NO_OUTLINES)
        warnings += [] if record else [UNRECORDED]
        for warning in warnings:
            _log.warning("%s", warning)
        _log.info("data: %d evaluation pictures, %d classes", len(dataset.eval), len(names))
        seen = observe(dataset.eval, names, model, originals)
        analysis = analyse_records(seen.records, seen.measures, masks=seen.masks)
        baseline = (
            _baseline(options.baseline, dataset.eval, names, workspace)
            if options.baseline
            else None
        )
        trail = (
            tune(options, setting, findings(analysis, setting), record=record)
            if options.tune
            else None
        )
        texts = result_texts(
            analysis,
            setting,
            based_on=_beside(options.model_dir, JOB_FILE) if values else "",
            paths=seen.paths,
            baseline=baseline,
            trail=trail,
            warnings=warnings,
            model=_named(options.model_dir, values),
            data=dataset.name,
        )
        _deliver(texts, options.output, workspace)
        if options.apply:
            _apply(analysis, model_dir, options.model_dir, workspace)
        for line in summary_lines(analysis, setting):
            _log.info("%s", line)
        told = verdict(baseline, analysis.as_dict()) if baseline else None
        if told:
            _log.info("against %s: %s", options.baseline, told[0])
    return f"{options.output.rstrip('/')}/{PAGE}"


def assess_samples(
    model_dir: Path,
    samples: Sequence[Sample],
    label_names: Sequence[str],
    folder: Path,
    *,
    values: Mapping[str, str],
    input_sizes: Mapping[str, tuple[int, int]] | None = None,
    data: str = "",
) -> Analysis:
    """Assess a model folder on samples at hand, at the end of the job that made it.

    Args:
        model_dir: The model folder.
        samples: The samples.
        label_names: Names of the classes, class 1 first.
        folder: The local folder for the files.
        values: The job's hyperparameters as text, by name.
        input_sizes: (height, width) of each model's input in pixels.
        data: The dataset's name for the page.

    Returns:
        The analysis.

    Raises:
        DataError: As with `assess`.
    """
    seen = observe(samples, label_names, load_model(model_dir))
    analysis = analyse_records(seen.records, seen.measures, masks=seen.masks)
    write_results(
        result_texts(
            analysis,
            Setting(values, input_sizes or {}),
            based_on="this job",
            paths=seen.paths,
            model=values.get("model_name", ""),
            data=data,
        ),
        folder,
    )
    return analysis


def summary_lines(analysis: Analysis, setting: Setting) -> list[str]:
    """Return the result in a few lines for a terminal."""
    point = analysis.operating_point()
    return [
        f"mAP at IoU 0.5: {analysis.voc_map:.4f}; COCO AP: {_shown(analysis.figures['AP'])}"
        f"{interval_in_words(analysis.as_dict())}; best confidence "
        f"{point['confidence_threshold']:.2f}: precision {point['precision']:.3f}, "
        f"recall {point['recall']:.3f}, F1 {point['f1']:.3f}",
        *([_mask_line(analysis.masks)] if analysis.masks else []),
        *(f"{row.grade}: {row.english}" for row in findings(analysis, setting)),
    ]


def _mask_line(masks: MaskAnalysis) -> str:
    quality = masks.quality()
    return (
        f"masks: COCO AP: {_shown(masks.figures['AP'])}{interval_in_words(masks.as_dict())}; "
        f"{quality.matched} matched, mean IoU {_shown(quality.mask_iou)}, boundary IoU "
        f"{_shown(quality.boundary_iou)}"
    )


def _named(model_dir: str, values: Mapping[str, str]) -> str:
    """Return the end of the model's place and, where its job is known, the network's name."""
    place = "/".join(model_dir.rstrip("/").split("/")[-2:])
    return f"{place} ({values['model_name']})" if values.get("model_name") else place


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _model_folder(place: str, workspace: Workspace) -> Path:
    """Return the folder on the local disk.

    Of a remote one, what its training job left beside it is fetched too.
    """
    folder = stage_in(place, workspace.inputs)
    if is_remote(place):
        stage_files(
            [url for name in (JOB_FILE, SPLIT) if exists(url := _beside(place, name))],
            workspace.inputs,
        )
    return folder


def _recorded_split(model_dir: Path, place: str) -> SplitRecord | None:
    """Return the split that the job of the model recorded, named after the place of the model."""
    record = find_record(model_dir)
    if record is None:
        return None
    inside = Path(record.place).parent == model_dir.resolve()
    return replace(
        record, place=f"{place.rstrip('/')}/{SPLIT}" if inside else _beside(place, SPLIT)
    )


def _beside(place: str, name: str) -> str:
    """Return the place of a file beside a folder."""
    return f"{place.rstrip('/').rpartition('/')[0] or '.'}/{name}"


def _load(
    data_url: str,
    model_dir: Path,
    record: SplitRecord | None,
    names: tuple[str, ...],
    workspace: Workspace,
    model: AssessedModel,
) -> tuple[Dataset, dict[str, str]]:
    """Return the dataset with the model's classes, and the original names of cleaned pictures.

    The split is the one that the job of the model recorded, in the model folder or beside it; else
    that of the dataset, and all of it is evaluated where it has none.
    """
    source = stage_in(data_url, workspace.inputs)
    dataset = load_dataset(
        source,
        clean=True,
        seed=0,
        work_dir=workspace.work,
        label_names=names,
        require=("eval",),
        record=record,
        bit_depth=read_bit_depth(model_dir),
        resolve=stager(data_url, workspace.inputs),
        pictures_dir=workspace.work,
        outlines=model.detect_masks is not None,
    )
    return dataset, original_names(source)


def _without_scratch(line: str, workspace: Workspace) -> str:
    """Return a warning without the part that points into the workspace.

    The workspace is gone when the warning is read.
    """
    return "; ".join(part for part in line.split("; ") if str(workspace.root) not in part)


def _baseline(
    place: str, samples: Sequence[Sample], names: tuple[str, ...], workspace: Workspace
) -> dict[str, Any]:
    """Return the figures to compare with.

    Those of an earlier assessment are taken as they stand; a model folder is measured now on the
    same samples.
    """
    path = stage_in(place, workspace.inputs)
    if not (path / "saved_model.pb").is_file():
        return read_assessment(path)
    other = read_class_names(path)
    if other != names:
        raise DataError(
            f"expected the classes {', '.join(names)} in the baseline {place}, found "
            f"{', '.join(other)}: compare models of one label map, or give the folder with an "
            f"earlier {FIGURES}"
        )
    bit_depth = read_bit_depth(path)
    samples = [replace(sample, bit_depth=bit_depth) for sample in samples]
    seen = observe(samples, names, load_model(path))
    return analyse_records(seen.records, seen.measures, masks=seen.masks).as_dict()


def _deliver(texts: Mapping[str, str], output: str, workspace: Workspace) -> None:
    folder = workspace.outputs / "assessment" if is_remote(output) else local_path(output)
    write_results(texts, folder)
    if is_remote(output):
        stage_out(folder, output)


def _apply(analysis: Analysis, model_dir: Path, place: str, workspace: Workspace) -> None:
    overlap = analysis.best_nms if worth_suppressing(analysis) else None
    point = analysis.curve.at_class_thresholds()
    per_class = dict(
        zip(analysis.records.label_names, analysis.curve.class_thresholds().tolist(), strict=True)
    )
    figures = {"precision": point.precision, "recall": point.recall, "f1": point.f1}
    apply_thresholds(model_dir, point.threshold, per_class, overlap, figures)
    own = [f"{name} {value:.2f}" for name, value in per_class.items() if value != point.threshold]
    if is_remote(place):
        changed = workspace.outputs / "applied"
        changed.mkdir()
        for name in (INDEX, CONFIG):
            shutil.copyfile(model_dir / name, changed / name)
        stage_out(changed, place)
    _log.info(
        "wrote the thresholds into %s: confidence %.2f%s%s",
        place,
        point.threshold,
        f" ({', '.join(own)})" if own else "",
        "" if overlap is None else f", NMS IoU {overlap:.2f}",
    )
