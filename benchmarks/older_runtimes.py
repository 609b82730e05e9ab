"""Which runtimes read what is exported, and whether they answer alike: docs/reference/runtimes.md.

    make runtime
    python benchmarks/older_runtimes.py --presets efficientdet-d0,retinanet-resnet50 \
        --model_dir JOB/model --pythons build/tensorflow-2.6.0/bin/python,OTHER/bin/python \
        --picture a.jpg --work build/runtimes

Every model is exported in every format by the TensorFlow installed here, and asked for one picture
by each Python that has a TensorFlow or an ONNX Runtime. A preset has weights made up by chance,
whose scores lie apart. An answer is the same where each detection of either side is on the other:
score within 1e-3, box within 0.5 pixels, same class; of raw numbers, where none is off by more than
a thousandth of the largest. Needs the extra `export`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]
SCRIPT = PROJECT / "tests" / "export" / "older_runtimes" / "answers.py"
SAVED_MODEL = ("loaded", "session", "handler of platform", "handler alone")
FILES = {
    "frozen": "frozen",
    "tflite": "tflite",
    "tflite_fp16": "tflite",
    "tflite_int8": "tflite",
    "onnx": "onnx",
}
SCORE, PIXELS, SHARE = 1e-3, 0.5, 1e-3
ABOUT = """
import sys
print("Python %d.%d" % sys.version_info[:2])
for name in ("tensorflow", "onnxruntime"):
    try:
        print(name, __import__(name).__version__)
    except ImportError:
        pass
"""


def made_up(name: str, folder: Path, *, hard: bool) -> Path:
    """A model folder of a preset at its own size, with a teacher."""
    from distinct_scores import with_distinct_scores

    from algorithm.distillation.teacher_file import FOLDER, freeze_graph
    from algorithm.export import export_saved_model, package_model
    from algorithm.models import build_detector
    from algorithm.ops.detections import NmsConfig

    detector = build_detector(name, 5)
    with_distinct_scores(detector)
    saved = export_saved_model(
        detector, folder / "saved", NmsConfig("hard" if hard else "gaussian")
    )
    freeze_graph(detector, saved / FOLDER, tuple("abcde"))
    return package_model(
        saved, folder / "model", label_names=list("abcde"), metrics={}, beside=(FOLDER,)
    )


def questions(model: Path, picture: np.ndarray, work: Path, formats: list[str]) -> list[dict]:
    """A request for each way to ask the model and its exports."""
    from algorithm.export.formats import export_model

    np.save(work / "picture.npy", picture[None])
    asked = [{"way": way, "model": str(model), "format": "model"} for way in SAVED_MODEL]
    if (model / "frozen").is_dir():
        asked.append({"way": "teacher", "model": str(model / "frozen"), "format": "teacher"})
        height, width = json.loads((model / "frozen/teacher.json").read_text())["image_size"]
        numbers = np.random.default_rng(0).normal(size=(1, height, width, 3))
        np.save(work / "teacher.npy", numbers.astype(np.float32))
    for name in formats:
        folder = work / name
        if not folder.is_dir():
            export_model(model, folder, name, calibration=lambda size: _pictures(picture, size))
        about = json.loads((folder / "export.json").read_text())
        asked.append({"way": FILES[name], "model": str(folder / about["file"]), "format": name})
        if "image_size" in about:
            pixels = next(_pictures(picture, about["image_size"]))[None]
            np.save(work / f"{name}.npy", pixels.astype("uint8" if "int8" in name else "float32"))
    for row in asked:
        given = row["format"] if (work / f"{row['format']}.npy").is_file() else "picture"
        row["pixels"] = str(work / f"{given}.npy")
    return asked


def _pictures(picture: np.ndarray, size: list[int]):
    from PIL import Image

    yield np.asarray(Image.fromarray(picture).resize(size[::-1])).astype(np.float32)


def ask(python: str, asked: list[dict], work: Path) -> list[tuple[str | None, float, dict]]:
    """(error or None, seconds, outputs) of each request."""
    work.mkdir(parents=True, exist_ok=True)
    for place, row in enumerate(asked):
        row["answer"] = str(work / f"{place}.npz")
    (work / "requests.json").write_text(json.dumps(asked))
    ran = subprocess.run(
        [python, str(SCRIPT), str(work / "requests.json")], capture_output=True, text=True
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith('{"error"')]
    lines += [{"error": f"died: {ran.stderr[-200:]}", "seconds": 0.0}] * (len(asked) - len(lines))
    return [
        (line["error"], line["seconds"], {} if line["error"] else dict(np.load(row["answer"])))
        for row, line in zip(asked, lines, strict=True)
    ]


def difference(expected: dict, found: dict) -> str:
    """`same`, or what is not. expected: empty where today's runtime does not read it itself."""
    if not expected:
        return "answers, as nothing else does"
    if "detection_scores" not in expected:
        worst = max(
            float(np.abs(found[name] - value).max() / np.abs(value).max())
            for name, value in expected.items()
        )
        return "same" if worst <= SHARE else f"off by {worst:.1g} of the largest"
    one, other = _rows(expected), _rows(found)
    alone = sum(not _has(other, *row) for row in one) + sum(not _has(one, *row) for row in other)
    return "same" if not alone else f"{alone} of {len(one) + len(other)} detections alone"


