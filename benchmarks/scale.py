"""What a dataset of n pictures costs to read: seconds, memory and open files by the picture.

    python -m benchmarks.scale make FOLDER --form coco --pictures 10000
    python -m benchmarks.scale read FOLDER [--clean] [--seconds 30 | --epoch] [--image_size 320]

`make` writes a dataset with COCO's count of objects a picture and a split: COCO JSON beside
pictures, or TFRecord shards of 1000. Pictures are small and all different; with --payloads K only
K different ones are repeated, which is enough where nothing is decoded. `read` does what a job does
before its first step, part after part, and then takes training batches for a bounded time, or one
epoch of them. Each line is a part: its seconds, what this process holds more than before it, its
peak so far, the files it had open at most.
"""

from __future__ import annotations

import argparse
import gc
import io
import itertools
import json
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 160, 120
OBJECTS = 7.3  # a picture of COCO train2017 in the mean
CLASSES = [f"class{number:02}" for number in range(80)]
EVALUATED = 25  # every so many pictures one evaluates, as in COCO
SHARD = 1000
BATCH = 8


def main() -> None:
    """Makes a dataset, or reads one and prints a line for each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("make", "read"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--form", choices=("coco", "tfrecord"), default="coco")
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--payloads", type=int, default=0)
    parser.add_argument("--clean", action="store_true")
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="of training batches; 0 for none"
    )
    parser.add_argument("--epoch", action="store_true", help="one epoch of batches instead")
    parser.add_argument("--image_size", type=int, default=320, help="of the batches, in pixels")
    arguments = parser.parse_args()
    if arguments.what == "make":
        write = {"coco": write_coco, "tfrecord": write_records}[arguments.form]
        write(arguments.folder, arguments.pictures, arguments.payloads)
    else:
        seconds = float("inf") if arguments.epoch else arguments.seconds
        read(arguments.folder, arguments.clean, seconds, arguments.image_size)


def payloads(count: int) -> Iterator[bytes]:
    """Yield encoded pictures, all different to any eye."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        few = rng.integers(0, 256, (12, 16, 3), np.uint8)
        stream = io.BytesIO()
        Image.fromarray(few).resize((WIDTH, HEIGHT)).save(stream, "JPEG", quality=75)
        yield stream.getvalue()


def rows(pictures: int, different: int) -> Iterator[tuple[int, str, bytes, np.ndarray, np.ndarray]]:
    """Yield (number, side, encoded picture, boxes xywh in pixels [N, 4], labels [N])."""
    rng = np.random.default_rng(1)
    encoded = itertools.cycle(list(payloads(different))) if different else payloads(pictures)
    for number, data in zip(range(pictures), encoded, strict=False):
        count = rng.poisson(OBJECTS)
        sides = rng.uniform(5, 50, (count, 2))
        corners = rng.uniform(0, 1, (count, 2)) * (np.array([WIDTH, HEIGHT]) - sides)
        side = "val" if number % EVALUATED == 0 else "train"
        boxes = np.concatenate([corners, sides], axis=1).round(2)
        yield number, side, data, boxes, rng.integers(0, len(CLASSES), count)


def write_coco(folder: Path, pictures: int, different: int) -> None:
    """COCO JSON for each side, pictures in a folder of the side; repeated ones are hard links."""
    found: dict[str, dict[str, list[Any]]] = {
        side: {"images": [], "annotations": []} for side in ("train", "val")
    }
    first: dict[bytes, Path] = {}
    numbers = itertools.count(1)
    for number, side, data, boxes, labels in rows(pictures, different):
        file = folder / f"{side}2017" / f"{number:012}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        if data in first:
            os.link(first[data], file)
        else:
            file.write_bytes(data)
            if different:
                first[data] = file
        size = {"width": WIDTH, "height": HEIGHT}
        found[side]["images"].append({"id": number, "file_name": file.name, **size})
        found[side]["annotations"] += [
            {
                "id": next(numbers),
                "image_id": number,
                "category_id": int(label) + 1,
                "bbox": box.tolist(),
                "area": float(box[2] * box[3]),
                "iscrowd": 0,
            }
            for box, label in zip(boxes, labels, strict=True)
        ]
    categories = [{"id": number + 1, "name": name} for number, name in enumerate(CLASSES)]
    (folder / "annotations").mkdir()
    for side, content in found.items():
        text = json.dumps({**content, "categories": categories})
        (folder / "annotations" / f"instances_{side}2017.json").write_text(text)


