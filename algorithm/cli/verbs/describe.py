"""The files that are written from the hyperparameter table, so that the contract is stated once."""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path

from algorithm import __version__
from algorithm.cli.verb import Verb
from algorithm.hyperparameters import LANGUAGES, TABLE, Row, as_markdown, as_text, write_value
from algorithm.hyperparameters.distillation_pairs import as_markdown as pairs_table
from algorithm.modelarts import platform_requests
from algorithm.storage.atomic_files import write_text

_PUBLISHED = [row for row in TABLE if row.where == "parameter"]

_GROUPS = {
    "en": {
        "parameter": "Parameters",
        "platform": "Places and platform flags",
        "hparams": "Keys of hparams",
    },
    "zh": {"parameter": "参数", "platform": "路径以及由平台填写的参数", "hparams": "hparams 的键"},
}
_PAIRS = {"en": "Supported pairs of student and teacher", "zh": "支持的学生与教师组合"}
_INTRODUCTION = {
    "en": """# Hyperparameters

Written by `python -m algorithm describe` from the table in `algorithm/hyperparameters`; do not edit
by hand.

- `--name=value` and `--name value` are the same. Values are text; an empty one means the default.
- `--hparams` is a comma list of `key=value` without spaces, split on the first `=`. The later of two
  wins.
- A key of `hparams` may also stand as a flag of its own.
- A wrong value, an unknown key, and a flag one or two letters away from a known one are errors. Other
  unknown flags are errors of `python -m algorithm train`, which takes some habits of other systems
  (`--epochs`, `--batch`, `--imgsz`, `data=...`) with a line. The boot file of the platform's jobs,
  `algorithm/train.py`, logs and ignores them, as the platform adds flags of its own.""",
    "zh": """# 超参数

由 `python -m algorithm describe` 根据 `algorithm/hyperparameters` 中的表生成，请勿手工修改。

- `--name=value` 与 `--name value` 等价。值以文本形式传入，空值表示使用默认值。
- `--hparams` 是不含空格的 `key=value` 逗号列表，按第一个 `=` 拆分。
  同一个键出现多次时以最后一个为准。
- `hparams` 的键也可以单独作为参数给出。
- 错误的值、未知的键，以及与已知参数仅差一两个字母的参数会报错。其他未知参数在
  `python -m algorithm train` 中会报错；该命令也接受其他系统的一些习惯写法（`--epochs`、`--batch`、`--imgsz`、`data=...`），
  并用一行日志说明。平台作业的启动文件 `algorithm/train.py` 会将其记录到日志并忽略，因为平台会自行添加参数。""",
}
_PAIRS_MARKED = re.compile(r"(<!-- pairs: begin -->\n).*?(<!-- pairs: end -->)", re.DOTALL)


def table_text(language: str) -> str:
    """Return the whole table for a terminal in a language, "en" or "zh"."""
    tables = [f"{title}\n\n{as_text(rows, language)}" for title, rows in _grouped(language)]
    return "\n\n".join([*tables, f"{_PAIRS[language]}\n\n{pairs_table()}"])


def manifests() -> dict[str, str]:
    """Return path -> text of the files under manifests/: the publication, and samples."""
    rows = [(row, write_value(row.default)) for row in _PUBLISHED]
    values = [(row.name, value) for row, value in rows]
    lines = (
        json.dumps(line, ensure_ascii=False) + "\n" for line in platform_requests.sample_manifest()
    )
    return {
        "manifests/algorithm.json": _json(platform_requests.algorithm_object(rows, __version__)),
        "manifests/job-v1.json": _json(platform_requests.job_request_v1(values, __version__)),
        "manifests/job-v2.json": _json(platform_requests.job_request_v2(values, __version__)),
        "manifests/service-v2.json": _json(platform_requests.service_request_v2(__version__)),
        "manifests/dataset.manifest": "".join(lines),
    }


def source_files(project: Path) -> dict[str, str]:
    """Return path -> text of the generated files that belong to the source in a folder."""
    texts = {
        "docs/reference/hyperparameters.md": _page("en"),
        "docs/reference/hyperparameters.zh-CN.md": _page("zh"),
    }
    distillation = "docs/use/distillation.md"
    texts[distillation] = _filled(_PAIRS_MARKED, project / distillation, pairs_table())
    settings = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    texts["pip-requirements.txt"] = "".join(
        f"{line}\n" for line in settings["project"]["dependencies"]
    )
    return texts


def _filled(marked: re.Pattern[str], page: Path, section: str) -> str:
    """The text of a page with `section` between its marks."""
    return marked.sub(
        lambda match: f"{match[1]}{section}\n{match[2]}", page.read_text(encoding="utf-8")
    )


def write_files(folder: Path) -> list[Path]:
    """Write the generated files under folder and return their paths.

    The manifests always; documentation and requirements only where folder holds the source.
    """
    texts = manifests()
    if (folder / "pyproject.toml").is_file() and (
        folder / "algorithm" / "cli" / "verbs" / "describe.py"
    ).is_file():
        texts |= source_files(folder)
    return [_write(folder / name, text) for name, text in texts.items()]


def _grouped(language: str) -> list[tuple[str, list[Row]]]:
    titles = _GROUPS[language].items()
    return [(title, [row for row in TABLE if row.where == where]) for where, title in titles]


def _page(language: str) -> str:
    sections = (
        f"## {title}\n\n{as_markdown(rows, language)}" for title, rows in _grouped(language)
    )
    return "\n\n".join([_INTRODUCTION[language], *sections]) + "\n"


def _json(value: dict) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def _add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the printed table")
    parser.add_argument(
        "--output", default=".", help="folder that gets manifests/ (default: the current one)"
    )


def _run(arguments: argparse.Namespace) -> None:
    print(table_text(arguments.language))
    for path in write_files(Path(arguments.output)):
        print(f"wrote {path}", file=sys.stderr)


VERB = Verb("describe", "print the hyperparameters and write manifests/", _add_flags, _run)
