"""The objects the platform is told: the algorithm, and requests that start a job and a service.

Keys and values are those of the platform's public API and of its Python SDK; a test loads each
object into the SDK's typed requests. No preset engine has a Python that runs this package, so the
requests name the images that `docker/` builds.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Protocol

NAME = "object-detection-EfficientDet"
DESCRIPTION = (
    "Object detection with EfficientDet. "
    "The trained model can be deployed directly as an online service"
)
# The image of docker/training.Dockerfile. The platform's shell, if any, is not a login shell: the
# interpreter stands with its whole path.
TRAINING_IMAGE = "my-organization/efficientdet-training"
COMMAND = "/opt/venv/bin/python -m algorithm train"
# The image of docker/inference.Dockerfile: its port, and the folder its command serves.
INFERENCE_IMAGE = "swr.my-region.myhuaweicloud.com/my-organization/efficientdet-inference"
PORT = 8080
MODEL_DIR = "/home/mind/model/1"

_DATA = "/my-bucket/dataset/"
_OUTPUT = "/my-bucket/efficientdet/output/"
_LOG = "/my-bucket/efficientdet/log/"

_TYPES = {"string": "String", "regex": "String", "size": "String"}
_TYPES |= {"integer": "Integer", "float": "Float", "boolean": "Boolean"}


class Hyperparameter(Protocol):
    """What publication reads of a row of the hyperparameter table."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def english(self) -> str: ...  # noqa: D102
    @property
    def chinese(self) -> str: ...  # noqa: D102
    @property
    def choices(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def interval(self) -> str: ...  # noqa: D102
    @property
    def required(self) -> bool: ...  # noqa: D102
    @property
    def editable(self) -> bool: ...  # noqa: D102


def algorithm_object(rows: Sequence[tuple[Hyperparameter, str]], version: str) -> dict:
    """Return the algorithm object of the platform's publication format.

    Args:
        rows: Each published hyperparameter with its default as text.
        version: x.y.z.

    Returns:
        The object, ready for JSON.
    """
    return {
        "metadata": {"name": NAME, "description": DESCRIPTION},
        "job_config": {
            "command": COMMAND,
            "parameters": [_parameter(row, default) for row, default in rows],
            "parameters_customization": True,
            "inputs": [_input()],
            "outputs": [
                {"name": "train_url", "description": "Model, checkpoints, logs and metrics"}
            ],
            "engine": {"image_url": f"{TRAINING_IMAGE}:{version}"},
        },
        # multiple: a job takes all GPUs of a machine, and several machines, where it is given them.
        "resource_requirements": [
            {"key": "flavor_type", "values": ["CPU", "GPU"], "operator": "in"},
            {"key": "device_distributed_mode", "values": ["multiple"], "operator": "in"},
            {"key": "host_distributed_mode", "values": ["multiple"], "operator": "in"},
        ],
    }


def job_request_v1(parameters: Sequence[tuple[str, str]], version: str) -> dict:
    """Return a sample request of the first generation, whose job gets URLs and copies by itself.

    There the `parameter` of a job with its own image becomes environment variables, so the command
    carries the flags.

    Args:
        parameters: (name, value) of each flag.
        version: x.y.z.

    Returns:
        The request, ready for JSON.
    """
    places = [("data_url", f"obs:/{_DATA}"), ("train_url", f"obs:/{_OUTPUT}")]
    flags = [f"--{name}={value}" for name, value in (*places, *parameters) if value]
    return {
        "job_name": "efficientdet-sample",
        "job_desc": "One training job",
        "config": {
            "user_image_url": f"{TRAINING_IMAGE}:{version}",
            "user_command": f"{COMMAND} {shlex.join(flags)}",
            "data_url": _DATA,
            "train_url": _OUTPUT,
            "log_url": _LOG,
            "spec_id": 1,
            "worker_server_num": 1,
        },
    }


def job_request_v2(parameters: Sequence[tuple[str, str]], version: str) -> dict:
    """Return a sample request of the second generation, whose job gets local folders.

    Args:
        parameters: (name, value) of each parameter.
        version: x.y.z.

    Returns:
        The request, ready for JSON.
    """
    return {
        "kind": "job",
        "metadata": {"name": "efficientdet-sample", "description": "One training job"},
        "algorithm": {
            "command": COMMAND,
            "engine": {"image_url": f"{TRAINING_IMAGE}:{version}"},
            "parameters": [{"name": name, "value": value} for name, value in parameters],
            "inputs": [_place("data_url", "inputs", _DATA)],
            "outputs": [_place("train_url", "outputs", _OUTPUT)],
        },
        "spec": {
            "resource": {"flavor_id": "my-flavor", "node_count": 1},
            "log_export_path": {"obs_url": _LOG},
        },
    }


def service_request_v2(version: str) -> dict:
    """Return a sample request that deploys our image, with the folder `model` of a job mounted.

    request_size_limit is in MB (our server refuses more than 12), request_timeout in seconds.

    Args:
        version: x.y.z.

    Returns:
        The request, ready for JSON.
    """
    model = {
        "source": "OBS",
        "address": f"obs:/{_OUTPUT}model/",
        "mount_path": f"{MODEL_DIR}/",
        "read_only": True,
    }
    unit = {
        "image": {"source": "SWR", "swr_path": f"{INFERENCE_IMAGE}:{version}"},
        "files": [model],
        "flavor": "my-flavor",
        "count": 1,
        "port": PORT,
        # /health is 503 until the model has answered a picture (it has five minutes for that), and
        # again from SIGTERM on, when the server answers for 60 s and finishes within 30 s more.
        "startup_health": _health(failure_threshold=30),
        "readiness_health": _health(failure_threshold=3),
        "termination_grace": {"termination_grace_period_seconds": 95},
    }
    return {
        "name": "efficientdet-sample",
        "description": DESCRIPTION,
        "type": "REAL_TIME",
        "deploy_type": "SINGLE",
        "group_configs": [{"name": "default", "weight": 100, "count": 1, "unit_configs": [unit]}],
        "runtime_config": {
            "service_invoke": {"port": PORT, "protocol": "HTTP", "auth_type": "TOKEN"},
            "service_limit": {
                "rate_limit": {"num": 100, "unit": "SECONDS"},
                "request_size_limit": 12,
                "request_timeout": 60,
            },
        },
        "custom_metrics_path": f"http,{PORT},metrics",
    }


def sample_manifest() -> list[dict]:
    """Return the lines of a small dataset manifest that shows each field the algorithm reads."""
    return [
        _manifest_line("cat_1", "TRAIN"),
        _manifest_line("猫_2", "TRAIN"),
        _manifest_line("cat_3", "EVAL"),
    ]


def _parameter(row: Hyperparameter, default: str) -> dict:
    return {
        "name": row.name,
        "value": default,
        "description": row.english,
        "i18n_description": {"language": "zh-cn", "description": row.chinese},
        "constraint": _constraint(row),
    }


def _constraint(row: Hyperparameter) -> dict:
    valid_type, valid_range = "None", []
    if row.choices:
        valid_type, valid_range = "Choice", list(row.choices)
    elif row.interval:
        valid_type, valid_range = "Range", [end.strip() for end in row.interval[1:-1].split(",")]
    return {
        "type": _TYPES[row.kind],
        "editable": row.editable,
        "required": row.required,
        "sensitive": False,
        "valid_type": valid_type,
        "valid_range": valid_range,
    }


def _input() -> dict:
    # dataset_type 1: object detection. no_limit: a set without a split is split by the job.
    attributes = [{"data_format": "Default", "data_segmentation": "no_limit", "dataset_type": "1"}]
    return {
        "name": "data_url",
        "description": "Dataset with a training and an evaluation part",
        "remote_constraints": [
            {"data_type": "modelarts_dataset", "attributes": attributes},
            {"data_type": "obs"},
        ],
    }


def _place(name: str, kind: str, url: str) -> dict:
    local_dir = f"/home/ma-user/modelarts/{kind}/{name}_0"
    return {"name": name, "local_dir": local_dir, "remote": {"obs": {"obs_url": url}}}


def _health(failure_threshold: int) -> dict:
    return {
        "check_method": "HTTP",
        "protocol": "HTTP",
        "url": "/health",
        "initial_delay_seconds": 10,
        "timeout_seconds": 3,
        "period_seconds": 10,
        "failure_threshold": failure_threshold,
    }


def _manifest_line(stem: str, usage: str) -> dict:
    return {
        "source": f"obs://my-bucket/dataset/{stem}.jpg",
        "usage": usage,
        "annotation": [
            {
                "type": "modelarts/object_detection",
                "annotation-loc": f"obs://my-bucket/dataset/annotation/V002/annotations/{stem}.xml",
                "annotation-format": "PASCAL VOC",
                "annotated-by": "human",
                "creation-time": "2024-01-01 00:00:00",
            }
        ],
    }
