"""The network piece by piece, to save memory.

The backward pass computes each piece again instead of keeping what is inside it. Chen et al. 2016,
"Training deep nets with sublinear memory cost".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from algorithm.models.detector import Detector, level_outputs, neck_features
from algorithm.models.layers import CARRIED

Forward = Callable[..., dict[str, list[tf.Tensor]]]


def recomputing(detector: Detector, features: str = "") -> Forward:
    """Return the detector as a function whose backward pass computes its pieces again.

    Between forward and backward pass the function keeps what flows from piece to piece; what is
    inside of one piece at a time comes on top. Call it inside a keras.StatelessScope, which gets
    what the layers change by themselves.

    Args:
        detector: The network.
        features: The name under which the neck_features are returned; "" leaves them out.

    Returns:
        A function of images float32 [B, H, W, 3] that returns the level_outputs of
        detector(images, training=True).
    """
    pieces = [(piece, keras.Model(piece.inputs, piece.outputs)) for piece in detector.pieces]
    ends = _unused(detector)
    last = keras.Model(ends, level_outputs(detector))

    def forward(images: tf.Tensor, training: bool = True) -> dict[str, list[tf.Tensor]]:
        values = {id(detector.inputs[0]): images}
        for piece, network in pieces:
            results = _run(
                network, [values[id(tensor)] for tensor in piece.inputs], len(piece.outputs)
            )
            values |= {
                id(tensor): result for tensor, result in zip(piece.outputs, results, strict=True)
            }
        outputs = last([values[id(tensor)] for tensor in ends], training=training)
        return (
            {**outputs, features: [values[id(tensor)] for tensor in neck_features(detector)]}
            if features
            else outputs
        )

    return forward


def _unused(detector: Detector) -> list[keras.KerasTensor]:
    """Return the outputs that no piece takes: what the last layers put together."""
    taken = {id(tensor) for piece in detector.pieces for tensor in piece.inputs}
    return [
        tensor for piece in detector.pieces for tensor in piece.outputs if id(tensor) not in taken
    ]


def _run(network: keras.Model, inputs: Sequence[tf.Tensor], outputs: int) -> list[tf.Tensor]:
    weights = [tf.convert_to_tensor(variable.value) for variable in network.trainable_variables]
    others = [tf.convert_to_tensor(variable.value) for variable in network.non_trainable_variables]

    @tf.recompute_grad
    def compute(*arguments: tf.Tensor) -> list[tf.Tensor]:
        given, values = list(arguments[: len(inputs)]), arguments[len(inputs) :]
        results, changed = network.stateless_call(values, others, given, training=True)
        return [*tf.nest.flatten(results), *changed]

    results = compute(*inputs, *weights)
    for variable, value in zip(network.non_trainable_variables, results[outputs:], strict=True):
        if variable.name in CARRIED:
            variable.assign(value)
    return results[:outputs]
