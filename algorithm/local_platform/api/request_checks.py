"""What the platform would refuse, and what this one cannot do: refused with a code and a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from algorithm import storage
from algorithm.errors import ArgumentError, StorageError, UserError
from algorithm.local_platform.api.request_shapes import ALGORITHM, JOB, SERVICE, TYPES, misshapen
from algorithm.local_platform.job_plan import obs_address, plan_of

# Published codes. Where the platform's own code for a fault is not known, it is BAD_REQUEST.
BAD_REQUEST, NOT_FOUND, NO_SUCH_CALL = "ModelArts.0104", "ModelArts.2755", "APIGW.0101"
NOT_SIGNED, LIMIT, NOT_SERVING = "APIGW.0301", "ModelArts.4104", "ModelArts.4503"

_NAME = r"[A-Za-z0-9_-]{1,64}"
_SERVICE_NAME = r"[\w\u4e00-\u9fff-]{1,64}"
_DATA_TYPES = ("obs", "modelarts_dataset")
_OF_TYPE: Mapping[str, Any] = {"Integer": int, "Float": float}
_NOT_HERE = {
    "subscription_id": "subscribed algorithms",
    "policies": "hyperparameter search",
    "local_code_dir": "other folder for the code",
    "working_dir": "other working folder",
}
_MODEL_PARTS = ("config.json", "customize_service.py", "saved_model.pb")


class Refusal(UserError):
    """A request that is refused.

    Args:
        reason: What was expected and found.
        code: The platform's code.
        status: The HTTP status.
    """

    def __init__(self, reason: str, code: str = BAD_REQUEST, status: int = 400) -> None:
        super().__init__(reason)
        self.code, self.http_status = code, status


def need(body: Any, path: str, kind: type = str) -> Any:
    """Return what is at a dotted path of a body.

    Args:
        body: The body, or a part of it.
        path: The keys, joined by dots.
        kind: The type that it must have.

    Returns:
        The value.

    Raises:
        Refusal: It is missing, empty, or of another type.
    """
    value = body
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if type(value) is not kind or value in ("", [], {}):
        raise Refusal(f"{path}: expected {TYPES[kind]}, found {value!r}")
    return value


def check_name(name: str, path: str, pattern: str = _NAME) -> None:
    """Refuse a name out of pattern."""
    if not re.fullmatch(pattern, name):
        raise Refusal(
            f"{path}: expected 1 to 64 letters, digits, '-' and '_', found {name!r}; rename it"
        )


def check_shape(body: Any, shape: Mapping[str, Any]) -> None:
    """Refuse a body with a value of another type than the shape says."""
    if fault := misshapen(body, shape):
        raise Refusal(fault)


def check_algorithm(body: Any) -> None:
    """Refuse an algorithm that the platform, or this one, cannot take."""
    check_shape(body, ALGORITHM)
    check_name(need(body, "metadata.name"), "metadata.name")
    told = need(body, "job_config", dict)
    _check_engine(told, "job_config")
    for row in told.get("inputs") or []:
        for each in row.get("remote_constraints") or []:
            if each.get("data_type") not in _DATA_TYPES:
                raise Refusal(
                    f"input {row.get('name')}: data_type: expected {' or '.join(_DATA_TYPES)}, "
                    f"found {each.get('data_type')!r}"
                )
    for row in need(told, "outputs", list):
        need(row, "name")
    for row in told.get("parameters") or []:
        limits = (row.get("constraint") or {}).get("valid_range") or []
        form = (row.get("constraint") or {}).get("valid_type")
        if form == "Range" and not _is_interval(limits):
            raise Refusal(f"parameter {row.get('name')}: expected a valid_range of two numbers")
        need(row, "name")


def check_job(body: Any, algorithm: Mapping[str, Any] | None) -> None:
    """Refuse a job that the platform, or this one, cannot run.

    Args:
        body: The request, with the command and engine of its algorithm.
        algorithm: The algorithm that it names, None for none.

    Raises:
        Refusal: The reason.
    """
    check_shape(body, JOB)
    if need(body, "kind") != "job":
        raise Refusal(f"kind: expected 'job', found {body['kind']!r}")
    check_name(need(body, "metadata.name"), "metadata.name")
    told = need(body, "algorithm", dict)
    need(body, "spec.resource.node_count", int)
    _check_engine(told, "algorithm")
    for field in [each for each in _NOT_HERE if told.get(each)]:
        raise Refusal(f"algorithm.{field}: the local platform has no {_NOT_HERE[field]}")
    for row in [*(told.get("inputs") or []), *(told.get("outputs") or [])]:
        check_name(need(row, "name"), "the name of an input or output")
        if (row.get("remote") or {}).get("dataset"):
            raise Refusal(
                f"{row['name']}: the local platform has no datasets service; give the folder "
                "in remote.obs.obs_url"
            )
        need(row, "remote.obs.obs_url")
    _check_parameters(told.get("parameters") or [], algorithm or {})
    try:
        plan = plan_of(body)
        for place in plan.inputs:
            _check_there(place.url, place.name)
        if plan.code_url:
            _check_there(plan.code_url, "code_dir")
        for url in [each.url for each in plan.outputs] + ([plan.log_url] if plan.log_url else []):
            check_bucket(url)
    except (ArgumentError, StorageError) as error:
        raise Refusal(str(error)) from error


def check_service(body: Any) -> None:
    """Refuse a service that the platform, or this one, cannot deploy."""
    check_shape(body, SERVICE)
    check_name(need(body, "name"), "name", _SERVICE_NAME)
    for field, only in (("type", "REAL_TIME"), ("deploy_type", "SINGLE")):
        if need(body, field) != only:
            raise Refusal(f"{field}: the local platform has {only} only, found {body[field]!r}")
    need(body, "custom_metrics_path")
    for path, kind in (("port", int), ("protocol", str), ("auth_type", str)):
        need(body, f"runtime_config.service_invoke.{path}", kind)
    limit = need(body, "runtime_config.service_limit", dict)
    need(limit, "rate_limit", dict)
    for name, most in (("request_size_limit", 50), ("request_timeout", 7200)):
        if need(limit, name, int) > most:
            raise Refusal(f"{name}: expected 1 to {most}, found {limit[name]}")
    groups = need(body, "group_configs", list)
    weights = [need(group, "weight", int) for group in groups]
    names = [need(group, "name") for group in groups]
    if sum(weights) != 100 or len(set(names)) < len(names):
        raise Refusal(
            "group_configs: expected names of their own and weights that add up to 100, found "
            f"{', '.join(f'{name} {weight}' for name, weight in zip(names, weights, strict=True))}"
        )
    for group in groups:
        check_name(group["name"], "group_configs.name", _SERVICE_NAME)
        check_model(model_address(group), f"group {group['name']}")


def model_address(group: Any) -> str:
    """Return the obs:// folder of the model that a group of a service mounts."""
    units = need(group, "unit_configs", list)
    for field in ("cmd", "codes", "models"):
        if units[0].get(field):
            raise Refusal(
                f"unit_configs.{field}: not here; the model folder of `files` is served by this "
                "package's own server in place of the image"
            )
    need(units[0], "image.source"), need(units[0], "image.swr_path")
    files = need(units[0], "files", list)
    mount = need(files[0], "mount_path")
    if len(units) > 1 or len(files) > 1 or not (mount.startswith("/") and mount.endswith("/")):
        raise Refusal(
            "unit_configs: expected one unit with one entry in files, whose mount_path begins and "
            f"ends with '/', found {len(units)} with {len(files)} at {mount!r}"
        )
    try:
        return obs_address(need(files[0], "address"))
    except ArgumentError as error:
        raise Refusal(f"files.address: {error}") from error


