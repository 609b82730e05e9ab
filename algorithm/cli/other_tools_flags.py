"""The flags of a training job as a person types them, with the habits that other systems taught.

No flag is lost: each is a hyperparameter, is taken under its name here with a line that says so,
or is refused with what to write instead.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from algorithm.errors import ArgumentError
from algorithm.hyperparameters import ROWS
from algorithm.hyperparameters.command_line import split_flags
from algorithm.hyperparameters.names.nearest_name import did_you_mean
from algorithm.hyperparameters.names.published_keys import RATE_IS_SCALED, SCALED_RATE

# Habits that mean exactly what the flag here means.
_SAME = {
    "epochs": "num_epochs",
    "batch": "train_batch_size",
    "batch_size": "train_batch_size",
    "imgsz": "image_size",
    "img_size": "image_size",
    "data": "data_url",
    "weights": "pretrained",
    "patience": "early_stop_patience",
}
_RATE = f"{RATE_IS_SCALED}. Write --learning_rate={SCALED_RATE}, or leave it out"
# Habits that mean something else here, or nothing: what to do instead.
_REFUSED = {
    "lr0": _RATE,
    "lr": _RATE,
    "workers": "pictures are read by all cores. Leave it out",
    "cache": "pictures are read ahead while the network computes. Leave it out",
    "exist_ok": "a job goes on in its own train_url, and never writes into another folder. Leave "
    "it out",
}
_FILE_ENDINGS = (".pt", ".pth", ".h5", ".keras", ".tflite", ".onnx", ".pb", ".yaml")
_WORD = re.compile(r"[A-Za-z_][\w-]*=")
_TRUE = ("", "true", "1", "yes")


@dataclass
class Taken:
    """What was made of a command line.

    Attributes:
        arguments: --name=text of each hyperparameter.
        lines: What was taken for what, for the log.
        environment: Variables to set before the job.
    """

    arguments: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def take(self, written: str, name: str, text: str) -> None:
        """Take a hyperparameter, with a line where it was written differently."""
        self.arguments.append(f"--{name}={text}")
        if written != self.arguments[-1]:
            self.lines.append(f"{written}: taken as {self.arguments[-1]}")


def take_habits(argv: Sequence[str]) -> Taken:
    """Read the flags of a training job as a person writes them.

    Args:
        argv: --name=text, --name text or name=text.

    Returns:
        The job's own flags, and what was taken for what.

    Raises:
        ArgumentError: A flag is no hyperparameter and no habit that can be taken.
    """
    taken = Taken()
    folders: dict[str, str] = {}
    _refuse_bare_word(argv)
    for given, text in split_flags(with_dashes(argv)):
        written, name = f"--{given}={text}", given.replace("-", "_")
        if name in ROWS:
            taken.take(written, name, text)
        elif name in ("project", "name"):
            folders[name] = text
        elif name in _SAME:
            taken.take(written, _SAME[name], text)
        elif name in _SPECIAL:
            _SPECIAL[name](taken, text)
        else:
            raise _unknown(given, text)
    if folders:
        _take_folders(taken, folders)
    names = [argument.partition("=")[0] for argument in taken.arguments]
    if "--early_stop_patience" in names and "--mode" not in names:
        taken.arguments.append("--mode=train_and_eval")
        taken.lines.append(
            "--early_stop_patience counts evaluations: taken with --mode=train_and_eval, which "
            "evaluates after every epoch"
        )
    return taken


def _refuse_bare_word(argv: Sequence[str]) -> None:
    """Refuse the first word that is neither flag nor value: the dataset, or where to write."""
    before = ""
    for word in with_dashes(argv):
        if not word.startswith("-") and (not before.startswith("--") or "=" in before):
            given = any(each.lstrip("-").startswith("data_url") for each in argv)
            raise ArgumentError(
                f"train: found '{word}' without a flag before it. Write "
                f"--{'train_url' if given else 'data_url'}={shlex.quote(word)}"
            )
        before = word


def with_dashes(argv: Sequence[str]) -> list[str]:
    """Return argv with dashes before each name=text that is not the value of a flag."""
    words: list[str] = []
    for word in argv:
        follows_a_flag = bool(words) and words[-1].startswith("--") and "=" not in words[-1]
        words.append(f"--{word}" if _WORD.match(word) and not follows_a_flag else word)
    return words


def _unknown(name: str, text: str) -> ArgumentError:
    refused = _REFUSED.get(name.replace("-", "_"))
    if refused:
        return ArgumentError(f"--{name}: no such flag (value '{text}'); {refused}")
    advice = did_you_mean(f"--{name}", tuple(f"--{known}" for known in ROWS))
    return ArgumentError(
        f"--{name}: no such flag (value '{text}').{advice} All flags: python -m algorithm describe"
    )


def _take_model(taken: Taken, text: str) -> None:
    if "/" in text or text.lower().endswith(_FILE_ENDINGS):
        raise ArgumentError(
            f"--model: expected the name of a model, found '{text}'. Write --model_name=NAME (such "
            "as efficientdet-lite0), and a file of weights as --pretrained=PATH; a trained model "
            "folder is evaluated by: evaluate --model_dir=FOLDER"
        )
    taken.take(f"--model={text}", "model_name", text)


def _take_device(taken: Taken, text: str) -> None:
    """Show the job the devices that are named: -1 hides all GPUs from CUDA."""
    number = text.lower().replace("cuda:", "").replace(" ", "")
    if number == "cpu":
        number = "-1"
    elif not re.fullmatch(r"\d+(,\d+)*", number):
        raise ArgumentError(
            f"--device: expected cpu, or GPUs by number such as 0 or 0,1, found '{text}'. Leave it "
            "out to train on all GPUs, and see --strategy_type and --tpu"
        )
    taken.environment["CUDA_VISIBLE_DEVICES"] = number
    taken.lines.append(f"--device={text}: taken as CUDA_VISIBLE_DEVICES={number}")


def _take_resume(taken: Taken, text: str) -> None:
    if text.lower() not in _TRUE:
        raise ArgumentError(
            f"--resume: no such flag (value '{text}'); a job goes on from the newest checkpoint in "
            "its train_url, where there is one. Write --train_url=FOLDER of the earlier job to go "
            "on, a new folder to begin anew"
        )
    taken.lines.append(
        "--resume: not needed; a job goes on by itself where its train_url holds a checkpoint"
    )


def _take_folders(taken: Taken, folders: dict[str, str]) -> None:
    project, name = folders.get("project", ""), folders.get("name", "")
    if not project or any(flag.startswith("--train_url=") for flag in taken.arguments):
        raise ArgumentError(
            f"--{next(iter(folders))}: no such flag (value '{project or name}'). Write "
            "--train_url=FOLDER alone: it is the folder for everything that the job leaves"
        )
    written = " ".join(f"--{key}={text}" for key, text in folders.items())
    taken.take(written, "train_url", f"{project.rstrip('/')}/{name}".rstrip("/"))


_SPECIAL: dict[str, Callable[[Taken, str], None]] = {
    "model": _take_model,
    "device": _take_device,
    "resume": _take_resume,
}
