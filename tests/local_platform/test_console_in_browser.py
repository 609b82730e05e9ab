"""The console page in a real browser: a job that runs and ends, its model, a service, a picture."""

from __future__ import annotations

import io
import json

import pytest
from chromium import chromium
from event_records import record
from PIL import Image
from platform_process import job_request, new_platform, wait_for

from algorithm.serving.model_handler import MODEL_PARTS

NAME = '<img src=x onerror="document.title=1">'  # a class, as somebody might name it
STEP = "train epoch=1/2 step={step}/20 loss={loss} cls_loss=0.5 l2_loss=4 eta=0:01:{left}"
JOB = f"""
import os, shutil, sys, time
from pathlib import Path
flags = dict(word[2:].split("=", 1) for word in sys.argv[1:])
print('{NAME} in the log')
print('{STEP.format(step=5, loss=3.5, left=30)}')
print('{STEP.format(step=10, loss=2.5, left=20)}', flush=True)
while not Path(flags["go"]).exists():
    time.sleep(0.05)
print('eval epoch=1/2 step=10 AP=0.25 AP50=0.5')
print('{STEP.format(step=20, loss=1.5, left=10)}'.replace("epoch=1/2", "epoch=2/2"))
print('eval epoch=2/2 step=20 AP=0.283 AP50=0.5625', flush=True)
made = Path(__file__).parent / "made"
shutil.copytree(made, flags["train_url"], dirs_exist_ok=True)
"""
HANDLER = f"""
class TfServingBaseService:
    def __init__(self, model_name, model_path):
        pass

class Fixed(TfServingBaseService):
    def inference(self, data):
        name, stream = next(iter(data["images"].items()))
        if name != "warm_up.png" and not stream.read().startswith(b"\\x89PNG"):
            error = TypeError("bad")
            error.reason = name + ": no picture"
            raise error
        least = float(data.get("score_threshold", 0.25))
        if least > 0.9:
            return {{"detection_classes": [], "detection_scores": [], "detection_boxes": []}}
        return {{"detection_classes": [{NAME!r}, "dog"], "detection_scores": [least, 0.5],
                "detection_boxes": [[10, 20, 60, 120], [0, 0, 5, 5]]}}
"""
DROP = """
const carried = new DataTransfer();
carried.items.add(new File(["text"], "dropped.png", {type: "image/png"}));
document.getElementById("drop").dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}));
"""
CURVE = {"x_axis_name": "recall", "y_axis_name": "precision", "x_axis_range": [0, 1]}
FORMS = {
    "figures": {"value": {"AP at IoU 0.5": 0.5625}},
    "advice": {"value": {"1": NAME, "2": "train longer"}},
    "curve": {"line_chart": {"a": {**CURVE, "y_axis_range": [0, 1], "curve": {"cat": [[0, 1], [1, 0.5]]}}}},
    "columns": {"column_chart": {"a": {"x_label": ["cat", NAME], "y_value": [3, 4]}}},
    "parts": {"pie_chart": {"a": {"label": ["wrong place"], "value": [7]}}},
    "table": {"table": {"a": {"top_left_cell": "", "row_labels": ["cat"], "col_labels": ["dog"], "cell_value": [[9]]}}},
    "get_negative_samples_det": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def platform(browser, tmp_path_factory):
    platform = new_platform(tmp_path_factory.mktemp("platform"))
    leave(platform.bucket / "code" / "made")
    yield platform
    platform.end()


def leave(folder) -> None:
    """What the job leaves: a model folder, its figures, pictures and an assessment."""
    for part in MODEL_PARTS:
        (folder / "model" / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / "model" / part).write_text("{}")
    (folder / "model" / "saved_model.pb").write_bytes(bytes(12000))
    (folder / "model" / "customize_service.py").write_text(HANDLER)
    (folder / "model" / "index").write_text(json.dumps({"labels_list": [NAME, "dog"]}))
    figures = {"AP": 0.283, "AP50": 0.5625, "boxes": 46, "per_class": {NAME: {"AP": 0.1}}}
    (folder / "metrics.json").write_text(json.dumps(figures))
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(content, "png")
    events = record("eval/picture_0", 20, content.getvalue())
    (folder / "events.out.tfevents.1").write_bytes(events)
    display = {
        language: {
            key: part if isinstance(part, list) else {"title": f"{key} {word}", **part}
            for key, part in FORMS.items()
        }
        for language, word in (("en-us", "in English"), ("zh-cn", "用中文"))
    }
    (folder / "display.json").write_text(json.dumps(display, ensure_ascii=False))


def opened(browser, platform, place: str = "") -> None:
    browser.get("about:blank")
    browser.get(f"{platform.keys['ENDPOINT']}/#token={platform.token}")
    browser.execute_script("location.hash = arguments[0]", place)


def text(browser, name: str) -> str:
    return browser.find_element("id", name).text


def shows(browser, name: str, *words: str) -> None:
    try:
        wait_for(lambda: all(word in text(browser, name) for word in words))
    except AssertionError as error:
        raise AssertionError(f"expected {words}, found {text(browser, name)!r}") from error


def click(browser, selector: str, word: str) -> None:
    buttons = browser.find_elements("css selector", f"{selector} button")
    next(each for each in buttons if each.text == word).click()


def faults(browser) -> list[str]:
    return [row["message"] for row in browser.get_log("browser") if row["level"] == "SEVERE"]


@pytest.fixture(scope="module")
def job(platform):
    """A job that has ended; the page was not open."""
    return run(platform, "ended", platform.root / "bucket_made")


def run(platform, name: str, go) -> str:
    go.touch()
    request = job_request(platform.script(JOB), parameters=[{"name": "go", "value": str(go)}])
    request["metadata"] = {"name": name, "description": NAME}
    identifier = platform.submit(request)
    assert platform.ended(identifier)["status"]["phase"] == "Completed"
    return identifier


def test_a_job_is_followed_from_its_first_step_to_its_end(browser, platform):
    go = platform.root / "go"
    request = job_request(platform.script(JOB), parameters=[{"name": "go", "value": str(go)}])
    opened(browser, platform)
    shows(browser, "jobs", "No job yet")
    identifier = platform.submit(request)
    shows(browser, "jobs", "sample", "runs", "50 % · 0:01:20 left")
    assert browser.find_element("css selector", "#jobs progress").get_attribute("value") == "50"
    browser.find_element("css selector", "#jobs a").click()
    shows(browser, "job-head", "50 % · epoch 1/2 · step 10/20 · 0:01:20 left")
    shows(browser, "log", f"{NAME} in the log", "step=10/20")
    shows(browser, "curves", "Loss", "loss", "cls_loss", "l2_loss")
    assert not browser.find_element("id", "models-part").is_displayed()
    go.touch()
    shows(browser, "job-head", "completed", "100 % · epoch 2/2 · step 20/20")
    shows(browser, "jobs", "completed")
    shows(browser, "curves", "AP50")
    lines = browser.find_elements("css selector", "#curves polyline")
    points = [len(line.get_attribute("points").split()) for line in lines]
    assert points == [3, 3, 2, 2]  # loss, cls_loss; AP, AP50; l2_loss is not drawn at first
    browser.find_elements("css selector", "#curves input")[2].click()
    assert len(browser.find_elements("css selector", "#curves polyline")) == 5
    shows(browser, "log", "step=20/20")
    click(browser, "#job-head", "Delete")
    browser.switch_to.alert.accept()
    shows(browser, "jobs", "No job yet")
    assert platform.call("GET", f"/v2/local/training-jobs/{identifier}")[0] == 404
    assert not faults(browser)


def test_a_job_is_stopped(browser, platform):
    go = str(platform.root / "never")
    request = job_request(platform.script(JOB), parameters=[{"name": "go", "value": go}])
    identifier = platform.submit(request)
    opened(browser, platform, f"job={identifier}")
    shows(browser, "job-head", "runs", "Stop")
    click(browser, "#job-head", "Stop")
    browser.switch_to.alert.accept()
    shows(browser, "job-head", "stopped", "exit code")
    assert platform.phase(identifier) == "Terminated"
    assert not faults(browser)


def test_the_model_its_pictures_and_the_assessment_are_shown(browser, platform, job):
    opened(browser, platform, f"job={job}")
    shows(browser, "models", "28.3 %", "56.3 %", "46", NAME, "/my-bucket/output/model/")
    size = sum(path.stat().st_size for path in (platform.bucket / "output" / "model").rglob("*") if path.is_file())  # fmt: skip
    shows(browser, "models", f"{size / 1000:.1f} KB")
    shows(browser, "pictures", "eval/picture_0, step 20")
    image = browser.find_element("css selector", "#pictures img")
    wait_for(lambda: browser.execute_script("return arguments[0].naturalWidth", image) == 40)
    shows(browser, "assessment", *(f"{key} in English" for key in FORMS if key[:3] != "get"))
    shows(browser, "assessment", "0.563", "train longer", "wrong place", "7", "9", NAME)
    assert len(browser.find_elements("css selector", "#assessment polyline")) == 1
    assert NAME in text(browser, "job-head")
    shows(browser, "events", "INFO")
    assert not browser.find_elements("css selector", "img[src=x]")
    assert browser.title == "Local platform"
    assert not faults(browser)


def test_a_model_is_deployed_with_a_click_and_asked_with_a_picture(
    browser, platform, job, tmp_path
):
    opened(browser, platform, f"job={job}")
    shows(browser, "models", "Deploy")
    click(browser, "#models", "Deploy")
    shows(browser, "service-head", "ended", "runs", "/my-bucket/output/model/")
    wait_for(lambda: browser.find_element("id", "ask").is_displayed())
    Image.new("RGB", (200, 100), "white").save(tmp_path / "white.png")
    (tmp_path / "no.png").write_text("text")
    browser.find_element("id", "file").send_keys(str(tmp_path / "white.png"))
    shows(browser, "status", "2 objects", "answered by default")
    cells = [each.text for each in browser.find_elements("css selector", "#found td")]
    assert cells == [NAME, "0.250", "10, 20, 60, 120", "dog", "0.500", "0, 0, 5, 5"]
    assert pixel(browser, 70, 40) == [255, 255, 255, 255]  # inside of the box
    assert pixel(browser, 70, 60) != [255, 255, 255, 255]  # on its lower edge
    slide(browser, 0.75)
    shows(browser, "found", "0.750")
    slide(browser, 0.95)
    shows(browser, "status", "0 objects", "Lower the score")
    browser.execute_script(DROP)
    shows(browser, "status", "dropped.png: no picture")
    browser.find_element("id", "file").send_keys(str(tmp_path / "no.png"))
    shows(browser, "status", "no.png: no picture")
    assert not browser.find_element("id", "canvas").is_displayed()
    shows(browser, "log", "serving")
    click(browser, "#service-head", "Stop")
    shows(browser, "service-head", "stopped", "Start")
    assert not browser.find_element("id", "ask").is_displayed()
    click(browser, "#service-head", "Delete")
    browser.switch_to.alert.accept()
    shows(browser, "services", "No service yet")
    assert not [row for row in faults(browser) if "400" not in row]


def slide(browser, score: float) -> None:
    script = "const s = document.getElementById('score'); s.value = arguments[0]; for (const kind of ['input', 'change']) s.dispatchEvent(new Event(kind))"
    browser.execute_script(script, score)


def pixel(browser, x: int, y: int) -> list[int]:
    script = "const c = document.getElementById('canvas').getContext('2d'); return [...c.getImageData(arguments[0], arguments[1], 1, 1).data]"
    return browser.execute_script(script, x, y)


def test_a_refusal_is_said(browser, platform, job):
    opened(browser, platform, f"job={job}")
    shows(browser, "models", "Deploy")
    model = platform.bucket / "output" / "model"
    model.rename(model.with_name("away"))
    click(browser, "#models", "Deploy")
    shows(browser, "problem", "expected a model folder", "lacks config.json")
    model.with_name("away").rename(model)
    click(browser, "#models", "Deploy")
    shows(browser, "service-head", "ended")
    assert not browser.find_element("id", "problem").is_displayed()
    click(browser, "#service-head", "Delete")
    browser.switch_to.alert.accept()
    shows(browser, "services", "No service yet")


def test_chinese_is_chosen_remembered_and_the_browsers_language_comes_first(browser, platform, job):
    opened(browser, platform, f"job={job}")
    shows(browser, "assessment", "advice in English")
    browser.find_element("css selector", "#language option[value=zh]").click()
    shows(browser, "jobs", "已完成")
    shows(browser, "assessment", "advice 用中文")
    assert browser.title == "本地平台"
    opened(browser, platform)
    shows(browser, "jobs", "已完成")
    browser.execute_script("localStorage.clear()")
    agent = browser.execute_script("return navigator.userAgent")
    for spoken, word in (("zh-CN", "训练作业"), ("en-US", "Jobs")):
        override = {"userAgent": agent, "acceptLanguage": spoken}
        browser.execute_cdp_cmd("Emulation.setUserAgentOverride", override)
        opened(browser, platform)
        shows(browser, "lists", word)


def test_the_page_asks_for_a_token_that_the_platform_refuses(browser, platform):
    browser.execute_script("sessionStorage.clear()")
    browser.get("about:blank")
    browser.get(platform.keys["ENDPOINT"])
    shows(browser, "door", "needs the token")
    browser.find_element("id", "token").send_keys("wrong\n")
    shows(browser, "problem", "Authorization")
    browser.find_element("id", "token").send_keys(f"{platform.token}\n")
    wait_for(lambda: not browser.find_element("id", "door").is_displayed())
    browser.refresh()
    shows(browser, "lists", "Jobs")
    assert not browser.find_element("id", "door").is_displayed()
    assert platform.token not in browser.current_url


def test_it_fits_a_phone_and_follows_a_dark_scheme(browser, platform, job):
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        opened(browser, platform)
        shows(browser, "jobs", "completed")
        assert not browser.find_element("id", "detail").is_displayed()
        opened(browser, platform, f"job={job}")
        shows(browser, "assessment", "advice in English")
        assert not browser.find_element("id", "lists").is_displayed()
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
        browser.find_element("id", "back").click()
        shows(browser, "lists", "Jobs")
        colour = "return getComputedStyle(document.body).backgroundColor"
        scheme = {"name": "prefers-color-scheme", "value": "dark"}
        light = browser.execute_script(colour)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        assert browser.execute_script(colour) != light
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_platform_that_ends_is_said_and_found_again(browser, tmp_path):
    platform = new_platform(tmp_path)
    opened(browser, platform)
    shows(browser, "jobs", "No job yet")
    platform.end()
    shows(browser, "problem", "does not answer")
    platform.flags = (f"--port={platform.keys['ENDPOINT'].split(':')[-1]}",)
    platform.start()
    wait_for(lambda: not browser.find_element("id", "problem").is_displayed())
    platform.end()