def check_model(url: str, owner: str) -> None:
    """Refuse a folder that is no model folder."""
    folder = url.rstrip("/")
    try:
        missing = [part for part in _MODEL_PARTS if storage.size_of(f"{folder}/{part}") is None]
    except StorageError as error:
        raise Refusal(str(error)) from error
    if missing:
        raise Refusal(
            f"{owner}: expected a model folder, {url} lacks {', '.join(missing)}: give the folder "
            "`model` of a training job"
        )


def check_bucket(url: str) -> None:
    """Refuse a place in a bucket that does not exist, where buckets are folders."""
    bucket = "/".join(url.split("/")[:3])
    if not storage.is_remote(bucket) and not storage.is_folder(bucket):
        raise Refusal(
            f"expected the bucket of {url}, found no folder {storage.local_path(bucket)}; make it"
        )


def _check_engine(told: Mapping[str, Any], where: str) -> None:
    engine = told.get("engine") or {}
    named = engine.get("engine_id") or engine.get("engine_name")
    if not named and not engine.get("image_url"):
        raise Refusal(f"{where}.engine: expected image_url, found no engine")
    if not engine.get("image_url"):
        raise Refusal(
            f"{where}.engine: unknown engine {named!r}: the local platform has no preset engines, "
            "and none of the platform's can run this package; give image_url and a command"
        )
    if not told.get("command"):
        raise Refusal(f"{where}.command: expected the command of the image, found none")


def _check_parameters(rows: Sequence[Any], algorithm: Mapping[str, Any]) -> None:
    """Refuse parameters out of what the algorithm allows."""
    for row in rows:
        need(row, "name")
    config = algorithm.get("job_config") or {}
    known = {each["name"]: each for each in config.get("parameters") or []}
    given = {row["name"]: row.get("value", "") for row in rows}
    free = config.get("parameters_customization", True)
    for name in given.keys() - known.keys() if known and not free else ():
        raise Refusal(f"parameter {name}: the algorithm has no such parameter, and takes no others")
    for name, each in known.items():
        constraint = each.get("constraint") or {}
        if name in given:
            _check_value(name, given[name], each.get("value"), constraint)
        elif constraint.get("required") and not each.get("value"):
            raise Refusal(f"parameter {name}: expected a value, found none; it is required")


def _check_value(name: str, value: str, default: str, constraint: Mapping[str, Any]) -> None:
    kind, form = constraint.get("type", "String"), constraint.get("valid_type")
    limits, expected = constraint.get("valid_range") or [], ""
    if constraint.get("editable") is False and value != default:
        expected = f"{default!r}, as it cannot be edited"
    elif not value:
        expected = "a value, as it is required" if constraint.get("required") else ""
    elif kind == "Boolean" and value.lower() not in ("true", "false"):
        expected = "True or False"
    elif form == "Choice" and value not in limits:
        expected = f"one of {', '.join(limits)}"
    elif kind in _OF_TYPE:
        try:
            number = _OF_TYPE[kind](value)
            if form == "Range" and not float(limits[0]) <= number <= float(limits[1]):
                expected = f"{limits[0]} to {limits[1]}"
        except ValueError:
            expected = f"a number ({kind})"
    if expected:
        raise Refusal(f"parameter {name}: expected {expected}, found {value!r}")


def _is_interval(limits: Sequence[str]) -> bool:
    try:
        return len([float(each) for each in limits]) == 2
    except ValueError:
        return False


def _check_there(url: str, name: str) -> None:
    if not storage.exists(url):
        raise Refusal(f"{name}: expected files at {url}, found none; upload them there first")
