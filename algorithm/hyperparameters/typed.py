"""The typed form of one job's hyperparameters: one attribute per row of the table."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import field, make_dataclass

from algorithm.hyperparameters.hyperparameter_table import TABLE
from algorithm.hyperparameters.row import Row
from algorithm.hyperparameters.values import write_value

_TYPES = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "regex": str,
    "size": tuple[int, int],
}
_DIVISION = (
    "train_batch_size",
    "gradient_accumulation_steps",
)  # how the pictures of a step pass through the network


class _Recorded:
    """How hyperparameters are written down and compared."""

    def as_dict(self) -> dict[str, str]:
        """Return every hyperparameter as the text the platform would pass, in the order of the table."""
        return {row.name: write_value(getattr(self, row.name)) for row in _own_rows()}

    def to_json(self) -> str:
        """Return as_dict as readable JSON, to be kept beside a run."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2) + "\n"

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest of the hyperparameters that shape the trained model (not of num_epochs, a maximum)."""
        shaping = {row.name: self.as_dict()[row.name] for row in _own_rows() if row.shapes_training}
        return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode()).hexdigest()

    def changes_since(self, earlier: Mapping[str, str]) -> tuple[str, ...]:
        """Return "name: before -> now" for what shapes training and differs from an earlier as_dict().

        Names the earlier run did not know are left out: a new version may add hyperparameters. So is another division of the same
        number of pictures for each step: that is how a run goes on that had too little memory.
        """
        now = self.as_dict()
        divided = _pictures(now) == _pictures({**now, **earlier})
        names = (
            row.name
            for row in _own_rows()
            if row.shapes_training
            and row.name in earlier
            and not (divided and row.name in _DIVISION)
        )
        return tuple(
            f"{name}: '{earlier[name]}' -> '{now[name]}'"
            for name in names
            if earlier[name] != now[name]
        )


def _pictures(given: Mapping[str, str]) -> int:
    return math.prod(int(given[name]) for name in _DIVISION)


def _own_rows() -> tuple[Row, ...]:
    return tuple(row for row in TABLE if not row.alias_of)


def _annotation(row: Row) -> object:
    plain = _TYPES[row.kind]
    return plain | None if row.default is None and not row.required else plain


Hyperparameters = make_dataclass(
    "Hyperparameters",
    [(row.name, _annotation(row)) for row in _own_rows()]
    + [("ignored", tuple[str, ...], field(default=()))],
    bases=(_Recorded,),
    frozen=True,
)
Hyperparameters.__module__ = __name__
Hyperparameters.__doc__ = """One job's hyperparameters: an attribute for each row of the table, typed as the row says.

image_size: (height, width) in pixels or None for the preset's. survival_prob: float or None for the preset's.
anchor_scale: 0.0 for the preset's. ignored: names of flags that were given and are not known.
"""
