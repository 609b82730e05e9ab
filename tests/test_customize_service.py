"""The shipped handler as a text: what it shares with training, what it needs, and how old a Python reads it."""

import ast
import sys
from pathlib import Path

from algorithm.export.model_folder import COMPANIONS, HANDLER_PACKAGES, SHARED

ROOT = Path(__file__).parent.parent
HANDLER = ROOT / "customize_service" / "customize_service.py"
CARRIED = [*sorted(HANDLER.parent.glob("*.py")), SHARED]
BEGIN, END = "# --- picture decoding", "# --- end of picture decoding"
IMPORT_NAMES = {"Pillow": "PIL"}
OF_THE_PLATFORM = {"model_service", "tensorflow"}


def decoding_text(path):
    text = path.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    return text[text.index(BEGIN) : text.index(END)]


def test_the_decoder_of_serving_is_the_decoder_of_training():
    assert decoding_text(HANDLER.with_name("pictures.py")) == decoding_text(
        ROOT / "algorithm" / "data" / "feeding" / "decoding.py"
    )


def test_the_platforms_python_can_read_it():
    trees = [
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7)) for path in CARRIED
    ]
    assert any(
        isinstance(node, ast.ClassDef) and node.name == "ObjectDetectionService"
        for tree in trees
        for node in tree.body
    )


def test_all_that_is_carried_is_packaged():
    assert {path.name for path in CARRIED} == {HANDLER.name, *COMPANIONS, SHARED.name}


def test_it_imports_only_what_config_json_asks_for():
    nodes = [
        node for path in CARRIED for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    relative = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    foreign = (
        {name.split(".")[0] for name in plain | relative}
        - set(sys.stdlib_module_names)
        - OF_THE_PLATFORM
    )
    assert foreign == {IMPORT_NAMES.get(name, name) for name, _ in HANDLER_PACKAGES}


def imported(node):
    """The packages that a statement imports from."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {node.module.partition(".")[0]} if isinstance(node, ast.ImportFrom) else set()


def test_tensorflow_is_imported_only_inside_functions():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in CARRIED]
    anywhere = set().union(*(imported(node) for tree in trees for node in ast.walk(tree)))
    at_the_top = set().union(*(imported(node) for tree in trees for node in tree.body))
    assert "tensorflow" in anywhere - at_the_top
