"""The types of what this platform reads of a request; null counts as missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TYPES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}
_PLACE = {
    "name": str,
    "local_dir": str,
    "access_method": str,
    "remote": {"obs": {"obs_url": str}, "dataset": dict},
}
_ENGINE = {"engine_id": str, "engine_name": str, "engine_version": str, "image_url": str}
_CONSTRAINT = {
    "type": str,
    "editable": bool,
    "required": bool,
    "valid_type": str,
    "valid_range": [str],
}
_HEALTH = {
    "url": str,
    "initial_delay_seconds": float,
    "timeout_seconds": float,
    "period_seconds": float,
    "failure_threshold": int,
}
_METADATA = {"name": str, "description": str, "workspace_id": str, "annotations": {"*": str}}
ALGORITHM: Mapping[str, Any] = {
    "metadata": _METADATA,
    "job_config": {
        "command": str,
        "code_dir": str,
        "engine": _ENGINE,
        "inputs": [{"name": str, "remote_constraints": [{"data_type": str}]}],
        "outputs": [{"name": str}],
        "parameters": [{"name": str, "value": str, "constraint": _CONSTRAINT}],
        "parameters_customization": bool,
    },
    "resource_requirements": [{"key": str, "values": [str], "operator": str}],
}
JOB: Mapping[str, Any] = {
    "kind": str,
    "metadata": _METADATA,
    "algorithm": {
        "id": str,
        "command": str,
        "code_dir": str,
        "engine": _ENGINE,
        "inputs": [_PLACE],
        "outputs": [_PLACE],
        "parameters": [{"name": str, "value": str}],
        "environments": {"*": str},
    },
    "spec": {
        "resource": {"node_count": int, "flavor_id": str},
        "log_export_path": {"obs_url": str},
    },
}
JOB_V1: Mapping[str, Any] = {
    "job_name": str,
    "job_desc": str,
    "config": {
        "user_image_url": str,
        "user_command": str,
        "engine_id": int,
        "parameter": [{"label": str, "value": str}],
        "data_url": str,
        "train_url": str,
        "log_url": str,
        "spec_id": int,
        "worker_server_num": int,
    },
}
SERVICE: Mapping[str, Any] = {
    "name": str,
    "description": str,
    "type": str,
    "deploy_type": str,
    "group_configs": [
        {
            "name": str,
            "weight": int,
            "count": int,
            "unit_configs": [
                {
                    "image": {"source": str, "swr_path": str},
                    "files": [{"address": str, "mount_path": str}],
                    "startup_health": _HEALTH,
                    "readiness_health": _HEALTH,
                }
            ],
        }
    ],
    "runtime_config": {
        "service_invoke": {"port": int, "protocol": str, "auth_type": str},
        "service_limit": {
            "rate_limit": dict,
            "request_size_limit": int,
            "request_timeout": int,
        },
    },
}


def misshapen(value: Any, shape: Any, path: str = "") -> str:
    """Return what of a value has not the type it must have, "" for nothing.

    Args:
        value: The value.
        shape: A type; a list of one shape; or a dict of shapes by key, "*" for every key. Keys
            that the dict lacks are not looked at. float takes integers. Numbers are above 0, but
            for a weight.
        path: Where the value stands.
    """
    if value is None and path:
        return ""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{path}: expected a list, found {value!r}"
        rows = [(f"{path}[{index}]", each, shape[0]) for index, each in enumerate(value)]
        if any(each is None for each in value):
            return f"{path}: expected no null in the list"
    elif isinstance(shape, Mapping):
        if not isinstance(value, dict):
            return f"{path or 'the body'}: expected an object, found {value!r}"
        keys = list(value) if "*" in shape else [key for key in shape if key in value]
        rows = [
            (f"{path}.{key}".lstrip("."), value[key], shape.get(key, shape.get("*")))
            for key in keys
        ]
    else:
        types = (int, float) if shape is float else (shape,)
        least = 0 if path.endswith("weight") else 1 if shape is int else 1e-3
        if type(value) not in types:
            return f"{path}: expected {TYPES[shape]}, found {value!r}"
        if shape in (int, float) and value < least:
            return f"{path}: expected {least:g} or more, found {value!r}"
        return ""
    return next(filter(None, (misshapen(each, kind, where) for where, each, kind in rows)), "")
