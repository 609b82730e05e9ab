"""Generated files are committed; here they are made again and compared. To renew them: python -m algorithm describe"""

import json
from pathlib import Path

import pytest

from algorithm.__main__ import main
from algorithm.cli.verbs import describe

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", [*describe.manifests(), *describe.source_files(PROJECT)])
def test_the_committed_file_is_what_is_generated(name):
    generated = describe.manifests() | describe.source_files(PROJECT)
    assert (PROJECT / name).read_text("utf-8") == generated[name]


def test_describe_prints_and_writes_the_publication(capsys, tmp_path):
    assert main(["describe", "--language=zh", f"--output={tmp_path}"]) == 0
    assert "训练时每张卡上的图片数量" in capsys.readouterr().out
    written = sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
    )
    assert written == sorted(describe.manifests())
    published = json.loads((tmp_path / "manifests" / "algorithm.json").read_text("utf-8"))
    assert published["job_config"]["parameters"][0]["name"] == "mode"


def test_each_line_of_the_sample_manifest_is_json():
    lines = describe.manifests()["manifests/dataset.manifest"].splitlines()
    assert [json.loads(line)["usage"] for line in lines] == ["TRAIN", "TRAIN", "EVAL"]
