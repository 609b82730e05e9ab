"""The verbs for a person: python -m algorithm VERB. Each imports what it needs when it is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from algorithm import failure, train

Command = Callable[[argparse.Namespace], int | None]


def main(argv: Sequence[str]) -> int:
    """Do what argv asks and return the exit code."""
    if argv[:1] == ["train"]:
        return train.main(argv[1:])
    if argv[:1] == ["evaluate"]:
        return train.main([*argv[1:], *(() if {"-h", "--help"} & set(argv) else ("--mode=eval",))])
    arguments = _parser().parse_args(argv)
    train.start_logging()
    return failure.exit_code_of(lambda: arguments.command(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m algorithm", description="EfficientDet, from a dataset to a service.")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb, help_text in (("train", "run a training job"), ("evaluate", "the same job with --mode=eval")):
        verbs.add_parser(verb, help=f"{help_text}; its flags: python -m algorithm describe")
    _add_predict(verbs)
    _add_serve(verbs)
    _add_data(verbs)
    _add_describe(verbs)
    _add_demo(verbs)
    return parser


def _add_predict(verbs: argparse._SubParsersAction) -> None:
    verb = _add(verbs, "predict", "draw the detections of a model folder into pictures", _predict)
    verb.add_argument("--model_dir", required=True, help="model folder that a training job left")
    verb.add_argument("--images", required=True, help="a picture, a folder, or a pattern such as 'photos/*.jpg'")
    verb.add_argument("--output", required=True, help="folder for annotated pictures and detections.json")


def _add_serve(verbs: argparse._SubParsersAction) -> None:
    verb = _add(verbs, "serve", "answer over HTTP as the platform's container does", _serve)
    verb.add_argument("--model_dir", required=True, help="model folder that a training job left")
    verb.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    verb.add_argument("--port", type=int, default=8080, help="port to listen on, 0 for any (default: %(default)s)")
    verb.add_argument("--threads", type=int, default=4, help="requests answered at once (default: %(default)s)")


def _add_data(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("data", help="make or check a dataset")
    kinds = verb.add_subparsers(title="verbs", metavar="VERB", required=True)
    sample = _add(kinds, "sample", "write a rendered dataset with VOC annotations and a manifest", _data_sample)
    sample.add_argument("--output", required=True, help="folder to write")
    sample.add_argument("--count", type=int, default=300, help="number of pictures (default: %(default)s)")
    sample.add_argument("--seed", type=int, default=0, help="another seed gives other pictures (default: %(default)s)")
    sample.add_argument("--size", type=int, default=208, help="typical side in pixels (default: %(default)s)")
    check = _add(kinds, "check", "load a dataset as a training job would and say what is in it", _data_check)
    check.add_argument("--data_url", required=True, help="manifest or folder")
    check.add_argument("--clean", action="store_true", help="leave out unusable samples instead of stopping at them")
    check.add_argument("--seed", type=int, default=0, help="seed of the split where none is given")


def _add_describe(verbs: argparse._SubParsersAction) -> None:
    verb = _add(verbs, "describe", "print the hyperparameters and write manifests/algorithm.json", _describe)
    verb.add_argument("--language", choices=("en", "zh"), default="en", help="of the printed table")
    verb.add_argument("--output", default=".", help="folder that gets manifests/ (default: the current one)")


def _add_demo(verbs: argparse._SubParsersAction) -> None:
    verb = _add(verbs, "demo", "generate, train, evaluate, serve and ask, on a small scale", _demo)
    verb.add_argument("--output", default="build/demo", help="folder to write (default: %(default)s)")


def _add(verbs: argparse._SubParsersAction, name: str, help_text: str, command: Command) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=help_text, description=help_text)
    verb.set_defaults(command=command)
    return verb


def _predict(arguments: argparse.Namespace) -> None:
    from algorithm.ops.drawing import draw_detections
    from algorithm.serving.prediction import predict

    print(predict(arguments.model_dir, arguments.images, arguments.output, draw=draw_detections))


def _serve(arguments: argparse.Namespace) -> None:
    from algorithm.serving.server import serve

    serve(arguments.model_dir, host=arguments.host, port=arguments.port, threads=arguments.threads)


def _data_sample(arguments: argparse.Namespace) -> None:
    from algorithm.data.scenes import write_sample_dataset

    print(write_sample_dataset(arguments.output, count=arguments.count, seed=arguments.seed, size=arguments.size))


def _data_check(arguments: argparse.Namespace) -> None:
    import tempfile

    from algorithm.data import load_dataset

    with tempfile.TemporaryDirectory() as folder:
        path = Path(arguments.data_url)
        dataset = load_dataset(path, clean=arguments.clean, seed=arguments.seed, work_dir=Path(folder))
    for warning in dataset.warnings:
        print(f"WARNING {warning}", file=sys.stderr)
    for usage, samples in (("train", dataset.train), ("eval", dataset.eval)):
        print(f"{usage}: {len(samples)} pictures, {sum(len(sample.labels) for sample in samples)} objects")
    print("classes: " + ", ".join(dataset.label_names))


def _describe(arguments: argparse.Namespace) -> None:
    from algorithm.describe import table_text, write_files

    print(table_text(arguments.language))
    for path in write_files(Path(arguments.output)):
        print(f"wrote {path}", file=sys.stderr)


def _demo(arguments: argparse.Namespace) -> int:
    from algorithm.demo import run_demo

    return run_demo(Path(arguments.output))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
