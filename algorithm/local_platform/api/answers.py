"""The JSON of an algorithm, a job and a service, as the official SDK reads it."""

from __future__ import annotations

import time
from typing import Any

from algorithm.local_platform.job_runner import task_name
from algorithm.local_platform.ledger import Record
from algorithm.local_platform.settings import FINAL

_ALGORITHM_KEYS = (
    "id", "name", "code_dir", "command", "parameters", "inputs", "outputs", "engine",
)  # fmt: skip
_SECOND = {"Pending": "Queuing"}
_NOTES = {
    "image": "not pulled: its command runs directly on this machine, as the user of the platform",
    "flavor": "not imitated: the job has the cores and the memory of this machine, and no GPU",
    "pools, billing, users and permissions": "there are none here",
}


def milliseconds(seconds: float | None) -> int:
    """Return a time or duration as the API gives it."""
    return round(1000 * (seconds or 0))


def algorithm_answer(record: Record) -> dict[str, Any]:
    """Return an algorithm: metadata, job_config, resource_requirements."""
    body = record.facts["request"]
    created = milliseconds(record.created)
    given = body["metadata"]
    metadata = {
        "id": record.id,
        "name": given["name"],
        "description": given.get("description", ""),
        "workspace_id": given.get("workspace_id", "0"),
        "user_name": "local",
        "is_valid": True,
        "state": "",
        "version_num": record.facts.get("version", 0),
        "create_time": created,
        "update_time": milliseconds(record.facts.get("updated")) or created,
    }
    needs = [
        {"key": row.get("key"), "value": row.get("values"), "operator": row.get("operator")}
        for row in body.get("resource_requirements") or []
    ]
    return {
        "metadata": metadata,
        "job_config": body["job_config"],
        "resource_requirements": needs,
        "advanced_config": {},
    }


def job_answer(record: Record) -> dict[str, Any]:
    """Return a job: kind, metadata, status, algorithm, spec.

    metadata.annotations says what of the request is not imitated; status.task_statuses has exit
    code and message of each worker.
    """
    request, facts = record.facts["request"], record.facts
    told, spec = request["algorithm"], request["spec"]
    started, ended = facts.get("started"), facts.get("ended")
    seconds = (ended or time.time()) - started if started else 0.0
    count = spec["resource"]["node_count"]
    ignored = sorted(spec.keys() - {"resource", "log_export_path"})
    algorithm: dict[str, Any] = {key: told[key] for key in _ALGORITHM_KEYS if key in told}
    algorithm["environments"] = [{k: v} for k, v in (told.get("environments") or {}).items()]
    for row in algorithm.get("inputs") or []:
        row.pop("remote_constraint", None)
    return {
        "kind": "job",
        "metadata": {
            "id": record.id,
            "name": request["metadata"]["name"],
            "description": request["metadata"].get("description", ""),
            "workspace_id": "0",
            "create_time": milliseconds(record.created),
            "user_name": "local",
            "annotations": {
                **(request["metadata"].get("annotations") or {}),
                **_NOTES,
                **{f"spec.{name}": "not imitated" for name in ignored},
            },
        },
        "status": {
            "phase": record.phase,
            "secondary_phase": _SECOND.get(record.phase, record.phase),
            "duration": milliseconds(seconds),
            "start_time": milliseconds(started),
            "node_count_metrics": [[milliseconds(started), count]] if started else [],
            "tasks": [task_name(index) for index in range(count)],
            "task_statuses": facts.get("tasks", []) if record.phase in FINAL else [],
            "running_records": _runs(record),
        },
        "algorithm": algorithm,
        "spec": {key: spec[key] for key in ("resource", "log_export_path") if key in spec},
    }


def event_rows(record: Record) -> list[dict[str, str]]:
    """Return what happened: time (ISO 8601, UTC), level, message, source."""
    return [
        {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
            "level": level,
            "message": message,
            "source": "local platform",
        }
        for seconds, level, message in record.facts["events"]
    ]


def service_answer(record: Record, state: tuple[str, str], host: str) -> dict[str, Any]:
    """Return a service: id, name, status, failure_reason, version, predict_url.

    Args:
        record: The service.
        state: Its status, and why it failed.
        host: Scheme, host and port that the platform is reached at.
    """
    body = record.facts["request"]
    url = f"{host}/v1/infers/{record.id}"
    updated = record.facts["events"][-1][0]
    return {
        "id": record.id,
        "name": body["name"],
        "workspace_id": "0",
        "type": body["type"],
        "deploy_type": body["deploy_type"],
        "status": state[0],
        "failure_reason": state[1],
        "version": {
            "id": record.id,
            "version": str(record.facts.get("version", 1)),
            "description": body.get("description", ""),
            "predict_url": url,
            "runtime_config": body["runtime_config"],
            "instance_groups": body["group_configs"],
        },
        "predict_url": [{"type": "PUBLIC", "urls": [url]}],
        "create_at": str(milliseconds(record.created)),
        "update_at": str(milliseconds(updated)),
    }


def service_row(record: Record, status: str) -> dict[str, Any]:
    """Return a service as a list of them has it."""
    body = record.facts["request"]
    return {
        "id": record.id,
        "name": body["name"],
        "status": status,
        "version": str(record.facts.get("version", 1)),
        "description": body.get("description", ""),
        "type": body["type"],
        "deploy_type": body["deploy_type"],
        "user_name": "local",
        "workspace_id": "0",
        "create_at": milliseconds(record.created),
        "update_at": milliseconds(record.facts["events"][-1][0]),
        "auth_type": body["runtime_config"]["service_invoke"]["auth_type"],
    }


def _runs(record: Record) -> list[dict[str, Any]]:
    started, ended = record.facts.get("started"), record.facts.get("ended")
    if not started:
        return []
    run: dict[str, Any] = {"start_at": milliseconds(started), "start_type": "init_or_rescheduled"}
    if ended:
        run |= {"end_at": milliseconds(ended), "end_reason": record.facts.get("reason", "")}
    return [run]
