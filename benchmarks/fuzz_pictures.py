"""Mutated pictures through the decoder for minutes: python -m benchmarks.fuzz_pictures --images
FOLDER --minutes 10

Every input must become pixels or a PictureError; anything else is written to --output and counted
as a crash.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import random
import resource
import time
import warnings
from pathlib import Path

from PIL import Image

from algorithm.data.feeding.decoding import PictureError, decode_image


def main() -> int:
    """Exit code 1 when anything crashed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", required=True, help="folder of JPEG pictures")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="build/fuzz")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    spec = importlib.util.spec_from_file_location(
        "hostile", Path(__file__).parents[1] / "tests/serving/hostile.py"
    )
    hostile = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hostile)
    contents = [
        (path.suffix, path.read_bytes())
        for path in sorted(Path(arguments.images).glob("*.jpg"))[:8]
    ]
    for _, content in contents[:8]:
        for kind in hostile.KINDS[1:]:
            stream = io.BytesIO()
            Image.open(io.BytesIO(content)).convert("RGB").resize((160, 120)).save(stream, kind)
            contents.append((kind, stream.getvalue()))
    chance, end = random.Random(arguments.seed), time.monotonic() + 60 * arguments.minutes
    counts, slowest = {"pixels": 0, "refused": 0, "crashed": 0}, (0.0, "")
    while time.monotonic() < end:
        kind, content = contents[chance.randrange(len(contents))]
        content, begun = hostile.mutated(content, chance), time.perf_counter()
        try:
            decode_image(content, "fuzz")
            outcome = "pixels"
        except PictureError:
            outcome = "refused"
        except Exception as error:
            outcome = "crashed"
            Path(arguments.output).mkdir(parents=True, exist_ok=True)
            (Path(arguments.output) / f"{counts['crashed']}.bin").write_bytes(content)
            print(kind, repr(error), flush=True)
        counts[outcome] += 1
        slowest = max(slowest, (time.perf_counter() - begun, kind))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(counts, f"slowest {slowest[0]:.2f} s ({slowest[1]}), most memory {memory} MiB")
    return 1 if counts["crashed"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
