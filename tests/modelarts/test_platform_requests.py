import json
import re
import shlex
from pathlib import Path

import pytest

from algorithm import __version__
from algorithm.hyperparameters import ROWS, TABLE, parse, write_value
from algorithm.modelarts.platform_requests import (
    COMMAND,
    INFERENCE_IMAGE,
    MODEL_DIR,
    TRAINING_IMAGE,
    algorithm_object,
    job_request_v1,
    job_request_v2,
    sample_manifest,
    service_request_v2,
)
from algorithm.serving.limits import BODY_LIMIT, DRAIN_SECONDS, Limits

PROJECT = Path(__file__).parents[2]
DOCKER = PROJECT / "docker"
PUBLISHED = [(row, write_value(row.default)) for row in TABLE if row.where == "parameter"]


def test_every_value_is_text_and_every_parameter_complete():
    parameters = algorithm_object(PUBLISHED, __version__)["job_config"]["parameters"]
    assert [parameter["name"] for parameter in parameters] == [row.name for row, _ in PUBLISHED]
    for parameter in parameters:
        assert isinstance(parameter["value"], str)
        assert parameter["i18n_description"]["language"] == "zh-cn"
        assert parameter["i18n_description"]["description"] != parameter["description"]
        assert parameter["constraint"]["type"] in ("String", "Integer", "Float", "Boolean")


def test_constraints_come_from_the_table():
    parameters = algorithm_object(PUBLISHED, __version__)["job_config"]["parameters"]
    constraints = {parameter["name"]: parameter["constraint"] for parameter in parameters}
    assert constraints["mode"]["valid_type"] == "Choice"
    assert constraints["mode"]["valid_range"] == [
        "train",
        "train_and_eval",
        "eval",
        "overfit_check",
    ]
    assert constraints["num_epochs"]["valid_range"] == ["1", "100000"]
    assert constraints["do_data_cleaning"] == {
        "type": "Boolean",
        "editable": True,
        "required": True,
        "sensitive": False,
        "valid_type": "None",
        "valid_range": [],
    }


def test_places_are_an_input_and_an_output():
    job = algorithm_object(PUBLISHED, __version__)["job_config"]
    assert [place["name"] for place in job["inputs"] + job["outputs"]] == ["data_url", "train_url"]
    assert {"data_url", "train_url"} <= set(ROWS)


def test_the_parameters_of_sample_requests_are_accepted():
    values = [(row.name, default) for row, default in PUBLISHED]
    first = shlex.split(job_request_v1(values, "1.2.3")["config"]["user_command"])
    second = job_request_v2(values, "1.2.3")["algorithm"]
    command, flags = first[: len(COMMAND.split())], set(first[len(COMMAND.split()) :])
    parameters = {f"--{entry['name']}={entry['value']}" for entry in second["parameters"]}
    assert command == second["command"].split()
    places = {
        flag for flag in flags if flag.startswith(("--data_url=obs://", "--train_url=obs://"))
    }
    assert flags - places == {flag for flag in parameters if not flag.endswith("=")}
    assert len(places) == 2
    assert parse([*places, *parameters]).num_epochs == 100


def test_what_the_requests_ask_of_the_training_image_is_in_it():
    text = (DOCKER / "training.Dockerfile").read_text("utf-8")
    python, *arguments = COMMAND.split()
    assert f"RUN python -m venv {Path(python).parents[1]}" in text
    assert f"CMD {json.dumps(['python', *arguments])}" in text
    assert "\nENTRYPOINT" not in text  # it would stand before the command of the request
    assert "USER ma-user\nWORKDIR /home/ma-user\n" in text
    assert "useradd --uid 1000 --gid 100" in text


def test_what_the_request_asks_of_the_inference_image_is_in_it():
    text = (DOCKER / "inference.Dockerfile").read_text("utf-8")
    request = service_request_v2("1.2.3")
    (unit,) = request["group_configs"][0]["unit_configs"]
    assert f'"--model_dir", "{MODEL_DIR}"' in text
    assert unit["files"][0]["mount_path"] == f"{MODEL_DIR}/"
    assert f'"--port", "{unit["port"]}"' in text
    assert request["runtime_config"]["service_invoke"]["port"] == unit["port"]
    assert request["custom_metrics_path"] == f"http,{unit['port']},metrics"
    assert unit["startup_health"]["url"] == unit["readiness_health"]["url"] == "/health"


@pytest.mark.parametrize("page", ["platform.md", "platform.zh-CN.md"])
def test_the_page_tags_the_images_that_the_requests_name(page):
    text = (PROJECT / "docs" / "use" / page).read_text("utf-8")
    tags = set(re.findall(r"(efficientdet-\w+):[\d.]+", text))
    assert tags == {TRAINING_IMAGE.rpartition("/")[2], INFERENCE_IMAGE.rpartition("/")[2]}
    assert set(re.findall(r"efficientdet-\w+:([\d.]+\d)", text)) == {__version__}


def test_the_service_lets_through_what_the_server_takes():
    limit = service_request_v2("1.2.3")["runtime_config"]["service_limit"]["request_size_limit"]
    assert limit * 1024 * 1024 == BODY_LIMIT


def test_the_platform_waits_for_the_end_of_the_server():
    (unit,) = service_request_v2("1.2.3")["group_configs"][0]["unit_configs"]
    assert (
        unit["termination_grace"]["termination_grace_period_seconds"]
        > Limits().lame_duck + DRAIN_SECONDS
    )


def test_the_sample_manifest_has_both_parts():
    assert {line["usage"] for line in sample_manifest()} == {"TRAIN", "EVAL"}
