"""AP of a small model trained alone and with each kind of distillation, in the same number of
epochs, over several seeds.

    python -m benchmarks.distillation_gain --data_url=raccoon.manifest --teacher=TEACHER/model
      [--student=efficientdet-t2] [--epochs=5] [--seeds=0,1,2] [--kinds=alone,offline-plain,...]
      [--output=gain.json] [flags of a training job]

What it trains is what a job with these flags trains. One process builds the train step of each kind
once and takes it back to the start for every seed, so that a seed costs its steps alone. Results
are written after each seed; those that are there are kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import keras

from algorithm.data import Dataset, load_dataset
from algorithm.distillation.distiller import PEER
from algorithm.distillation.job_distillation import find_distiller, find_peer
from algorithm.evaluation.evaluator import Evaluator
from algorithm.hyperparameters import Hyperparameters, parse
from algorithm.jobs.from_hyperparameters import (
    beginning_of,
    loss_config,
    nms_config,
    plan_of,
    trainer_of,
    training_batches,
)
from algorithm.models.detector import Detector, build_detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights.warm_start import Start, find_start
from algorithm.storage import stager
from algorithm.storage.atomic_files import write_json
from algorithm.training.trainer import Trainer

KINDS = ("alone", "offline-plain", "online-plain", "offline-foreground", "online-foreground")


def main() -> None:
    """Trains what is not in OUTPUT yet, then prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (
        ("data_url", None),
        ("teacher", ""),
        ("student", "efficientdet-t2"),
        ("epochs", "5"),
        ("seeds", "0,1,2"),
        ("kinds", ",".join(KINDS)),
        ("output", "gain.json"),
    ):
        parser.add_argument(f"--{name}", default=default, required=default is None)
    arguments, more = parser.parse_known_args()
    logging.basicConfig(level=logging.WARNING)
    output = Path(arguments.output)
    found: dict[str, dict[str, Any]] = json.loads(output.read_text()) if output.is_file() else {}
    with tempfile.TemporaryDirectory() as scratch:
        for kind in arguments.kinds.split(","):
            hp = _hyperparameters(kind, arguments, more)
            left = [
                seed
                for seed in map(int, arguments.seeds.split(","))
                if str(seed) not in found.get(kind, {})
            ]
            for seed, figures in _trained(hp, left, Path(scratch)) if left else ():
                found.setdefault(kind, {})[str(seed)] = figures
                write_json(output, found)
                print(kind, seed, figures, flush=True)
    print(table(found))


def table(found: dict[str, dict[str, Any]]) -> str:
    """Markdown: AP of the last epoch and of the best, which is what a job keeps, and the gain
    over `alone` with the same seed.
    """
    lines = [
        "| kind, epoch | AP of each seed | mean | spread | gain over alone, mean and spread | AP "
        "of the peer | s a step |",
        "|" + " --- |" * 7,
    ]
    for kind, seeds in found.items():
        for epoch, name in (("last", "AP"), ("best", "best_AP")):
            scores = {seed: figures[name] for seed, figures in seeds.items() if name in figures}
            if not scores:
                continue
            alone = found.get("alone", {}) if kind != "alone" else {}
            gains = [
                score - alone[seed][name]
                for seed, score in scores.items()
                if name in alone.get(seed, {})
            ]
            peers = [
                figures["peer_AP"]
                for figures in seeds.values()
                if "peer_AP" in figures and epoch == "last"
            ]
            lines.append(
                f"| {kind}, {epoch} | {', '.join(f'{score:.3f}' for score in scores.values())} "
                f"| {statistics.mean(scores.values()):.3f} | {_spread(scores.values()):.3f} "
                f"| {f'{statistics.mean(gains):+.3f}, {_spread(gains):.3f}' if gains else ''} "
                f"| {', '.join(f'{score:.3f}' for score in peers)} "
                "| "
                f"{statistics.median(figures['step_seconds'] for figures in seeds.values()):.2f} |"
            )
    return "\n".join(lines)


