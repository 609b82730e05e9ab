from algorithm import __version__
from algorithm.hyperparameters import ROWS, TABLE, parse, write_value
from algorithm.modelarts.publication import (
    algorithm_object,
    job_request_v1,
    job_request_v2,
    sample_manifest,
)

PUBLISHED = [(row, write_value(row.default)) for row in TABLE if row.where == "parameter"]


def test_every_value_is_text_and_every_parameter_complete():
    parameters = algorithm_object(PUBLISHED, __version__)["job_config"]["parameters"]
    assert [parameter["name"] for parameter in parameters] == [row.name for row, _ in PUBLISHED]
    for parameter in parameters:
        assert isinstance(parameter["value"], str)
        assert {text["language"] for text in parameter["i18n_description"]} == {"zh", "en"}
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
        "type": "Boolean", "editable": True, "required": True, "sensitive": False, "valid_type": "None",
        "valid_range": [],
    }  # fmt: skip


def test_places_are_an_input_and_an_output():
    job = algorithm_object(PUBLISHED, __version__)["job_config"]
    assert [place["name"] for place in job["inputs"] + job["outputs"]] == ["data_url", "train_url"]
    assert {"data_url", "train_url"} <= set(ROWS)


def test_the_parameters_of_sample_requests_are_accepted():
    values = [(row.name, default) for row, default in PUBLISHED]
    first = job_request_v1(values)["config"]["parameter"]
    second = job_request_v2(values)["algorithm"]["parameters"]
    flags = {f"--{entry['label']}={entry['value']}" for entry in first}
    assert flags == {f"--{entry['name']}={entry['value']}" for entry in second}
    assert parse(["--data_url=a", "--train_url=b", *flags]).num_epochs == 100


def test_the_sample_manifest_has_both_parts():
    assert {line["usage"] for line in sample_manifest()} == {"TRAIN", "EVAL"}
