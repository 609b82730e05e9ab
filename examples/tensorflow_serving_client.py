"""Ask TensorFlow Serving about a picture over REST.

    python tensorflow_serving_client.py cat.jpg SERVING/index [http://127.0.0.1:8501]

The graph takes the pixels as they are and gives boxes in them; the class names are in `index`.
"""

import json
import sys
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def detect(picture: str, service: str) -> dict:
    """Return the outputs of the signature for one picture, without the batch dimension."""
    pixels = np.asarray(ImageOps.exif_transpose(Image.open(picture)).convert("RGB"))
    body = json.dumps({"inputs": {"images": [pixels.tolist()]}}).encode()
    address = f"{service}/v1/models/detector:predict"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return {name: rows[0] for name, rows in json.load(reply)["outputs"].items()}


def main() -> None:
    """Print a line for each object."""
    picture, index, service = (*sys.argv[1:], "http://127.0.0.1:8501")[:3]
    names = json.loads(Path(index).read_text("utf-8"))["labels_list"]
    found = detect(picture, service)
    for i in range(int(found["num_detections"])):
        score = found["detection_scores"][i]
        if score >= 0.4:
            ymin, xmin, ymax, xmax = found["detection_boxes"][i]
            name = names[int(found["detection_classes"][i]) - 1]
            print(f"{name} {score:.2f} ({xmin:.0f}, {ymin:.0f}) to ({xmax:.0f}, {ymax:.0f})")


if __name__ == "__main__":
    main()
