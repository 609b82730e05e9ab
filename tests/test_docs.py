"""The documentation against the tree it describes."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from algorithm import __version__

PROJECT = Path(__file__).parents[1]
PAGES = sorted(
    [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), PROJECT / "examples" / "README.md"]
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
SHELVES = {"use", "reference", "internals", "research"}


def name(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    targets = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []


def test_every_page_stands_on_a_shelf_and_in_the_index():
    index = (PROJECT / "docs" / "README.md").read_text("utf-8")
    linked = {(PROJECT / "docs" / link).resolve() for link in LINK.findall(index)}
    pages = {page for page in PAGES if page.is_relative_to(PROJECT / "docs")} - {
        PROJECT / "docs" / "README.md"
    }
    assert {page.relative_to(PROJECT / "docs").parts[0] for page in pages} == SHELVES
    assert {name(page) for page in pages if page.resolve() not in linked} == set()


def files_to_change(page: str, begin: str, end: str) -> list[list[str]]:
    """The files of each row of a table "to change X, look in Y", from the root of the project.

    The short tables leave out `algorithm/`.
    """
    text = (PROJECT / page).read_text("utf-8")
    table = text[text.index(begin) :].partition(end)[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    cells = [re.findall(r"`([^`]+)`", row.split("|")[2]) for row in rows]
    return [
        [place if (PROJECT / place).exists() else f"algorithm/{place}" for place in cell]
        for cell in cells
    ]


def test_a_name_is_defined_in_the_file_that_a_page_names_for_it():
    named = re.compile(r"`(\w+)` in `((?:algorithm|tests)/[\w/]+\.py)`")
    rows = [
        (name(page), *pair)
        for page in PAGES
        if "research" not in page.parts  # records tell of their day
        for pair in named.findall(page.read_text("utf-8"))
    ]
    defined = r"^\s*(?:(?:def|class) {0}\b|{0}\b.* = )"
    missing = [
        row
        for row in rows
        if not re.search(defined.format(row[1]), (PROJECT / row[2]).read_text("utf-8"), re.M)
    ]
    assert rows and missing == []


def test_the_map_for_changes_names_files_that_exist():
    rows = files_to_change("CONTRIBUTING.md", "## To change X, open Y", "## How to add")
    assert len(rows) >= 25 and all(rows)
    assert [place for row in rows for place in row if not (PROJECT / place).exists()] == []


@pytest.mark.parametrize(
    ("page", "begin", "end"),
    [
        ("README.md", "| To change | Look in |", "## More"),
        ("README.zh-CN.md", "| 要修改 | 请看 |", "## 更多"),
    ],
)
def test_the_short_map_in_a_readme_says_what_the_long_one_says(page, begin, end):
    long = files_to_change("CONTRIBUTING.md", "## To change X, open Y", "## How to add")
    known = {place for row in long for place in row}
    short = files_to_change(page, begin, end)
    assert len(short) >= 30 and all(short)
    assert [place for row in short for place in row if place not in known] == []


def test_the_short_maps_name_the_same_files_in_both_languages():
    english = files_to_change("README.md", "| To change | Look in |", "## More")
    assert files_to_change("README.zh-CN.md", "| 要修改 | 请看 |", "## 更多") == english


def test_license_and_citation_agree_with_the_package():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text("utf-8"))
    assert citation["license"] == project["license"] == "Apache-2.0"
    assert str(citation["version"]) == __version__
    text = (PROJECT / project["license-files"][0]).read_text("utf-8")
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text
