"""The shipped handler as a text: what it shares with training, what it needs, and how old a Python reads it."""

import ast
import sys
from pathlib import Path

from algorithm.export.package import HANDLER_PACKAGES

ROOT = Path(__file__).parent.parent
HANDLER = ROOT / "customize_service" / "customize_service.py"
BEGIN, END = "# --- picture decoding", "# --- end of picture decoding"
IMPORT_NAMES = {"Pillow": "PIL"}
OF_THE_PLATFORM = {"model_service", "tensorflow"}


def decoding_text(path):
    text = path.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    return text[text.index(BEGIN):text.index(END)]


def test_the_decoder_of_serving_is_the_decoder_of_training():
    assert decoding_text(HANDLER) == decoding_text(ROOT / "algorithm" / "data" / "decoding.py")


def test_the_platforms_python_can_read_it():
    tree = ast.parse(HANDLER.read_text(encoding="utf-8"), feature_version=(3, 7))
    assert any(isinstance(node, ast.ClassDef) and node.name == "ObjectDetectionService" for node in tree.body)


def test_it_imports_only_what_config_json_asks_for():
    tree = ast.parse(HANDLER.read_text(encoding="utf-8"))
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    relative = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    foreign = {name.split(".")[0] for name in plain | relative} - set(sys.stdlib_module_names) - OF_THE_PLATFORM
    assert foreign == {IMPORT_NAMES.get(name, name) for name, _ in HANDLER_PACKAGES}


def test_tensorflow_is_not_imported_at_the_top():
    tree = ast.parse(HANDLER.read_text(encoding="utf-8"))
    assert not [node for node in tree.body if isinstance(node, ast.Import)
                for alias in node.names if alias.name == "tensorflow"]
