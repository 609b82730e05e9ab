"""The split of a training job, recorded once: which pictures it trained on, by name and content.

Everything that evaluates the job's model reads the record, so that no figure is measured on
pictures that the model was trained on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from algorithm.data.in_threads import in_threads
from algorithm.data.sample import Sample
from algorithm.errors import DataError

FILE = "split.json"
GIVEN = "given"  # the rule of a record that a job takes over instead of making a split
UNRECORDED = (
    "no split.json tells which pictures the model was trained on: some of those that evaluate may "
    "be among them"
)
BLOCK = 16 << 10
_THREADS = 8


@dataclass(frozen=True)
class SplitRecord:
    """Which pictures a job trained on and which it evaluated.

    Attributes:
        place: Where it was read, or which fold it is; "" for one that was made now.
        rule: What made the split, in words.
        train: The content of each training picture by its name, see content_of; "" where the
            record of an earlier version does not say.
        eval: The same of each evaluation picture.
        before: The same of each picture that the weights it started from, or its teacher, were
            trained on, as far as their jobs recorded it.
    """

    place: str
    rule: str
    train: Mapping[str, str]
    eval: Mapping[str, str]
    before: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        train: Sequence[Sample],
        evaluated: Sequence[Sample],
        rule: str,
        before: Mapping[str, str] | None = None,
    ) -> SplitRecord:
        """Return the record of samples; their picture files are read.

        Args:
            train: The samples that train.
            evaluated: The samples that evaluate.
            rule: What made the split.
            before: See SplitRecord; None for no picture.
        """
        contents = contents_of(sample.path for sample in (*train, *evaluated))
        names = [sample.image_id for sample in (*train, *evaluated)]
        pairs = list(zip(names, contents, strict=True))
        return cls("", rule, dict(pairs[: len(train)]), dict(pairs[len(train) :]), before or {})

    def as_dict(self) -> dict[str, Any]:
        """Return the content of split.json."""
        more = {"before": dict(self.before)} if self.before else {}
        return {"rule": self.rule, "train": dict(self.train), "eval": dict(self.eval), **more}

    @property
    def names_only(self) -> bool:
        """Whether an earlier version wrote it, which did not look at the content of pictures."""
        return "" in self.train.values() or "" in self.eval.values()


def read_record(file: Path) -> SplitRecord:
    """Read a split.json.

    Raises:
        DataError: It is not what a job writes.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        train, evaluated = (
            dict.fromkeys(side, "") if isinstance(side, list) else dict(side)
            for side in (content["train"], content["eval"])
        )
        before = dict(content.get("before", {}))
        seed = f"seed {content['seed']}" if "seed" in content else ""
        return SplitRecord(str(file), str(content.get("rule", seed)), train, evaluated, before)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"expected the split of a training job in {file}, found something else ({error}): "
            "restore or remove the file"
        ) from error


def find_record(model: Path) -> SplitRecord | None:
    """Return the record in a model folder, in an export, or beside it; None where there is none.

    Args:
        model: The folder, or a file in it.

    Raises:
        DataError: See read_record.
    """
    folder = model.resolve() if model.is_dir() else model.resolve().parent
    files = (place / FILE for place in (folder, folder.parent))
    return next((read_record(file) for file in files if file.is_file()), None)


def known_pictures(records: Iterable[SplitRecord]) -> dict[str, str]:
    """Return the content, by name, of each picture that a model learnt from.

    Args:
        records: Of the jobs whose weights or teachers it began with. What those began with counts
            too. A name that stands for two pictures gets the place of its record before it.
    """
    known: dict[str, str] = {}
    for record in records:
        for name, content in (*record.before.items(), *record.train.items()):
            free = known.get(name, content) == content
            known[name if free else f"{record.place}/{name}"] = content
    return known


def content_of(path: Path) -> str:
    """Return what a picture file is recognised by, whatever its name.

    A hash of its size and of its first, middle and last 16 KiB: a file of up to 48 KiB is read
    whole, and a set of any size costs three short reads a picture.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        digest = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=10)
        for place in sorted({0, max(0, (size - BLOCK) // 2), max(0, size - BLOCK)}):
            stream.seek(place)
            digest.update(stream.read(BLOCK))
    return digest.hexdigest()


def contents_of(paths: Iterable[str | Path]) -> list[str]:
    """Return the content of each file, see content_of.

    Raises:
        DataError: One cannot be read.
    """
    try:
        return list(in_threads(lambda path: content_of(Path(path)), paths, _THREADS))
    except OSError as error:
        raise DataError(
            f"expected a readable picture, found {error.strerror} at {error.filename}: correct or "
            "remove it"
        ) from error
