"""serve: a model folder answers over HTTP as the platform's container does."""

from __future__ import annotations

import argparse

from algorithm.cli.early_checks import check_model_folder
from algorithm.cli.verb import Verb
from algorithm.modelarts.platform_requests import PORT
from algorithm.serving.limits import Limits
from algorithm.serving.parent_end import end_with_stdin


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model_dir", required=True, help="model folder that a training job left")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    for name, kind, default, text in (
        ("port", int, PORT, "port to listen on, 0 for any (default: %(default)s)"),
        ("batch", int, Limits.batch, "pictures through the network at once (default: %(default)s)"),
        (
            "batch_wait_ms",
            float,
            1000 * Limits.batch_wait,
            "longest wait for a batch to fill (default: %(default)g)",
        ),
        ("queue", int, Limits.queue, "waiting requests before more get 503 (default: %(default)s)"),
        (
            "threads",
            int,
            Limits.threads,
            "requests answered at once (default: those of all batches, of two at least)",
        ),
        (
            "batches",
            int,
            Limits.batches,
            "batches through the network at a time, each with its part of the cores "
            "(default: two, with one core one)",
        ),
        (
            "lame_duck",
            float,
            Limits.lame_duck,
            "seconds after SIGTERM that new requests are answered "
            "(default: %(default)g, as the platform asks)",
        ),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default, help=text)
    parser.add_argument(
        "--until_stdin_closes",
        action="store_true",
        help="end, as after SIGTERM, when standard input closes: with the process that holds it",
    )


def _run(arguments: argparse.Namespace) -> None:
    check_model_folder(arguments.model_dir)
    if arguments.until_stdin_closes:
        end_with_stdin()
    from algorithm.serving.server import serve

    serve(
        arguments.model_dir,
        host=arguments.host,
        port=arguments.port,
        limits=Limits(
            batch=max(1, arguments.batch),
            batch_wait=arguments.batch_wait_ms / 1000,
            queue=max(1, arguments.queue),
            batches=max(0, arguments.batches),
            threads=max(0, arguments.threads),
            lame_duck=max(0.0, arguments.lame_duck),
        ),
    )


VERB = Verb("serve", "answer over HTTP as the platform's container does", _add_flags, _run)
