"""A network as a row of pieces, for those who run it piece by piece."""

from __future__ import annotations

from dataclasses import dataclass

from keras import KerasTensor


@dataclass(frozen=True)
class Piece:
    """Layers between some symbolic tensors and others.

    Each input is an output of an earlier piece, or the images.
    """

    inputs: list[KerasTensor]
    outputs: list[KerasTensor]
