"""The page at GET /, in a real browser without a window."""

from __future__ import annotations

import base64
import io
import json

import pytest
from chromium import chromium
from PIL import Image


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


HANDLER = """
class TfServingBaseService:
    def __init__(self, model_name, model_path):
        pass

class Fixed(TfServingBaseService):
    def inference(self, data):
        name, stream = next(iter(data["images"].items()))
        if name == "warm_up.png":
            return {}
        if not stream.read().startswith(b"\\x89PNG"):
            error = TypeError("bad")
            error.reason = name + ": no picture"
            raise error
        return {"detection_classes": ["<b>cat", "dog"], "detection_boxes": [[10, 20, 60, 120], [0, 0, 5, 5]],
                "detection_scores": [float(data["score_threshold"]), 0.5]}
"""
PIXEL = "const p = document.getElementById('canvas').getContext('2d').getImageData(arguments[0], arguments[1], 1, 1).data; return [...p];"


# A click on a link is noted instead of followed: its file name, and its content in base64.
SAVED = """
const button = arguments[0], done = arguments[1], click = HTMLAnchorElement.prototype.click;
HTMLAnchorElement.prototype.click = function () {
  HTMLAnchorElement.prototype.click = click;
  const name = this.download;
  fetch(this.href).then(reply => reply.arrayBuffer()).then(bytes =>
    done([name, btoa(String.fromCharCode(...new Uint8Array(bytes)))]));
};
document.getElementById(button).click();
"""


def saved_by(browser, button):
    name, content = browser.execute_async_script(SAVED, button)
    return name, base64.b64decode(content)


def test_a_person_chooses_a_picture_and_sees_the_boxes(browser, model_dir, serving, tmp_path):
    (model_dir / "customize_service.py").write_text(HANDLER)
    title = "/".join(model_dir.absolute().parts[-2:])
    Image.new("RGB", (200, 100), "white").save(tmp_path / "white.png")
    (tmp_path / "no.png").write_text("text")

    def send(name):
        browser.execute_script("document.getElementById('status').textContent = ''")
        browser.find_element("id", "file").send_keys(str(tmp_path / name))
        for _ in range(200):
            text = browser.find_element("id", "status").text
            if text not in ("", "…"):
                return text
            browser.implicitly_wait(0.05)
        raise AssertionError("no answer on the page")

    with serving(model_dir) as (_, port):
        browser.get(f"http://127.0.0.1:{port}/")
        assert send("white.png").startswith("2 objects")
        assert browser.execute_script(PIXEL, 70, 40) == [255, 255, 255, 255]  # inside of the box
        assert browser.execute_script(PIXEL, 70, 60) != [255, 255, 255, 255]  # on its lower edge
        cells = [cell.text for cell in browser.find_elements("css selector", "#table td")]
        assert cells == ["<b>cat", "0.300", "10, 20, 60, 120", "dog", "0.500", "0, 0, 5, 5"]
        assert browser.find_element("id", "legend").text.split("\n") == ["<b>cat: 1", "dog: 1"]
        assert browser.find_element("id", "model").text == title
        browser.find_element("id", "language").click()
        assert browser.find_element("id", "status").text.startswith("2 个目标，")
        heads = [cell.text for cell in browser.find_elements("css selector", "#table th")]
        assert heads == ["类别", "置信度", "框：上、左、下、右，单位像素"]
        browser.find_element("id", "language").click()
        assert browser.find_element("id", "status").text.startswith("2 objects, ")
        saved = [saved_by(browser, button) for button in ("save_json", "save_png")]
        assert [name for name, _ in saved] == ["white_detections.json", "white_boxes.png"]
        assert json.loads(saved[0][1])["detection_classes"] == ["<b>cat", "dog"]
        with Image.open(io.BytesIO(saved[1][1])) as boxes:
            assert boxes.format == "PNG" and boxes.size == (200, 100)
        assert send("no.png") == "no.png: no picture"
        assert not browser.find_element("id", "canvas").is_displayed()
        assert not browser.find_element("id", "results").is_displayed()
        severe = [
            entry["message"]
            for entry in browser.get_log("browser")
            if entry["level"] == "SEVERE" and "400" not in entry["message"]
        ]
        assert not severe