def _spread(values: Iterable[float]) -> float:
    values = list(values)
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _hyperparameters(kind: str, arguments: argparse.Namespace, more: list[str]) -> Hyperparameters:
    way, _, method = kind.partition("-")
    flags = {
        "alone": [],
        "offline": [
            "--use_offline_kd=True",
            f"--teacher_model_url={arguments.teacher}",
            f"--kd_method={method}",
        ],
        "online": ["--use_online_kd=True", f"--kd_method={method}"],
    }[way]
    return parse(
        [
            f"--data_url={arguments.data_url}",
            "--train_url=nowhere",
            f"--model_name={arguments.student}",
            f"--num_epochs={arguments.epochs}",
            *flags,
            *more,
        ]
    )


def _trained(hp: Hyperparameters, seeds: list[int], scratch: Path):
    """(seed, figures) of one kind."""
    keras.utils.set_random_seed(
        0
    )  # the generators of stochastic depth take their seeds when the network is made
    dataset = load_dataset(
        hp.data_url,
        clean=True,
        seed=0,
        work_dir=scratch,
        label_names=None,
        resolve=stager(hp.data_url, scratch),
        require=("train", "eval"),
        pictures_dir=scratch,
    )
    start = find_start(hp, scratch)
    detector = _student(hp, dataset, start)
    loss = loss_config(hp, dataset)
    distiller = find_distiller(hp, detector, dataset.label_names, loss, scratch)
    plan = plan_of(hp, len(dataset.train), hp.train_batch_size)
    trainer, _ = trainer_of(
        hp,
        detector,
        plan,
        1,
        distiller,
        loss,
        beginning_of(hp, detector, start, (), 1),
    )
    evaluators = [
        Evaluator(each, nms_config(hp), dataset, hp.eval_batch_size)
        for each in (detector, *trainer.peers)
    ]
    beginning = trainer.snapshot()
    for seed in seeds:
        own = dataclasses.replace(hp, seed=seed)
        keras.utils.set_random_seed(seed)
        trainer.restore({**beginning, **_values(own, dataset, start, trainer, scratch)})
        seconds, epochs, begun = [], [], time.perf_counter()
        for step, batch in enumerate(
            islice(
                training_batches(own, detector, dataset, 0, hp.train_batch_size, (0, 1), 1),
                plan.steps,
            ),
            1,
        ):
            figures = {name: float(value) for name, value in trainer.train_step(batch).items()}
            seconds.append(time.perf_counter() - begun)
            if step % plan.steps_per_epoch == 0 or step == plan.steps:
                epochs.append(evaluators[0].run()[0].metrics)
            begun = time.perf_counter()
        peers = [evaluator.run()[0].metrics["AP"] for evaluator in evaluators[1:]]
        yield (
            seed,
            {
                "AP": epochs[-1]["AP"],
                "AP50": epochs[-1]["AP50"],
                "best_AP": max(epoch["AP"] for epoch in epochs),
                "AP_of_epochs": [epoch["AP"] for epoch in epochs],
                **({"peer_AP": peers[0]} if peers else {}),
                "step_seconds": statistics.median(seconds[2:]),
                "last": figures,
                "load": os.getloadavg()[0],
            },
        )


def _student(hp: Hyperparameters, dataset: Dataset, start: Start | None) -> Detector:
    detector = build_detector(hp.model_name, len(dataset.label_names), hp.image_size)
    if start:
        start.load(detector)
    return detector


def _values(
    hp: Hyperparameters, dataset: Dataset, start: Start | None, trainer: Trainer, scratch: Path
) -> dict[str, Any]:
    """Weights of a fresh start with the seed; what an enlarged student has for itself starts
    as the student's.
    """
    student = _student(hp, dataset, start)
    values = {name: variable.numpy() for name, variable in published_variables(student).items()}
    if hp.peer_model:
        peer = published_variables(find_peer(hp, student, scratch))
        return values | {f"{PEER}/{name}": variable.numpy() for name, variable in peer.items()}
    return values | {
        name: values[name.removeprefix(f"{PEER}/")]
        for name in trainer.named
        if name.startswith(f"{PEER}/")
    }


if __name__ == "__main__":
    main()
