"""Latency, memory, parameters and operations of exported candidates for the tiny models, against D0
in turns in one run.

    python -m benchmarks.tiny_search --output build/tiny [--only d0,320-c3-h3] [--rounds 15]
    python -m benchmarks.tiny_search --output build/tiny --evaluate coco128 --pretrained LITE0
    python -m benchmarks.tiny_search --output build/tiny --train raccoon.manifest --pretrained LITE0
    --epochs 8 --seed 0

The first measures; the second gives the candidates that they fit lite0's published weights as they
are, and adds the AP on COCO pictures; the third trains each candidate in a short job and adds its
AP. All keep what they find in OUTPUT/search.json and write OUTPUT/search.md and OUTPUT/search.png
from it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from algorithm.data import load_dataset
from algorithm.evaluation.evaluator import Evaluator
from algorithm.export.saved_model import ServingModule
from algorithm.models import Detector, build_detector
from algorithm.models.weights import load_weights
from algorithm.models.weights.coco_label_map import COCO_LABEL_NAMES
from algorithm.ops.detections import NmsConfig
from algorithm.storage.atomic_files import write_json
from benchmarks.tiny_candidates import CANDIDATES, REFERENCE, Candidate, put_in_place
from benchmarks.tiny_tables import plot, table

CLASSES = 20
PHOTO = (480, 640)
BATCHES = (1, 8)
# The model name that a candidate takes in this process, and in a training job.
_SLOT = "efficientdet-lite0"


def main() -> None:
    """Measures or trains, then writes the table and the plot."""
    arguments = _arguments()
    if arguments.run_once:
        _run_once(Path(arguments.run_once))
        return
    if arguments.train_one:
        _train_one(arguments)
        return
    chosen = [
        CANDIDATES[name] for name in (arguments.only.split(",") if arguments.only else CANDIDATES)
    ]
    record = arguments.output / "search.json"
    found = json.loads(record.read_text()) if record.is_file() else {}
    work = _trained if arguments.train else _evaluated if arguments.evaluate else _measured
    figures = work(chosen, arguments)
    for name, values in figures.items():
        found.setdefault(name, {}).update(values)
    write_json(record, found)
    (arguments.output / "search.md").write_text(table(found))
    plot(found, arguments.output / "search.png")
    print(table(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("build/tiny"))
    for name in ("only", "evaluate", "train", "run_once", "train_one"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--pretrained", default="auto")
    for name, default in (("rounds", 15), ("epochs", 8), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def _measured(chosen: list[Candidate], arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Parameters, operations, latencies (ratios to the reference of the same round) and peak
    memory of each.
    """
    figures = {
        each.name: _exported(each, arguments.output / "models" / each.name) for each in chosen
    }
    models = {
        each.name: tf.saved_model.load(str(arguments.output / "models" / each.name))
        for each in chosen
    }
    for batch in BATCHES:
        for kind in ("network", "end_to_end"):
            runs = {
                each.name: _call(models[each.name], kind, batch, each.preset.image_size)
                for each in chosen
            }
            times = _in_turns(
                runs, arguments.rounds if batch == 1 else max(3, arguments.rounds // 2)
            )
            for name, values in times.items():
                ratios = (
                    [value / base for value, base in zip(values, times[REFERENCE], strict=True)]
                    if REFERENCE in times
                    else []
                )
                figures[name][f"{kind}_b{batch}"] = 1000 * statistics.median(values)
                figures[name][f"{kind}_b{batch}_ratio"] = (
                    statistics.median(ratios) if ratios else None
                )
            print(
                kind,
                batch,
                {
                    name: round(value[f"{kind}_b{batch}_ratio"] or 0, 3)
                    for name, value in figures.items()
                },
                flush=True,
            )
    alone = _peak("nothing")
    for each in chosen:
        figures[each.name]["peak_mib"] = _peak(str(arguments.output / "models" / each.name)) - alone
    return figures


def _exported(candidate: Candidate, folder: Path) -> dict[str, Any]:
    """Writes the candidate as a job exports it, with the bare network as a second signature;
    its size in numbers.
    """
    put_in_place(candidate, _SLOT)
    detector = build_detector(_SLOT, CLASSES)
    module = ServingModule(detector, NmsConfig())
    spec = tf.TensorSpec((None, *detector.image_size, 3), tf.float32, "images")
    module.network = tf.function(
        lambda images: detector(images, training=False), input_signature=[spec]
    )
    shutil.rmtree(folder, ignore_errors=True)
    tf.saved_model.save(
        module, str(folder), signatures={"serving_default": module.serve, "network": module.network}
    )
    parameters = sum(int(np.prod(variable.shape)) for variable in detector.trainable_variables)
    return {
        "lever": candidate.lever,
        "start": candidate.start,
        "size": candidate.preset.image_size,
        "parameters": parameters,
        "macs": _multiply_adds(detector),
    }


def _multiply_adds(detector: Detector) -> int:
    """Half the floating-point operations that TensorFlow's profiler counts for one picture."""
    call = tf.function(lambda images: detector(images, training=False))
    graph = call.get_concrete_function(
        tf.TensorSpec((1, *detector.image_size, 3), tf.float32)
    ).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder(
        tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    )
    counted = tf.compat.v1.profiler.profile(graph, options=options.with_empty_output().build())
    return counted.total_float_ops // 2


def _call(model: Any, kind: str, batch: int, size: int) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    if kind == "network":
        images = tf.constant(rng.standard_normal((batch, size, size, 3)), tf.float32)
        return lambda: model.signatures["network"](images=images)["box_deltas"].numpy()
    images = tf.constant(rng.integers(0, 256, (batch, *PHOTO, 3)), tf.uint8)
    return lambda: model.signatures["serving_default"](images=images)["num_detections"].numpy()


def _in_turns(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call, in rounds over all of them; two rounds come before that are not
    counted.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 2):
        for name, run in runs.items():
            begun = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - begun)
    return {name: values[2:] for name, values in times.items()}


