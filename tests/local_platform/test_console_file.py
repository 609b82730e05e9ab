"""The console page as a file: its words, what it fetches, which calls it knows."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from algorithm.local_platform.api.platform_app import app_of
from algorithm.local_platform.api.platform_server import platform_of
from algorithm.local_platform.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "algorithm" / "local_platform" / "api" / "console.html").read_text("utf-8")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def data(name: str) -> dict:
    return json.loads(re.search(rf'<script [^>]*id="{name}">(.*?)</script>', PAGE, re.DOTALL)[1])


def test_every_word_is_there_in_both_languages():
    for key, words in data("words").items():
        english, chinese = words
        assert english, key
        assert not CHINESE.search(english), key
        assert CHINESE.search(chinese), key
        assert sorted(re.findall(r"\{\d\}", english)) == sorted(re.findall(r"\{\d\}", chinese)), key


def test_every_word_that_the_page_says_is_known_and_every_known_one_is_said():
    said = set(re.findall(r'data-say="(\w+)"', PAGE)) | set(re.findall(r'\bsay\("(\w+)"', PAGE))
    said |= set(re.findall(r'\bbutton\("(\w+)"', PAGE)) | set(re.findall(r'"(sure_\w+)"\)', PAGE))
    phases = {"Creating", "Pending", "Running", "Completed", "Failed", "Terminating"}
    phases |= {"Terminated", "Abnormal"}
    states = {"DEPLOYING", "RUNNING", "CONCERNING", "FAILED", "STOPPED"}
    assert said | phases | states == data("words").keys()


def test_no_word_stands_in_the_page_outside_of_its_words():
    body = re.sub(r"<(script|style|title).*?</\1>", "", PAGE, flags=re.DOTALL)
    texts = {text.strip() for text in re.findall(r">([^<>]+)<", body)} - {""}
    assert texts == {"English", "中文"}  # the names of the languages, in the language itself


def test_nothing_comes_from_elsewhere():
    addresses = set(re.findall(r"[a-z]+://[^\"'\s)]+", PAGE))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of SVG, which nobody fetches
    assert not re.search(r"<(?:script|img|iframe|link)[^>]*\b(?:src|href)=\"(?!data:,)", PAGE)
    assert "@import" not in PAGE


def test_nothing_that_is_shown_can_become_markup():
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in PAGE
    assert not re.search(r"\son\w+=\"", PAGE)


def test_every_call_of_the_page_is_one_of_the_platform(tmp_path):
    app = app_of(platform_of(Settings(str(tmp_path))), None)
    routes = app.url_map.bind("127.0.0.1")
    assert PAGE.count("fetch(") == 1  # which takes its address from the table of calls
    values = {"P": "local", "ID": "an-id", "NAME": "worker-0"}
    for name, call in data("calls").items():
        method, path = call.split(" ")
        place = "/".join(values.get(word, word) for word in path.split("/"))
        assert routes.match(place, method)[0].startswith("call-"), name
        assert re.search(rf'\b(?:ask|renewLog)\("{name}"', PAGE), name
    assert set(re.findall(r'\b(?:ask|renewLog)\("(\w+)"', PAGE)) == data("calls").keys()


def test_the_page_is_served_without_a_token_and_installed_with_the_package(tmp_path):
    client = app_of(platform_of(Settings(str(tmp_path))), None).test_client()
    answer = client.get("/", base_url="http://127.0.0.1")
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    data_files = settings["tool"]["setuptools"]["package-data"]
    assert data_files["algorithm.local_platform.api"] == ["console.html"]


@pytest.mark.parametrize("form", ["line_chart", "column_chart", "pie_chart", "table"])
def test_every_form_of_an_assessment_is_drawn(form):
    display = (PROJECT / "algorithm" / "assessment" / "report" / "display.py").read_text("utf-8")
    assert f'"{form}"' in display
    assert f"part.{form}" in PAGE
