"""What masks add to an answer: the handler's own runtime asked for boxes, and for some masks, in
turns; milliseconds of processor time.

python -m benchmarks.mask_answers --model_dir OUT/model --image PHOTO [--masks 10] [--answers 40]
[--profile]

The score of the request is one that so many detections of the picture reach.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import pstats
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from algorithm.serving.model_handler import load_service

_WARM = 5  # answers that are not counted


def main() -> None:
    """Prints a row for each kind of answer: median and least."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--image", required=True)
    for name, default in (("masks", 10), ("answers", 40)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--profile", action="store_true", help="Python's part, by function")
    arguments = parser.parse_args()
    service, content = load_service(arguments.model_dir), Path(arguments.image).read_bytes()
    all_of_them = ask(service, content, score_threshold="0")
    score = str(all_of_them["detection_scores"][arguments.masks - 1])
    boxes = np.array(all_of_them["detection_boxes"][: arguments.masks])
    sides = np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    kinds = {
        "boxes": {"score_threshold": score},
        "masks, none of them": {"score_threshold": "1", "masks": "rle"},
        f"masks, {arguments.masks} of them": {"score_threshold": score, "masks": "rle"},
    }
    last = ask(service, content, **kinds[f"masks, {arguments.masks} of them"])["detection_masks"]
    assert len(last) == arguments.masks
    print(
        f"picture {Image.open(arguments.image).size}, boxes of {sides[0]:.0f} x {sides[1]:.0f} "
        f"in the median, {np.mean([len(mask['counts']) for mask in last]):.0f} characters a mask"
    )
    spent: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(arguments.answers + _WARM):
        for kind, fields in kinds.items():
            before = time.process_time()
            ask(service, content, **fields)
            spent[kind].append(1e3 * (time.process_time() - before))
    for kind, row in spent.items():
        counted = row[_WARM:]
        print(f"{kind:24} median {statistics.median(counted):6.2f}  least {min(counted):6.2f}")
    if arguments.profile:
        profile = cProfile.Profile()
        profile.enable()
        for _ in range(arguments.answers):
            ask(service, content, **fields)
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(15).print_callers("arrayprint")


def ask(service: Any, content: bytes, **fields: str) -> dict[str, Any]:
    """The reply to one picture."""
    return service.inference({"images": {"a": io.BytesIO(content)}, **fields})


if __name__ == "__main__":
    main()
