"""What a job's request asks for: commands, environment, inputs, outputs, processes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from algorithm.errors import ArgumentError

HOME = "/home/ma-user"  # of the platform's containers; here a folder of the job stands for it
MOUNT = f"{HOME}/modelarts"


@dataclass(frozen=True)
class Place:
    """An input or an output.

    Attributes:
        name: Its name, which is that of its flag or variable.
        url: Its obs:// address.
        local_dir: Its folder in the container, under HOME.
        by_flag: Whether the job is told by a flag; else by a variable.
    """

    name: str
    url: str
    local_dir: str
    by_flag: bool


@dataclass(frozen=True)
class JobPlan:
    """What a job does.

    Attributes:
        commands: One or several commands, one after another while they end well.
        variables: What the request adds to the environment.
        inputs: What is brought before.
        outputs: What is copied while it runs and at its end.
        code_url: The folder of code, "" for none.
        log_url: Where the logs go, "" for nowhere.
        nodes: Processes that run at a time.
        older: Whether it is a job of the first generation.
    """

    commands: tuple[tuple[str, ...], ...]
    variables: Mapping[str, str]
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]
    code_url: str
    log_url: str
    nodes: int
    older: bool


def obs_address(text: str) -> str:
    """Return /BUCKET/KEY, obs://BUCKET/KEY or s3://BUCKET/KEY as obs://BUCKET/KEY.

    Raises:
        ArgumentError: It is none of these, or leads out of its bucket.
    """
    key = text[1:] if text.startswith("/") else text.removeprefix("obs://").removeprefix("s3://")
    if key == text or not key.split("/")[0] or {"..", "."} & set(key.split("/")):
        raise ArgumentError(f"expected /BUCKET/FOLDER/ or obs://BUCKET/FOLDER/, found '{text}'")
    return f"obs://{key}"


def commands_of(text: str) -> tuple[tuple[str, ...], ...]:
    """Split a command as a shell would, without one; && stands between two commands.

    Raises:
        ArgumentError: It is empty or needs a shell.
    """
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        words = list(lexer)
    except ValueError as error:
        raise ArgumentError(f"command: {error}, in '{text}'") from error
    needs = next((word for word in words if word != "&&" and set(word) <= set("();<>|&")), "")
    needs = needs or next((mark for mark in ("`", "$(") if mark in text), "")
    if needs:
        raise ArgumentError(
            f"command: expected programs with their arguments, joined by &&, found '{needs}': no "
            "command of a request runs in a shell here. Put it into a script and name that"
        )
    commands: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            commands.append([])
        else:
            commands[-1].append(word)
    if not all(commands):
        raise ArgumentError(f"command: expected a program, found none in '{text}'")
    return tuple(map(tuple, commands))


def plan_of(request: Mapping[str, Any], older: bool = False) -> JobPlan:
    """Return what a request of the second generation asks for; its last command gets the flags.

    Args:
        request: The body, with the command and engine of its algorithm.
        older: Whether it was translated from a request of the first generation.

    Raises:
        ArgumentError: An address, a folder or the command is not possible.
    """
    told, spec = request["algorithm"], request["spec"]
    inputs, outputs = (_places(told.get(kind) or [], kind) for kind in ("inputs", "outputs"))
    flags = [f"--{each.name}={each.local_dir}" for each in (*inputs, *outputs) if each.by_flag]
    flags += [f"--{row['name']}={row.get('value', '')}" for row in told.get("parameters") or []]
    *before, last = commands_of(told["command"])
    variables = {each.name: each.local_dir for each in (*inputs, *outputs) if not each.by_flag}
    log = (spec.get("log_export_path") or {}).get("obs_url")
    return JobPlan(
        commands=(*before, (*last, *flags)),
        variables={**variables, **(told.get("environments") or {})},
        inputs=inputs,
        outputs=outputs,
        code_url=obs_address(told["code_dir"]) if told.get("code_dir") else "",
        log_url=obs_address(log) if log else "",
        nodes=int(spec["resource"]["node_count"]),
        older=older,
    )


def _places(rows: Sequence[Mapping[str, Any]], kind: str) -> tuple[Place, ...]:
    places = []
    for row in rows:
        folder = (row.get("local_dir") or f"{MOUNT}/{kind}/{row['name']}_0").rstrip("/")
        if not folder.startswith(f"{HOME}/") or ".." in folder.split("/"):
            raise ArgumentError(f"{row['name']}: expected a local_dir under {HOME}, found {folder}")
        url = obs_address(row["remote"]["obs"]["obs_url"])
        places.append(Place(row["name"], url, folder, row.get("access_method") != "env"))
    return tuple(places)


def environment_of(
    plan: JobPlan, identifier: str, index: int, addresses: Sequence[str]
) -> dict[str, str]:
    """Return the variables of one worker, as the platform sets them.

    Args:
        plan: The job.
        identifier: Its id.
        index: The worker, from 0.
        addresses: "host:port" of every worker. The platform gives hosts without ports; processes of
            one machine need them.
    """
    host, port = addresses[index].split(":")
    if plan.older:
        given = {
            "DLS_TASK_INDEX": str(index),
            "DLS_TASK_NUMBER": str(plan.nodes),
            "BATCH_CURRENT_HOST": addresses[index],
            "BATCH_CURRENT_PORT": port,
            **{f"BATCH_CUSTOM{number}_HOSTS": each for number, each in enumerate(addresses)},
        }
    else:
        given = {
            "MA_NUM_HOSTS": str(plan.nodes),
            "MA_NUM_GPUS": "0",
            "MA_TASK_NAME": "worker",
            "MA_CURRENT_IP": host,
            "MA_CURRENT_INSTANCE_NAME": f"modelarts-job-{identifier}-worker-{index}",
            "MA_HOME": HOME,
            "MA_JOB_DIR": f"{MOUNT}/user-job-dir",
            "MA_MOUNT_PATH": MOUNT,
            "MA_LOG_DIR": f"{MOUNT}/log",
            "VC_TASK_INDEX": str(index),
            "VC_WORKER_NUM": str(plan.nodes),
            "VC_WORKER_HOSTS": ",".join(addresses),
        }
    return {**given, **plan.variables}
