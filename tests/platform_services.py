"""Model folders without TensorFlow, and services of a local platform around them."""

import json
from pathlib import Path

from platform_process import wait_for

from algorithm.serving.model_handler import MODEL_PARTS

MANIFESTS = Path(__file__).resolve().parents[1] / "manifests"
# A handler that needs no TensorFlow: it says which model it is, dies or sleeps when it is told to.
HANDLER = """
import os, time
class TfServingBaseService:
    def __init__(self, model_name, model_path):
        self.path = model_path
class Handler(TfServingBaseService):
    def inference(self, data):
        if data.get("die"):
            os._exit(3)
        time.sleep(float(data.get("sleep", 0)))
        return {"model": open(self.path + "/index").read(), "process": os.getpid()}
"""


def model(platform, name: str, handler: str = HANDLER) -> str:
    """The address of a model folder."""
    folder = platform.bucket / name
    for part in MODEL_PARTS:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).write_text(name)
    (folder / "customize_service.py").write_text(handler)
    return f"obs://my-bucket/{name}/"


def request(*addresses: str, weights=(100,), **limits) -> dict:
    body = json.loads((MANIFESTS / "service-v2.json").read_text("utf-8"))
    group = json.dumps(body["group_configs"][0])
    body["group_configs"] = [json.loads(group) for _ in addresses]
    for row, address, weight in zip(body["group_configs"], addresses, weights, strict=True):
        row.update(name=address.split("/")[-2], weight=weight)
        row["unit_configs"][0]["files"][0]["address"] = address
        row["unit_configs"][0]["readiness_health"] |= {
            "period_seconds": 0.2,
            "timeout_seconds": 0.5,
        }
    body["runtime_config"]["service_limit"].update(limits)
    return body


def deployed(platform, body: dict, status: str = "RUNNING", seconds: float = 30) -> dict:
    """The service when it has that status."""
    code, made = platform.call("POST", "/v2/local/services", body)
    assert code == 201, made
    return wait_until(platform, made["id"], status, seconds)


def wait_until(platform, identifier: str, status: str, seconds: float = 30) -> dict:
    path = f"/v2/local/services/{identifier}"
    wait_for(lambda: platform.call("GET", path)[1]["status"] == status, seconds)
    return platform.call("GET", path)[1]
