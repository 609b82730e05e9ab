"""Loading a handler out of a model folder."""

import sys

import pytest

from algorithm.errors import DataError
from algorithm.export import model_folder
from algorithm.serving.model_handler import MODEL_PARTS, load_service

BASE = """
class TfServingBaseService:
    def __init__(self, model_name, model_path):
        self.made = model_name, model_path
"""


def test_serving_and_export_agree_on_the_parts_of_a_model_folder():
    assert set(MODEL_PARTS) == set(model_folder.MODEL_PARTS)


def test_missing_parts_are_listed(model_dir):
    (model_dir / "index").unlink()
    (model_dir / "variables" / "variables.index").unlink()
    with pytest.raises(DataError, match=r"lacks variables/variables.index, index"):
        load_service(model_dir)


def test_an_absent_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="no_such_model lacks saved_model.pb"):
        load_service(tmp_path / "no_such_model")


def test_the_service_gets_name_and_folder_and_the_folder_stays_as_it_was(model_dir):
    (model_dir / "customize_service.py").write_text(
        BASE + "class Mine(TfServingBaseService): pass\n"
    )
    before = sorted(model_dir.rglob("*"))
    service = load_service(model_dir)
    assert service.made == ("serve", str(model_dir))
    assert sorted(model_dir.rglob("*")) == before


def test_two_folders_keep_their_own_handlers(platform, model_dir):
    first = load_service(model_dir)
    second = load_service(model_dir)
    assert type(first) is not type(second)
    assert sys.modules[type(first).__module__].ObjectDetectionService is type(first)


WRONG_HANDLERS = {
    "no base class": ("x = 1\n", "to import TfServingBaseService"),
    "no service": (BASE, "found none"),
    "two services": (
        BASE + "class A(TfServingBaseService): pass\nclass B(TfServingBaseService): pass\n",
        "found A, B",
    ),
    "syntax": ("def (\n", "SyntaxError"),
    "fails to start": (
        BASE
        + "class A(TfServingBaseService):\n    def __init__(self, *_): raise OSError('no disk')\n",
        "cannot be started: OSError: no disk",
    ),
}


@pytest.mark.parametrize("text, message", WRONG_HANDLERS.values(), ids=WRONG_HANDLERS)
def test_a_wrong_handler_is_a_data_error(model_dir, text, message):
    (model_dir / "customize_service.py").write_text(text)
    with pytest.raises(DataError, match=message):
        load_service(model_dir)
