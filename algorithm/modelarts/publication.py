"""What the platform is told about the algorithm: the algorithm object, and requests that start a job with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

NAME = "object-detection-EfficientDet"
DESCRIPTION = "Object detection with EfficientDet. The trained model can be deployed directly as an online service"
DESCRIPTION_ZH = "物体检测, 基于 EfficientDet. 训练得到的模型可直接部署为在线服务"
CODE_DIR = "/efficientdet/"
BOOT_FILE = "/efficientdet/algorithm/train.py"

_TYPES = {"string": "String", "regex": "String", "size": "String"}
_TYPES |= {"integer": "Integer", "float": "Float", "boolean": "Boolean"}


class Hyperparameter(Protocol):
    """What publication reads of a row of the hyperparameter table."""

    name: str
    kind: str
    english: str
    chinese: str
    choices: tuple[str, ...]
    interval: str
    required: bool
    editable: bool


def algorithm_object(rows: Sequence[tuple[Hyperparameter, str]], version: str) -> dict:
    """Return the algorithm object of the platform's publication format.

    rows: each published hyperparameter with its default as text. version: x.y.z.
    """
    return {
        "metadata": {"name": NAME, "description": DESCRIPTION, "version_num": version, "tags": []},
        "job_config": {
            "code_dir": CODE_DIR,
            "boot_file": BOOT_FILE,
            "parameters": [_parameter(row, default) for row, default in rows],
            "parameters_customization": True,
            "inputs": [_input()],
            "outputs": [
                {"name": "train_url", "description": "Model, checkpoints, logs and metrics"}
            ],
            "engine": {"engine_name": "TensorFlow", "engine_version": "TensorFlow-2"},
        },
        "resource_requirements": [
            {"key": "flavor_type", "values": ["CPU", "GPU"], "operator": "in"},
            {"key": "host_distributed_mode", "values": ["singular"], "operator": "in"},
        ],
        "i18n": [
            {"language": "zh", "description": DESCRIPTION_ZH},
            {"language": "en", "description": DESCRIPTION},
        ],
    }


def job_request_v1(parameters: Sequence[tuple[str, str]]) -> dict:
    """Return a sample request of the first generation: places are URLs, the job copies from and to them itself."""
    return {
        "job_name": "efficientdet-sample",
        "job_desc": "One training job",
        "config": {
            "app_url": CODE_DIR,
            "boot_file_url": BOOT_FILE,
            "data_url": "/my-bucket/dataset/annotation/V002/V002.manifest",
            "train_url": "/my-bucket/efficientdet/output/",
            "log_url": "/my-bucket/efficientdet/log/",
            "parameter": [{"label": name, "value": value} for name, value in parameters],
            "worker_server_num": 1,
        },
    }


def job_request_v2(parameters: Sequence[tuple[str, str]]) -> dict:
    """Return a sample request of the second generation: the platform copies, the job sees local folders."""
    return {
        "kind": "job",
        "metadata": {"name": "efficientdet-sample", "description": "One training job"},
        "algorithm": {
            "code_dir": CODE_DIR,
            "boot_file": BOOT_FILE,
            "parameters": [{"name": name, "value": value} for name, value in parameters],
            "inputs": [
                _place("data_url", "inputs", "/my-bucket/dataset/annotation/V002/V002.manifest")
            ],
            "outputs": [
                _place("train_url", "outputs", "/my-bucket/efficientdet/output/")
                | {"mode": "upload_periodically", "period": 30}
            ],
        },
        "spec": {
            "resource": {"flavor_id": "my-flavor", "node_count": 1},
            "log_export_path": {"obs_url": "/my-bucket/efficientdet/log/"},
        },
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
        "i18n_description": [
            {"language": "zh", "description": row.chinese},
            {"language": "en", "description": row.english},
        ],
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
    attributes = [
        {
            "data_format": ["Default"],
            "data_segmentation": ["segmented"],
            "dataset_type": ["DETECTION"],
        }
    ]
    return {
        "name": "data_url",
        "description": "Dataset with a training and an evaluation part",
        "remote_constraints": [
            {"data_type": "dataset", "attributes": attributes},
            {"data_type": "obs"},
        ],
    }


def _place(name: str, kind: str, url: str) -> dict:
    local_dir = f"/home/ma-user/modelarts/{kind}/{name}_0"
    return {"name": name, "local_dir": local_dir, "remote": {"obs": {"obs_url": url}}}


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
