"""A training job as a process of its own, with a smaller network and plain compilation, that can be struck anywhere.

    [SMALL_JOB=eager,busy] python tests/small_job.py STRIKES FLAGS...

eager: without graphs and plots, which take most of such a job's time. busy: a remote train_url is copied to without pause.

STRIKES: "" or BLOW@PLACE:N,... : what happens when the process comes to PLACE (see PLACES) for the Nth time. KILL and TERM
are signals it sends itself (TERMTERM: two). BREAK turns a weight into NaN, OOM lets memory run
out: both only at a step.
"""

from __future__ import annotations

import dataclasses
import importlib
import operator
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PLACES = {
    "load": "algorithm.jobs.job.load_data", "step": "algorithm.training.trainer.Trainer.train_step",
    "bundle": "algorithm.training.checkpoints._write_bundle", "list": "algorithm.training.checkpoints._list",
    "evaluate": "algorithm.training.hooks.evaluation_hook.EvaluateHook._evaluated", "archive": "algorithm.jobs.outputs.best_checkpoint.BestCheckpoint.replace_if_better",
    "export": "algorithm.jobs.outputs.publishing.export_saved_model", "package": "algorithm.jobs.outputs.publishing.package_model",
    "finish": "algorithm.jobs.outputs.run_folder.RunFolder.finished",
    "rename": "os.replace", "copy": "shutil.copyfile", "fsync": "os.fsync",
    "send": "algorithm.storage.mirroring.mirror.Mirror._send", "manifest": "algorithm.storage.mirroring.mirror.Mirror._replace",
}  # fmt: skip


def thin_layers(setitem: Callable = operator.setitem, *names: str) -> None:
    """The layers of efficientdet-lite0, or of the models named, fewer and thinner.

    Args:
        setitem: what changes an entry; that of a MonkeyPatch in a test.
    """
    from algorithm.models import resnet, zoo

    for name in names or ("efficientdet-lite0",):
        row = zoo.PRESETS[name]
        cells = min(row.fpn_cells, 1)
        small = dataclasses.replace(row, fpn_channels=16, fpn_cells=cells, head_repeats=1)
        setitem(zoo.PRESETS, name, small)
        if row.backbone in zoo.BACKBONES:
            spec = dataclasses.replace(zoo.BACKBONES[row.backbone], width=0.3, depth=0.2)
            setitem(zoo.BACKBONES, row.backbone, spec)
        if row.backbone in resnet.RESNETS:
            setitem(resnet.RESNETS, row.backbone, resnet.ResNetSpec((1, 1, 1, 1)))


def thin(setattr: Callable = setattr, setitem: Callable = operator.setitem) -> None:
    """The thin layers, without XLA.

    Args:
        setattr, setitem: what changes an attribute and an entry; those of a MonkeyPatch in a test.
    """
    import tensorflow as tf

    from algorithm.training import gradients

    setattr(gradients, "CompiledAhead", tf.function)
    thin_layers(setitem)


def with_graphs() -> None:
    """Functions become graphs, as they do by default."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(False)


def without_graphs(setattr: Callable = setattr) -> None:
    """Functions run as they are written, but for those of a job's export, which only graphs hold.

    Args:
        setattr: what changes an attribute; that of a MonkeyPatch in a test.
    """
    import tensorflow as tf

    from algorithm.jobs.outputs import publishing

    export = publishing.export_saved_model

    def exported(*arguments):
        tf.config.run_functions_eagerly(False)
        try:
            return export(*arguments)
        finally:
            tf.config.run_functions_eagerly(True)

    setattr(publishing, "export_saved_model", exported)
    tf.config.run_functions_eagerly(True)


def shrink() -> None:
    """The thin network, without graph optimisation, as SMALL_JOB says."""
    import tensorflow as tf

    from algorithm.jobs.outputs import publishing
    from algorithm.storage.mirroring import mirrored_folder

    ways = os.environ.get("SMALL_JOB", "").split(",")
    if "eager" in ways:
        without_graphs()
        publishing.write_plots = lambda *_: None
    mirrored_folder.EVERY_S = 0.3 if "busy" in ways else mirrored_folder.EVERY_S
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    thin()


def found(dotted: str) -> tuple[object, str]:
    """The module or class that holds what `dotted` names, and its name there."""
    parts = dotted.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            holder = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for name in parts[length:-1]:
            holder = getattr(holder, name)
        return holder, parts[-1]
    raise ValueError(dotted)


def blow(kind: str, arguments: tuple) -> None:
    """What one strike does."""
    if kind == "BREAK":
        bias = arguments[0].named["class_net/class-predict/bias"]
        bias.assign(bias.value * float("nan"))
    elif kind == "OOM":
        import tensorflow as tf

        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    elif kind == "KILL":
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        for _ in range(kind.count("TERM")):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)


def strike(order: str) -> None:
    """Arranges for one of STRIKES."""
    kind, _, where = order.partition("@")
    place, _, count = where.partition(":")
    holder, name = found(PLACES[place])
    real, left = getattr(holder, name), [int(count)]

    def struck(*arguments, **options):
        left[0] -= 1
        if left[0] == 0:
            print(f"{kind} at {where}", flush=True)
            blow(kind, arguments)
        return real(*arguments, **options)

    setattr(holder, name, struck)


def main(strikes: str, flags: Sequence[str]) -> int:
    """The job's exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    shrink()
    for each in filter(None, strikes.split(",")):
        strike(each)
    from algorithm import train

    return train.main(flags)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