def _peak(folder: str) -> float:
    """Peak memory in MiB of a process that loads the model in a folder, where there is one,
    and answers one photo.
    """
    command = [sys.executable, "-m", "benchmarks.tiny_search", "--run_once", folder]
    return float(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
    )


def _run_once(folder: Path) -> None:
    if folder.is_dir():
        _call(tf.saved_model.load(str(folder)), "end_to_end", 1, 0)()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _evaluated(chosen: list[Candidate], arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """AP of lite0's published weights in each candidate that has no other variables, on all
    pictures of a COCO dataset.
    """
    folder = arguments.output / "coco"
    folder.mkdir(parents=True, exist_ok=True)
    dataset = load_dataset(
        Path(arguments.evaluate),
        clean=True,
        seed=0,
        work_dir=folder,
        label_names=COCO_LABEL_NAMES,
        resolve=Path,
        require=("train",),
        pictures_dir=folder,
    )
    dataset = dataclasses.replace(dataset, eval=(*dataset.train, *dataset.eval))
    figures = {}
    for each in (candidate for candidate in chosen if candidate.start == "coco"):
        put_in_place(each, _SLOT)
        detector = build_detector(_SLOT, len(COCO_LABEL_NAMES))
        load_weights(detector, arguments.pretrained, "full")
        metrics = Evaluator(detector, NmsConfig(), dataset, 8).run()[0].metrics
        figures[each.name] = {"COCO_AP": metrics["AP"], "COCO_APs": metrics["APs"]}
        print(each.name, figures[each.name], flush=True)
    return figures


def _trained(chosen: list[Candidate], arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """AP and AP50 on EVAL after a short training job of each candidate, in a process of its own."""
    figures = {}
    for each in chosen:
        command = [
            sys.executable,
            "-m",
            "benchmarks.tiny_search",
            "--train_one",
            each.name,
            "--output",
            str(arguments.output),
            "--train",
            arguments.train,
            "--pretrained",
            arguments.pretrained,
            "--epochs",
            str(arguments.epochs),
            "--seed",
            str(arguments.seed),
        ]
        subprocess.run(command, check=True)
        metrics = json.loads((_job_folder(each.name, arguments) / "metrics.json").read_text())
        figures[each.name] = {f"AP_{Path(arguments.train).stem}_{arguments.seed}": metrics["AP"]}
        print(each.name, metrics["AP"], metrics["AP50"], flush=True)
    return figures


def _job_folder(name: str, arguments: argparse.Namespace) -> Path:
    return arguments.output / "jobs" / f"{name}-{Path(arguments.train).stem}-{arguments.seed}"


def _train_one(arguments: argparse.Namespace) -> None:
    from algorithm.hyperparameters import parse
    from algorithm.jobs import job

    candidate = CANDIDATES[arguments.train_one]
    put_in_place(candidate, _SLOT)
    start = {
        "coco": [f"--pretrained={arguments.pretrained}"],
        "imagenet": [
            f"--pretrained={arguments.pretrained}",
            "--fine_tune_checkpoint_type=classification",
        ],
        "": ["--pretrained=none"],
    }[candidate.start]
    folder = _job_folder(candidate.name, arguments)
    job.run(
        parse(
            [
                f"--data_url={arguments.train}",
                f"--train_url={folder}",
                "--mode=train",
                f"--model_name={_SLOT}",
                f"--num_epochs={arguments.epochs}",
                f"--hparams=moving_average_decay=0,seed={arguments.seed}",
                *start,
            ]
        )
    )


if __name__ == "__main__":
    main()
