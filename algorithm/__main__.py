"""The verbs for a person: python -m algorithm VERB. Each imports what it needs when it is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from algorithm import train
from algorithm.cli import data_split, exit_codes, model

Command = Callable[[argparse.Namespace], int | None]


def main(argv: Sequence[str]) -> int:
    """Do what argv asks and return the exit code."""
    if argv[:1] == ["train"]:
        return train.main(argv[1:])
    if argv[:1] == ["evaluate"] and not any(word.split("=")[0] == "--model_dir" for word in argv):
        return train.main([*argv[1:], *(() if {"-h", "--help"} & set(argv) else ("--mode=eval",))])
    arguments = _parser().parse_args(argv)
    train.start_logging()
    return exit_codes.exit_code_of(lambda: arguments.command(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m algorithm", description="EfficientDet, from a dataset to a service."
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    verbs.add_parser("train", help="run a training job; its flags: python -m algorithm describe")
    model.add_evaluate(_add, verbs)
    model.add_export(_add, verbs)
    _add_predict(verbs)
    model.add_serve(_add, verbs)
    _add_assess(verbs)
    _add_data(verbs)
    _add_weights(verbs)
    _add_benchmark(verbs)
    _add_describe(verbs)
    _add_demo(verbs)
    return parser


def _add_predict(verbs: argparse._SubParsersAction) -> None:
    verb = _add(verbs, "predict", "draw the detections of a model folder into pictures", _predict)
    verb.add_argument("--model_dir", required=True, help="model folder that a training job left")
    verb.add_argument(
        "--images", required=True, help="a picture, a folder, or a pattern such as 'photos/*.jpg'"
    )
    verb.add_argument(
        "--output", required=True, help="folder for annotated pictures and detections.json"
    )


def _add_assess(verbs: argparse._SubParsersAction) -> None:
    from algorithm.assessment.options import add_options

    add_options(
        _add(
            verbs,
            "assess",
            "say why a model is wrong, what to change, and the next job's hyperparameters",
            _assess,
        )
    )


def _add_data(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("data", help="make or check a dataset")
    kinds = verb.add_subparsers(title="verbs", metavar="VERB", required=True)
    sample = _add(
        kinds,
        "sample",
        "write a rendered dataset with VOC annotations and a manifest",
        _data_sample,
    )
    sample.add_argument("--output", required=True, help="folder to write")
    sample.add_argument(
        "--count", type=int, default=300, help="number of pictures (default: %(default)s)"
    )
    sample.add_argument(
        "--seed",
        type=int,
        default=0,
        help="another seed gives other pictures (default: %(default)s)",
    )
    sample.add_argument(
        "--size", type=int, default=208, help="typical side in pixels (default: %(default)s)"
    )
    _add_data_check(kinds)
    _add_data_clean(kinds)
    _add_convert(kinds)
    data_split.add(_add, kinds)


def _add_data_check(kinds: argparse._SubParsersAction) -> None:
    check = _add(
        kinds,
        "check",
        "say what is in a dataset and which settings fit it, before training",
        _data_check,
    )
    check.add_argument(
        "--data_url", required=True, help="manifest, folder, or another form of dataset"
    )
    check.add_argument(
        "--output",
        help="folder for data_check.html and data_check.json (default: none are written)",
    )
    check.add_argument(
        "--clean",
        action="store_true",
        help="decode every picture and apply all rules of cleaning (default: read headers only)",
    )
    for name in (
        "model_name",
        "image_size",
        "anchor_scale",
        "train_batch_size",
        "max_detections",
        "seed",
    ):
        check.add_argument(f"--{name}", default="", help="as of a training job")


def _add_data_clean(kinds: argparse._SubParsersAction) -> None:
    clean = _add(
        kinds,
        "clean",
        "write cleaned copies of what is wrong in a dataset, and a report",
        _data_clean,
    )
    clean.add_argument(
        "--data_url", required=True, help="manifest, folder, or another form of dataset"
    )
    clean.add_argument("--output", required=True, help="folder to write, outside the dataset")
    for side in ("width", "height"):
        clean.add_argument(
            f"--max_{side}", type=int, help="shrink larger pictures to fit (default: leave them)"
        )


def _add_weights(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("weights", help="list, fetch, inspect or convert pretrained weights")
    kinds = verb.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add(
        kinds,
        "list",
        "every published file, its address, and where it is on this machine",
        _weights_list,
    )
    inspect = _add(
        kinds,
        "inspect",
        "say what a file of weights holds and which models it fits",
        _weights_inspect,
    )
    inspect.add_argument("path", help="checkpoint folder or prefix, archive, .h5 or .pth")
    fetch = _add(
        kinds, "fetch", "download the published weights of a model into the cache", _weights_fetch
    )
    fetch.add_argument("--model_name", required=True)
    fetch.add_argument("--output", default="", help="folder instead of the cache")
    take = _add(
        kinds,
        "import",
        "rewrite any readable weights as a checkpoint with the published names",
        _weights_import,
    )
    take.add_argument("path", help="checkpoint folder or prefix, archive, .h5 or .pth")
    take.add_argument("--model_name", required=True)
    take.add_argument("--output", required=True, help="folder to write")


def _add_convert(kinds: argparse._SubParsersAction) -> None:
    verb = _add(
        kinds,
        "convert",
        "write a dataset in another form; run again, it goes on where it was cut off",
        _data_convert,
    )
    verb.add_argument(
        "--data_url",
        required=True,
        help="manifest, file, folder, or pattern of TFRecords: 'set/train-*'",
    )
    verb.add_argument(
        "--output", required=True, help="folder to write, new or begun by the same command"
    )
    verb.add_argument(
        "--format",
        required=True,
        choices=("manifest", "coco", "yolo", "tfrecord", "voc", "labelme", "cvat"),
        help="form to write",
    )
    verb.add_argument(
        "--shards", type=int, help="number of TFRecord files (default: one for 500 pictures)"
    )
    verb.add_argument("--workers", type=int, help="processes (default: one for each core)")
    verb.add_argument(
        "--clean",
        action="store_true",
        help="leave out what cannot be used instead of stopping at it",
    )
    verb.add_argument("--seed", type=int, default=0, help="seed of the split where none is given")
    verb.add_argument(
        "--beam",
        nargs=argparse.REMAINDER,
        metavar="OPTION",
        help="run on Apache Beam; the rest of the line goes to it, such as --runner=FlinkRunner",
    )


def _add_benchmark(verbs: argparse._SubParsersAction) -> None:
    from algorithm.cli.benchmark import add_options

    add_options(
        _add(
            verbs,
            "benchmark",
            "measure speed and memory of training, inference and input",
            _benchmark,
        )
    )


def _add_describe(verbs: argparse._SubParsersAction) -> None:
    verb = _add(
        verbs, "describe", "print the hyperparameters and write manifests/algorithm.json", _describe
    )
    verb.add_argument("--language", choices=("en", "zh"), default="en", help="of the printed table")
    verb.add_argument(
        "--output", default=".", help="folder that gets manifests/ (default: the current one)"
    )


def _add_demo(verbs: argparse._SubParsersAction) -> None:
    verb = _add(verbs, "demo", "generate, train, evaluate, serve and ask, on a small scale", _demo)
    verb.add_argument(
        "--output", default="build/demo", help="folder to write (default: %(default)s)"
    )
    verb.add_argument(
        "--start", choices=("imagenet", "scratch"), default="imagenet", help="weights to begin with"
    )


def _add(
    verbs: argparse._SubParsersAction, name: str, help_text: str, command: Command
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=help_text, description=help_text)
    verb.set_defaults(command=command)
    return verb


def _predict(arguments: argparse.Namespace) -> None:
    from algorithm.pages.drawing import draw_detections
    from algorithm.serving.prediction import predict

    print(predict(arguments.model_dir, arguments.images, arguments.output, draw=draw_detections))


def _assess(arguments: argparse.Namespace) -> None:
    from algorithm.assessment.options import options_of

    options = options_of(arguments)
    from algorithm.assessment.assess import assess
    from algorithm.models.zoo import PRESETS

    print(
        assess(
            replace(options, preset_sizes={name: row.image_size for name, row in PRESETS.items()})
        )
    )


def _data_sample(arguments: argparse.Namespace) -> None:
    from algorithm.data.rendering.scenes import write_sample_dataset

    print(
        write_sample_dataset(
            arguments.output, count=arguments.count, seed=arguments.seed, size=arguments.size
        )
    )


def _data_check(arguments: argparse.Namespace) -> None:
    import tempfile

    from algorithm.data.checking.check_report import check_lines, write_report
    from algorithm.data.checking.dataset_check import check_dataset
    from algorithm.data.checking.faults import fault_lines, training_command
    from algorithm.data.checking.suggestions import model_choices
    from algorithm.data.dataset import survey_dataset
    from algorithm.hyperparameters import parse
    from algorithm.models.zoo import PRESETS
    from algorithm.ops.anchors import anchor_grid

    names = (
        "model_name",
        "image_size",
        "anchor_scale",
        "train_batch_size",
        "max_detections",
        "seed",
    )
    hp = parse(
        [
            f"--data_url={arguments.data_url}",
            f"--train_url={arguments.output or 'data_report'}",
            *(f"--{name}={getattr(arguments, name)}" for name in names),
        ]
    )
    preset = PRESETS[hp.model_name]
    image_size, scale = (
        hp.image_size or (preset.image_size,) * 2,
        hp.anchor_scale or preset.anchor_scale,
    )
    given = {name: getattr(arguments, name) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        survey = survey_dataset(
            Path(arguments.data_url),
            decode=arguments.clean,
            seed=hp.seed,
            work_dir=Path(arguments.output or folder),
        )
        command = "" if survey.refusal else training_command(survey, arguments.data_url, given)
        lines, warnings = [], []
        if survey.dataset is not None:
            check = check_dataset(
                survey.dataset,
                anchors=anchor_grid(image_size, preset.min_level, preset.max_level, scale),
                image_size=image_size,
                model_name=hp.model_name,
                anchor_scale=scale,
                batch_size=hp.train_batch_size,
                max_detections=hp.max_detections,
                choices=model_choices(PRESETS.values()),
            )
            lines += check_lines(check)
            warnings += [*check.warnings, *survey.dataset.warnings]
            if arguments.output:
                page = write_report(check, Path(arguments.output), survey.cleaned.findings, command)
                lines.append(f"wrote {page}")
    for warning in warnings:
        print(f"WARNING {warning}", file=sys.stderr)
    print("\n".join([*lines, *fault_lines(survey)]))
    if survey.refusal is not None:
        raise survey.refusal
    print(f"train on it: {command}")


def _data_clean(arguments: argparse.Namespace) -> None:
    from algorithm.data.cleaning.cleaned_copy import clean_copy
    from algorithm.data.cleaning.cleaning_report import PAGE, action_totals

    done = clean_copy(
        arguments.data_url,
        arguments.output,
        max_width=arguments.max_width,
        max_height=arguments.max_height,
    )
    for warning in done.warnings:
        print(f"WARNING {warning}", file=sys.stderr)
    print(
        f"kept {done.kept} samples, left out {done.lost}; wrote {done.pictures} picture(s) and {done.annotations} "
        "annotation(s)"
    )
    if done.findings:
        print(action_totals(done.findings))
    print(f"wrote {done.manifest} and {done.manifest.with_name(PAGE)}")


def _weights_list(_: argparse.Namespace) -> None:
    from algorithm.cli.weights import list_weights

    list_weights()


def _weights_inspect(arguments: argparse.Namespace) -> None:
    from algorithm.cli.weights import inspect

    inspect(arguments.path)


def _weights_fetch(arguments: argparse.Namespace) -> None:
    from algorithm.models.weights.fetching import fetch_weights

    print(fetch_weights(arguments.model_name, arguments.output or None))


def _weights_import(arguments: argparse.Namespace) -> None:
    from algorithm.cli.weights import import_weights

    print(import_weights(arguments.path, arguments.model_name, arguments.output))


def _data_convert(arguments: argparse.Namespace) -> None:
    from algorithm.data.conversion import convert

    execute = None
    if arguments.beam is not None:
        from algorithm.data.conversion.beam import beam_execution

        execute = beam_execution(arguments.beam)
    done = convert(
        arguments.data_url,
        arguments.output,
        arguments.format,
        shards=arguments.shards,
        workers=arguments.workers,
        clean=arguments.clean,
        seed=arguments.seed,
        execute=execute,
    )
    for warning in done.warnings:
        print(f"WARNING {warning}", file=sys.stderr)
    print(f"{done.pictures} pictures: {done.path}")


def _benchmark(arguments: argparse.Namespace) -> None:
    from algorithm.cli.benchmark import run_benchmarks

    run_benchmarks(arguments)


def _describe(arguments: argparse.Namespace) -> None:
    from algorithm.cli.describe import table_text, write_files

    print(table_text(arguments.language))
    for path in write_files(Path(arguments.output)):
        print(f"wrote {path}", file=sys.stderr)


def _demo(arguments: argparse.Namespace) -> int:
    from algorithm.cli.demo import run_demo

    return run_demo(Path(arguments.output), arguments.start)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
