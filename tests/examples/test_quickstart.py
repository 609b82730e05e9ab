"""The notebook from top to bottom."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
NOTEBOOK = PROJECT / "examples" / "quickstart.ipynb"
# One process, as a notebook's kernel is; the last expression of each cell is shown as its repr.
RUN = """
import ast, json, sys
names = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell["id"], "exec"), names)
        value = eval(compile(ast.Expression(last.value), cell["id"], "eval"), names) if last else None
        if value is not None:
            print(repr(value))
"""


def test_it_is_a_notebook_without_outputs():
    content = json.loads(NOTEBOOK.read_text("utf-8"))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 6
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbformat.validate(nbformat.reads(NOTEBOOK.read_text("utf-8"), as_version=4))


@pytest.mark.soak
def test_it_runs_from_top_to_bottom(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(NOTEBOOK)],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True,
        text=True, check=False, timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    shown = done.stdout.splitlines()
    assert "'AP50': " in done.stdout
    assert any(line.startswith("<Result ") for line in shown)
    assert "PIL.Image.Image" in done.stdout
    assert shown[-1].endswith(".pb True")
    assert (tmp_path / "quickstart" / "train" / "model" / "saved_model.pb").is_file()
