"""demo: dataset, training job, service and one request, on a small scale.

Every step is the real command.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

from algorithm.cli.output_folder import claim_folder
from algorithm.cli.verb import Verb
from algorithm.errors import AlgorithmError
from algorithm.jobs.outputs.train_url_refusal import refusal_of_train_url

PACKAGE = Path(__file__).resolve().parents[2]
# What to start from, with its flags and the AP50 it must reach.
STARTS = {
    "imagenet": (
        {
            "pretrained": "auto",
            "fine_tune_checkpoint_type": "classification",
            "num_epochs": "20",
        },
        0.85,
    ),
    "scratch": ({"pretrained": "none", "num_epochs": "40"}, 0.7),
}

DATASET = {"count": "300", "seed": "0", "size": "208"}
TRAINING = {
    "mode": "train",
    "model_name": "efficientdet-lite0",
    "train_batch_size": "8",
    "eval_batch_size": "8",
    "do_data_cleaning": "True",
    "hparams": "moving_average_decay=0,optimizer=adam,learning_rate=0.016,lr_warmup_init=0.0016,"
    "image_size=128,jitter_min=0.7,jitter_max=1.4,keep_checkpoint_max=1",
}
START_SECONDS = 120
ANSWER_SECONDS = 60
_OPENER = urllib.request.build_opener(
    urllib.request.ProxyHandler({})
)  # this machine is never behind a proxy


def run_demo(output: Path, start: str = "imagenet") -> int:
    """Generate, train, evaluate, export, serve and ask; print each result.

    Args:
        output: folder for all that is written.
        start: a key of STARTS.

    Returns:
        0.

    Raises:
        ArgumentError: a folder of it holds what no demo wrote.
        AlgorithmError: a step fails, or AP50 on the EVAL pictures is below the bar of the start.
    """
    flags, least_ap50 = STARTS[start]
    begun = time.monotonic()
    data, train_url, folder = (output.resolve() / name for name in ("data", "train", "predictions"))
    claim_folder(str(data), "data sample")
    claim_folder(str(folder), "predict")
    refusal = refusal_of_train_url(str(train_url), "")
    if refusal:
        raise refusal
    for earlier in (data, train_url, folder):
        shutil.rmtree(earlier, ignore_errors=True)
    _say(f"1/4 dataset: {DATASET['count']} rendered pictures")
    _algorithm("data", "sample", *_flags(DATASET | {"output": str(data)}))
    _say("2/4 training job: train, evaluate, export")
    places = {"data_url": str(data / "sample.manifest"), "train_url": str(train_url)}
    _run([sys.executable, str(PACKAGE / "train.py"), *_flags(TRAINING | flags | places)])
    picture = _first_eval_picture(data / "sample.manifest")
    _say(f"3/4 service: POST {picture}")
    print(json.dumps(ask_service(train_url / "model", picture), ensure_ascii=False))
    _say("4/4 annotated picture")
    model = str(train_url / "model")
    _algorithm(
        "predict", *_flags({"model_dir": model, "images": str(picture), "output": str(folder)})
    )
    ap50 = json.loads((train_url / "metrics.json").read_text("utf-8"))["AP50"] or 0.0
    _say(f"EVAL AP50 {ap50:.3f}, metrics: {train_url / 'metrics.json'}")
    _say(f"annotated picture: {next(folder.glob('*.jpg'))}")
    _say(f"done in {(time.monotonic() - begun) / 60:.1f} min")
    if ap50 < least_ap50:
        raise AlgorithmError(
            f"expected EVAL AP50 of at least {least_ap50}, found {ap50:.3f} in {train_url}"
        )
    return 0


def ask_service(model_dir: Path, picture: Path) -> dict:
    """Start the service of model_dir, post the picture, stop the service; return the reply.

    Raises:
        AlgorithmError: the service does not become healthy or does not answer.
    """
    port = _free_port()
    command = [
        sys.executable,
        "-m",
        "algorithm",
        "serve",
        *_flags({"model_dir": str(model_dir), "port": str(port), "lame_duck": "0"}),
    ]
    with subprocess.Popen(command, cwd=PACKAGE.parent) as service:
        try:
            _wait_until_healthy(service, f"http://127.0.0.1:{port}/health")
            with _OPENER.open(
                _upload(f"http://127.0.0.1:{port}/", picture), timeout=ANSWER_SECONDS
            ) as reply:
                return json.loads(reply.read())
        except OSError as error:
            raise AlgorithmError(
                f"expected a reply from the service of {model_dir}, found {error}"
            ) from error
        finally:
            service.terminate()


def _first_eval_picture(manifest: Path) -> Path:
    samples = map(json.loads, manifest.read_text("utf-8").splitlines())
    return manifest.parent / next(
        sample["source"] for sample in samples if sample["usage"] == "EVAL"
    )


def _upload(url: str, picture: Path) -> urllib.request.Request:
    """Return a multipart/form-data request with the picture in the field "images"."""
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="images"; filename="picture.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    body = head.encode() + picture.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    return urllib.request.Request(
        url, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )


def _wait_until_healthy(service: subprocess.Popen, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise AlgorithmError(
                f"expected the service to start, found exit code {service.returncode}"
            )
        try:
            with _OPENER.open(url, timeout=2):
                return
        except OSError:
            time.sleep(0.3)
    raise AlgorithmError(
        f"expected the service to be healthy within {START_SECONDS} s, found no answer at {url}"
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _algorithm(*words: str) -> None:
    _run([sys.executable, "-m", "algorithm", *words])


def _run(command: list[str]) -> None:
    code = subprocess.run(command, cwd=PACKAGE.parent, check=False).returncode
    if code:
        raise AlgorithmError(f"expected exit code 0, found {code} of: {' '.join(command)}")


def _flags(options: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def _say(line: str) -> None:
    print(f"== {line}", flush=True)


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", default="build/demo", help="folder to write (default: %(default)s)"
    )
    parser.add_argument(
        "--start", choices=tuple(STARTS), default="imagenet", help="weights to begin with"
    )


VERB = Verb(
    "demo",
    "generate, train, evaluate, serve and ask, on a small scale",
    _add_flags,
    lambda arguments: run_demo(Path(arguments.output), arguments.start),
)
