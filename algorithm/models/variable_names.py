"""Published variable names of a detector's weights.

A layer is named after its published scope with "." in place of "/" (Keras refuses "/" in layer
names).
"""

from __future__ import annotations

import keras


def published_variables(detector: keras.Model) -> dict[str, keras.Variable]:
    """Return every weight by its published name without ":0", such as "class_net/class-0/bias".

    Seed states are left out.
    """
    named = {}
    for layer in detector.layers:
        for variable in layer.weights:
            leaf = variable.name
            if isinstance(layer, keras.layers.DepthwiseConv2D) and leaf == "kernel":
                leaf = "depthwise_kernel"
            if leaf == "seed_generator_state":
                continue
            named[f"{layer.name.replace('.', '/')}/{leaf}"] = variable
    return named
