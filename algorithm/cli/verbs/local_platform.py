"""platform: jobs and services on this machine, behind the calls of the managed platform's API."""

from __future__ import annotations

import argparse

from algorithm.cli.verb import Verb
from algorithm.errors import ArgumentError
from algorithm.local_platform.settings import Settings


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", required=True, help="folder for jobs, services and their state")
    parser.add_argument(
        "--obs_root",
        default="",
        help="folder whose folders are the buckets of obs:// and s3:// (default: a real store)",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    for name, kind, default, text in (
        ("port", int, 8090, "port to listen on, 0 for any"),
        ("slots", int, Settings.slots, "jobs that run at a time"),
        (
            "upload_seconds",
            float,
            Settings.upload_seconds,
            "seconds between copies of a job's outputs",
        ),
        (
            "stop_seconds",
            float,
            Settings.stop_seconds,
            "seconds a job has between SIGTERM and SIGKILL",
        ),
    ):
        parser.add_argument(
            f"--{name}", type=kind, default=default, help=f"{text} (default: %(default)g)"
        )
    parser.add_argument(
        "--predownload",
        action="store_true",
        help="an output begins with what lies in its place, so that a job resumes",
    )
    parser.add_argument(
        "--no_signature",
        action="store_true",
        help="take calls without a signature, from every user of this machine",
    )


def _run(arguments: argparse.Namespace) -> None:
    for name in ("slots", "upload_seconds", "stop_seconds"):
        if getattr(arguments, name) <= 0:
            raise ArgumentError(f"--{name}: expected more than 0, found {getattr(arguments, name)}")
    if arguments.no_signature and arguments.host not in ("127.0.0.1", "localhost", "::1"):
        raise ArgumentError(
            f"--no_signature: expected --host 127.0.0.1 with it, found {arguments.host}: whoever "
            "reaches the platform can run commands here"
        )
    from algorithm.local_platform.api.platform_server import serve

    serve(
        Settings(
            arguments.root,
            arguments.slots,
            arguments.upload_seconds,
            arguments.stop_seconds,
            arguments.predownload,
        ),
        arguments.host,
        arguments.port,
        arguments.obs_root,
        not arguments.no_signature,
    )


VERB = Verb("platform", "jobs and services on this machine, as on the platform", _add_flags, _run)
