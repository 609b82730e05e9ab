"""Timing of a case: warm-up, rounds, median and spread, peak memory, a profile."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

KIBIBYTE = 1024


@dataclass(frozen=True)
class Settings:
    """What is measured and how.

    Attributes:
        model_name: The preset.
        image_size: (height, width) or the side in pixels; None for the preset's.
        batch_size: Pictures of a batch.
        classes: Classes of the network.
        precision: What the network computes in.
        gradient_checkpointing: Whether the backward pass computes the network's pieces again.
        masks: Whether the network has a mask head; every object then has an outline.
        steps_per_loop: Steps in one call of TensorFlow.
        data_url: Pictures for the pipeline, "" for rendered ones.
        rounds: Calls that are counted.
        warmup: Calls before them that are not.
        profile: The folder for a TensorBoard trace of one more round, "" for none.
    """

    model_name: str = "efficientdet-d0"
    image_size: int | tuple[int, int] | None = None
    batch_size: int = 8
    classes: int = 90
    precision: str = "float32"
    gradient_checkpointing: bool = False
    masks: bool = False
    steps_per_loop: int = 1
    data_url: str = ""
    rounds: int = 7
    warmup: int = 1
    profile: str = ""


@dataclass(frozen=True)
class Case:
    """A thing to measure.

    Attributes:
        run: Does it once and returns when it is over.
        images: Pictures that it handles.
        notes: What to say of it in the result.
        operations: Floating-point operations that the network needs for an image; 0 where there is
            no network. What is computed a second time to save memory does not count.
    """

    run: Callable[[], Any]
    images: int
    notes: dict[str, Any]
    operations: int = 0


@dataclass(frozen=True)
class Peak:
    """The most operations that the device can do.

    Attributes:
        operations: A second.
        source: How they are known, in words.
    """

    operations: float
    source: str


def measured(name: str, case: Case, settings: Settings) -> dict[str, Any]:
    """Measure a case.

    Args:
        name: Its name.
        case: The case.
        settings: How to measure it.

    Returns:
        Milliseconds an image (median, least, greatest), images a second, the seconds of the first
        call with its compilation, the largest memory of the GPU, else of this process, so far in
        bytes, and where there is a network the operations of an image.
    """
    first = _seconds(case.run)
    for _ in range(settings.warmup):
        case.run()
    times = [_seconds(case.run) for _ in range(settings.rounds)]
    if settings.profile:
        _trace(case.run, Path(settings.profile) / name)
    each = sorted(1000.0 * value / case.images for value in times)
    return {
        "what": name,
        "milliseconds_an_image": {
            "median": statistics.median(each),
            "least": each[0],
            "greatest": each[-1],
        },
        "images_per_second": case.images / statistics.median(times),
        "first_call_seconds": first,
        "peak_memory_bytes": _peak_memory(),
        **({"operations_an_image": case.operations} if case.operations else {}),
        **case.notes,
    }


def share_of_peak(result: dict[str, Any], peak: Peak) -> dict[str, Any]:
    """Return the result of a network with the share of the device's peak that it uses."""
    done = result["operations_an_image"] * result["images_per_second"]
    return {
        **result,
        "operations_per_second": done,
        "peak_operations_per_second": peak.operations,
        "peak_is": peak.source,
        "utilisation": done / peak.operations,
    }


def surroundings(settings: Settings) -> dict[str, Any]:
    """Return what the figures depend on: settings, machine and versions."""
    import keras

    versions = {"keras": keras.version()}
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        versions["tensorflow"] = tf.__version__
        devices = [device.name for device in tf.config.list_logical_devices()]
    else:
        import jax

        versions["jax"] = jax.__version__
        devices = [f"{device.device_kind} {device.id}" for device in jax.devices()]
    return {
        "settings": asdict(settings),
        "backend": keras.config.backend(),
        "versions": versions,
        "devices": devices,
        "device": _device(),
        "cpus": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def line(result: dict[str, Any]) -> str:
    """Return one result as a line for a person."""
    each = result["milliseconds_an_image"]
    return (
        f"{result['what']}: {each['median']:.1f} ms an image ({each['least']:.1f} to "
        f"{each['greatest']:.1f}), {result['images_per_second']:.2f} images/s, first call "
        f"{result['first_call_seconds']:.1f} s, peak memory "
        f"{result['peak_memory_bytes'] / 2**30:.2f} GiB"
    )


def report_line(record: dict[str, Any]) -> str:
    """Return settings, machine and all results in one line, for a report or an issue.

    Args:
        record: The surroundings, with `results`.
    """
    settings = record["settings"]
    size = settings["image_size"] or "its own size"
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    parts = [
        f"{each['what']} {each['images_per_second']:.2f} images/s, "
        f"{each['peak_memory_bytes'] / 2**30:.2f} GiB{_used(each)}"
        for each in record["results"]
    ]
    return (
        f"report: {settings['model_name']}, {size}, batch {settings['batch_size']}, "
        f"{settings['classes']} classes, {settings['precision']}: {'; '.join(parts)}; "
        f"{record['device']}, {record['cpus']} CPU(s), {versions}, Python {record['python']}"
    )


def _used(result: dict[str, Any]) -> str:
    if "utilisation" not in result:
        return ""
    return (
        f", {result['utilisation']:.1%} of {result['peak_operations_per_second'] / 1e9:.0f} "
        f"GFLOP/s ({result['peak_is']})"
    )


def _peak_memory() -> int:
    import keras

    if keras.config.backend() == "tensorflow":
        from algorithm.training.devices.device_memory import peak_memory

        return int(peak_memory() * KIBIBYTE**2)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE


def _device() -> str:
    """Name the first GPU, else the processor."""
    import keras

    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
    else:
        import jax

        if jax.devices()[0].platform != "cpu":
            return jax.devices()[0].device_kind
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (text.partition(": ")[2] for text in lines if text.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _seconds(run: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def _trace(run: Callable[[], Any], folder: Path) -> None:
    import keras

    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        with tf.profiler.experimental.Profile(str(folder)):
            run()
        return
    import jax

    with jax.profiler.trace(str(folder)):
        run()
