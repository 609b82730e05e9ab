"""Requests of the first generation as those of the second, and the answers they expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from algorithm.local_platform.api.answers import milliseconds
from algorithm.local_platform.api.request_checks import Refusal, check_shape, need
from algorithm.local_platform.api.request_shapes import JOB_V1
from algorithm.local_platform.ledger import Record
from algorithm.modelarts.platform_requests import PORT
from algorithm.serving.limits import BODY_LIMIT

# The numbers of JOBSTAT_*: waiting, running, killing, completed, failed, killed, lost.
_NUMBERS = {
    "Pending": 7,
    "Running": 8,
    "Terminating": 9,
    "Completed": 10,
    "Failed": 11,
    "Terminated": 12,
    "Abnormal": 14,
}
_SECONDS = 40  # until the older gateway gives up


def job_of(body: Any) -> dict[str, Any]:
    """Return a job of the second generation that does what one of the first asks for.

    Its `parameter` becomes environment variables, as with every image of one's own; places reach
    the job as obs:// addresses, between which it copies by itself.
    """
    check_shape(body, JOB_V1)
    config = need(body, "config", dict)
    rows = config.get("parameter") or []
    variables = {need(row, "label"): row.get("value") or "" for row in rows}
    for name, field in (("DLS_DATA_URL", "data_url"), ("DLS_TRAIN_URL", "train_url")):
        if config.get(field):
            variables[name] = f"obs:/{config[field]}"
    engine = {"engine_id": str(config["engine_id"])} if config.get("engine_id") else {}
    if config.get("user_image_url"):
        engine["image_url"] = config["user_image_url"]
    spec: dict[str, Any] = {
        "resource": {
            "flavor_id": str(need(config, "spec_id", int)),
            "node_count": need(config, "worker_server_num", int),
        }
    }
    if config.get("log_url"):
        spec["log_export_path"] = {"obs_url": config["log_url"]}
    return {
        "kind": "job",
        "metadata": {"name": need(body, "job_name"), "description": body.get("job_desc", "")},
        "algorithm": {
            "engine": engine,
            "command": config.get("user_command", ""),
            "environments": variables,
        },
        "spec": spec,
    }


def job_answer_v1(record: Record) -> dict[str, Any]:
    """Return a job: its numbers, name, status as a number of JOBSTAT_*, times in ms."""
    started, ended = record.facts.get("started"), record.facts.get("ended")
    return {
        "is_success": True,
        "job_id": record.number,
        "job_name": record.facts["request"]["metadata"]["name"],
        "version_id": record.number,
        "version_name": "V0001",
        "status": _NUMBERS[record.phase],
        "create_time": milliseconds(record.created),
        "start_time": milliseconds(started),
        "duration": milliseconds(ended - started) if started and ended else 0,
        "error_msg": record.facts.get("reason", ""),
    }


def service_of(body: Any, models: Mapping[str, Record]) -> dict[str, Any]:
    """Return a service of the second generation that does what one of the first asks for.

    Args:
        body: The request.
        models: The imported models by id.
    """
    if body.get("infer_type") != "real-time":
        raise Refusal(
            f"infer_type: the local platform has real-time only, found {body.get('infer_type')!r}"
        )
    groups = []
    for number, row in enumerate(need(body, "config", list)):
        model = models.get(need(row, "model_id"))
        if model is None:
            raise Refusal(f"config: expected an imported model, found {row['model_id']!r}")
        groups.append(
            {
                "name": f"model-{number}",
                "weight": row.get("weight", 100),
                "count": row.get("instance_count", 1),
                "unit_configs": [_unit(model.facts["request"]["source_location"])],
            }
        )
    invoke = {"port": PORT, "protocol": "HTTP", "auth_type": "TOKEN"}
    limit = {
        "rate_limit": {"num": 100, "unit": "SECONDS"},
        "request_size_limit": BODY_LIMIT >> 20,
        "request_timeout": _SECONDS,
    }
    return {
        "name": need(body, "service_name"),
        "description": body.get("description", ""),
        "type": "REAL_TIME",
        "deploy_type": "SINGLE",
        "group_configs": groups,
        "runtime_config": {"service_invoke": invoke, "service_limit": limit},
        "custom_metrics_path": f"http,{PORT},metrics",
    }


def _unit(address: str) -> dict[str, Any]:
    folder = {"source": "OBS", "address": address, "mount_path": "/home/mind/model/1/"}
    image = {"source": "SWR", "swr_path": "the platform's TensorFlow Serving"}
    return {"image": image, "files": [folder], "count": 1, "port": PORT}


def service_answer_v1(record: Record, state: tuple[str, str], host: str) -> dict[str, Any]:
    """Return a service: id, name, status in small letters, access_address, config."""
    body = record.facts["request"]
    return {
        "service_id": record.id,
        "service_name": body["name"],
        "infer_type": "real-time",
        "status": state[0].lower(),
        "error_msg": state[1],
        "access_address": f"{host}/v1/infers/{record.id}",
        "config": record.facts.get("config", []),
        "publish_at": milliseconds(record.created),
    }


def model_answer_v1(record: Record) -> dict[str, Any]:
    """Return an imported model: id, name, version, status, source_location."""
    body = record.facts["request"]
    return {
        "model_id": record.id,
        "model_name": body["model_name"],
        "model_version": body.get("model_version", "0.0.1"),
        "model_type": body.get("model_type", "TensorFlow"),
        "model_status": "published",
        "source_location": body["source_location"],
        "create_at": milliseconds(record.created),
    }


def listed(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a list as the first generation answers it."""
    return {"is_success": True, "total_count": len(rows), "count": len(rows), name: list(rows)}