def write_records(folder: Path, pictures: int, different: int) -> None:
    """TFRecords in the schema of the TensorFlow Object Detection API, 1000 pictures a shard."""
    import tensorflow as tf

    folder.mkdir(parents=True)
    per_side = {"val": -(-pictures // EVALUATED)}
    per_side["train"] = pictures - per_side["val"]
    shards = {side: -(-count // SHARD) for side, count in per_side.items()}
    counts = dict.fromkeys(per_side, 0)
    writers: dict[str, Any] = {}
    for number, side, data, boxes, labels in rows(pictures, different):
        shard, within = divmod(counts[side], SHARD)
        if not within:
            if side in writers:
                writers[side].close()
            name = f"{side}-{shard:05}-of-{shards[side]:05}.tfrecord"
            writers[side] = tf.io.TFRecordWriter(str(folder / name))
        counts[side] += 1
        left, top, width, height = boxes.T
        floats = {
            "xmin": left / WIDTH,
            "xmax": (left + width) / WIDTH,
            "ymin": top / HEIGHT,
            "ymax": (top + height) / HEIGHT,
        }
        texts = [CLASSES[label].encode() for label in labels]
        feature = {
            "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[data])),
            "image/filename": _text(f"{number:012}.jpg"),
            "image/source_id": _text(str(number)),
            "image/width": tf.train.Feature(int64_list=tf.train.Int64List(value=[WIDTH])),
            "image/height": tf.train.Feature(int64_list=tf.train.Int64List(value=[HEIGHT])),
            "image/object/class/text": tf.train.Feature(bytes_list=tf.train.BytesList(value=texts)),
            **{
                f"image/object/bbox/{name}": tf.train.Feature(
                    float_list=tf.train.FloatList(value=values)
                )
                for name, values in floats.items()
            },
        }
        example = tf.train.Example(features=tf.train.Features(feature=feature))
        writers[side].write(example.SerializeToString())
    for writer in writers.values():
        writer.close()


def _text(text: str) -> Any:
    import tensorflow as tf

    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))


def read(folder: Path, clean: bool, seconds: float, side: int) -> None:
    """What a job does with a dataset before its first step, then batches.

    Args:
        folder: The dataset.
        clean: Whether it is cleaned.
        seconds: How long batches are taken at most; without a limit for one epoch; 0 for none.
        side: Of the pictures in a batch, in pixels.
    """
    from algorithm.data import load_dataset
    from algorithm.data.split_record import SplitRecord
    from algorithm.storage.atomic_files import write_json

    watch = Watch()
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        dataset = watch.part(
            "load_dataset",
            lambda: load_dataset(folder, clean=clean, seed=0, work_dir=work),
        )
        samples = dataset.train
        watch.pictures = len(samples) + len(dataset.eval)
        record = watch.part("split", lambda: SplitRecord.of(samples, dataset.eval, "stated"))
        watch.part("split.json", lambda: write_json(Path(work) / "split.json", record.as_dict()))
        print(f"split.json: {(Path(work) / 'split.json').stat().st_size / watch.pictures:.0f} B")
        if not seconds:
            return
        batches = watch.part("first batch", lambda: _started(samples, side))
        begun = time.perf_counter()

        def some() -> int:
            taken = 0
            for _ in itertools.islice(batches, len(samples) // BATCH - 1):
                taken += BATCH
                if time.perf_counter() - begun > seconds:
                    break
            return taken

        taken = watch.part("batches", some)
        wall = time.perf_counter() - begun
        print(f"batches: {taken} pictures, {taken / wall:.0f} pictures/s")


def _started(samples: Any, side: int) -> Iterator[Any]:
    from algorithm.data.feeding.pipeline import train_batches

    batches = iter(train_batches(samples, image_size=(side, side), batch_size=BATCH, seed=0))
    next(batches)
    return batches


class Watch:
    """Prints seconds, memory and open files of each part of a program."""

    def __init__(self) -> None:
        self.pictures = 0
        self._most = 0
        threading.Thread(target=self._look, daemon=True).start()

    def part(self, name: str, run: Callable[[], Any]) -> Any:
        """Run a part, print its line and return what it returns."""
        gc.collect()
        before, processor, begun = _held(), time.process_time(), time.perf_counter()
        self._most = 0
        result = run()
        wall, processor = time.perf_counter() - begun, time.process_time() - processor
        self._most = max(self._most, _files())
        gc.collect()
        print(
            f"{name}: {wall:.2f} s, {processor:.2f} s of processor, holds "
            f"{(_held() - before) / 2**20:.1f} MiB more, peak {_peak() / 2**20:.0f} MiB, at most "
            f"{self._most} files open",
            flush=True,
        )
        return result

    def _look(self) -> None:
        while True:
            self._most = max(self._most, _files())
            time.sleep(0.05)


def _held() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208, a Path for each would be more


if __name__ == "__main__":
    main()