def _rows(answer: dict) -> list[tuple[np.ndarray, float, object]]:
    boxes, scores, classes = (
        np.asarray(answer[f"detection_{name}"]) for name in ("boxes", "scores", "classes")
    )
    boxes, scores, classes = boxes.reshape(-1, 4), scores.ravel(), classes.ravel()
    count = int(answer["num_detections"][0]) if "num_detections" in answer else len(scores)
    return list(zip(boxes[:count], scores[:count], classes[:count], strict=True))


def _has(rows: list, box: np.ndarray, score: float, name: object) -> bool:
    return any(
        other == name and abs(value - score) <= SCORE and np.abs(place - box).max() <= PIXELS
        for place, value, other in rows
    )


def main() -> None:
    """Export, ask, print a line of JSON for each answer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", default="", help="comma list; every second one has hard NMS")
    parser.add_argument("--model_dir", default="", help="comma list of model folders")
    parser.add_argument("--pythons", required=True, help="comma list of the runtimes' Pythons")
    parser.add_argument("--formats", default=",".join(FILES), help="comma list, may be empty")
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    from PIL import Image

    picture = np.asarray(Image.open(options.picture).convert("RGB"))
    models = {
        Path(path).parent.name: Path(path) for path in filter(None, options.model_dir.split(","))
    }
    for place, name in enumerate(filter(None, options.presets.split(","))):
        folder = options.work / name
        made = folder / "model"
        models[name] = made if made.is_dir() else made_up(name, folder, hard=place % 2 == 1)
    for name, model in models.items():
        work = options.work / name
        work.mkdir(parents=True, exist_ok=True)
        asked = questions(model, picture, work, list(filter(None, options.formats.split(","))))
        today = ask(sys.executable, asked, work / "today")
        for python in [sys.executable, *options.pythons.split(",")]:
            about = subprocess.run([python, "-c", ABOUT], capture_output=True, text=True).stdout
            has = {line.split()[0] for line in about.splitlines()}
            rows = [
                place
                for place, row in enumerate(asked)
                if ("onnxruntime" if row["way"] == "onnx" else "tensorflow") in has
            ]
            answers = ask(python, [dict(asked[place]) for place in rows], work / "asked")
            for place, (error, seconds, found) in zip(rows, answers, strict=True):
                what = error or difference(today[place][2], found)
                row = {"model": name, "runtime": about.split("\n"), "answer": what[:200]}
                row |= {key: asked[place][key] for key in ("format", "way")} | {"seconds": seconds}
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
