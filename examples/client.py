"""Ask the service about pictures; standard library only.

efficientdet serve --model_dir OUT/model --port 8080
python client.py cat.jpg [http://127.0.0.1:8080]
"""

import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path


def detect(picture: str, service: str) -> dict:
    """Return the service's reply: detection_classes, detection_boxes and detection_scores."""
    content = base64.b64encode(Path(picture).read_bytes()).decode()
    body = json.dumps({"images": content, "score_threshold": 0.4}).encode()
    request = urllib.request.Request(service, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def main() -> int:
    """Print a line for each object."""
    picture, service = sys.argv[1], (*sys.argv[2:], "http://127.0.0.1:8080")[0]
    try:
        found = detect(picture, service)
    except urllib.error.HTTPError as error:
        print(f"{error.code}: {json.load(error)['reason']}", file=sys.stderr)
        return 1
    rows = (found[f"detection_{part}"] for part in ("classes", "scores", "boxes"))
    for name, score, (ymin, xmin, ymax, xmax) in zip(*rows, strict=True):
        print(f"{name} {score:.2f} ({xmin:.0f}, {ymin:.0f}) to ({xmax:.0f}, {ymax:.0f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
