"""Formats that hold the whole graph, from pixels of any size to detections.

They are SavedModel, frozen graph and ONNX.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context

from algorithm.export.formats.frozen_graph import frozen_graph
from algorithm.export.formats.source import (
    MASK_INPUT,
    MASK_OUTPUT,
    NO_MASK,
    OUTPUTS,
    Source,
    telling_damage,
)
from algorithm.export.older_tensorflow import fit_graph, fit_saved_model
from algorithm.export.saved_model import MASKS
from algorithm.extras import need

OPSET = 17


def write_saved_model(source: Source, folder: Path) -> Path:
    """Write TensorFlow Serving's layout: <folder>/1/ with saved_model.pb and variables/.

    Args:
        source: The model folder.
        folder: The folder to write into.

    Returns:
        The folder `1`.
    """
    version = folder / "1"
    (version / "variables").mkdir(parents=True)
    shutil.copyfile(source.folder / "saved_model.pb", version / "saved_model.pb")
    for path in (source.folder / "variables").iterdir():
        shutil.copyfile(path, version / "variables" / path.name)
    fit_saved_model(version)  # a model folder of an older version of this package needs this
    return version


def write_frozen(source: Source, folder: Path) -> Path:
    """Write a GraphDef with constants for variables.

    Its input is `images:0`, of a model with masks also `mask_above:0`; its outputs are Identity:0
    and so on, in the order of OUTPUTS, with the masks behind them.

    Args:
        source: The model folder.
        folder: The folder to write into.

    Returns:
        The file.

    Raises:
        DataError: The model folder is damaged.
    """
    outputs = (*OUTPUTS, MASK_OUTPUT) if source.masks else OUTPUTS
    signature = MASKS if source.masks else "serving_default"
    with telling_damage(source.folder):
        definition = frozen_graph(source.functions, f"signatures/{signature}", outputs)
    fit_graph(definition)
    path = folder / "frozen_graph.pb"
    path.write_bytes(definition.SerializeToString())
    return path


def write_onnx(source: Source, folder: Path) -> Path:
    """Write an ONNX file with the names of the signatures. NMS and masks are Loops in it.

    Of a model with masks it has the input `mask_above` too, which may be left out: there is no mask
    then.

    Args:
        source: The model folder.
        folder: The folder to write into.

    Returns:
        The file.

    Raises:
        ArgumentError: tf2onnx or onnx is not installed.
    """
    tf2onnx, onnx = need("tf2onnx"), need("onnx")
    frozen = source.signature(masks=source.masks)
    outputs = (*OUTPUTS, MASK_OUTPUT) if source.masks else OUTPUTS
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(),
        input_names=[entry.name for entry in frozen.inputs],
        output_names=[output.name for output in frozen.outputs],
        opset=OPSET,
    )
    names = {
        **{entry.name: entry.op.name for entry in frozen.inputs},
        **{output.name: name for output, name in zip(frozen.outputs, outputs, strict=True)},
    }
    for value in (*model.graph.input, *model.graph.output):
        value.name = names[value.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    _rename_inside(model.graph, names)
    if source.masks:
        none = onnx.numpy_helper.from_array(np.float32(NO_MASK), MASK_INPUT)
        model.graph.initializer.append(none)
    onnx.checker.check_model(model)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _rename_inside(graph: Any, names: dict[str, str]) -> None:
    """Rename what the bodies of loops and branches read of the outer graph."""
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                for inner in attribute.g.node:
                    inner.input[:] = [names.get(name, name) for name in inner.input]
                _rename_inside(attribute.g, names)


def load_frozen(path: Path, *, masks: bool = False) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Load a file that write_frozen wrote.

    It runs in a session: its functions have the names of those in the model folder, but are not the
    same.

    Args:
        path: The file.
        masks: Answer with masks too; of a model that has them.

    Returns:
        A function of images uint8 [1, H, W, 3] that returns the list of OUTPUTS, with masks those
        of all detections behind them.
    """
    # The settings of tf.config, such as whether graphs are rewritten, hold for functions alone.
    session = tf.compat.v1.Session(graph=tf.Graph(), config=context.context().config)
    definition = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    with session.graph.as_default():
        tf.graph_util.import_graph_def(definition, name="")
    wanted = [f"Identity{suffix}:0" for suffix in ("", "_1", "_2", "_3", *(["_4"] * masks))]
    takes_score = any(node.name == MASK_INPUT for node in definition.node)
    more = {f"{MASK_INPUT}:0": 0.0 if masks else NO_MASK} if takes_score else {}
    return lambda images: session.run(wanted, {"images:0": images, **more})
