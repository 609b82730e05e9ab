"""TF2 object checkpoints: named by the full names in their graph, else by attribute path."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

from algorithm.errors import DataError
from algorithm.models.weights import load_weights

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


def attribute_path(name: str) -> str:
    """Where the published TF2 model (3 to 7 levels, 16 blocks) keeps a variable."""
    block = re.fullmatch(r"efficientnet-\w+/blocks_(\d+)/(.+)/(\w+)", name)
    if block:
        number, scope, leaf = block.groups()
        parts = {
            "depthwise_conv2d": "_depthwise_conv",
            "se/conv2d": "_se/_se_reduce",
            "se/conv2d_1": "_se/_se_expand",
        }
        if number == "0":
            parts |= {
                "conv2d": "_project_conv",
                "tpu_batch_normalization": "_bn1",
                "tpu_batch_normalization_1": "_bn2",
            }
        else:
            parts |= {
                "conv2d": "_expand_conv",
                "conv2d_1": "_project_conv",
                "tpu_batch_normalization": "_bn0",
                "tpu_batch_normalization_1": "_bn1",
                "tpu_batch_normalization_2": "_bn2",
            }
        return f"backbone/_blocks/{number}/{parts[scope]}/{leaf}"
    rules = (
        (r"efficientnet-\w+/stem/conv2d/", "backbone/_stem/_conv_stem/"),
        (r"efficientnet-\w+/stem/tpu_batch_normalization/", "backbone/_stem/_bn/"),
        (r"resample_p6/", "resample_layers/0/"),
        (r"fpn_cells/cell_(\d)/fnode(\d)/", r"fpn_cells/cells/\1/fnodes/\2/"),
        (r"/resample_(\d)_\d+_\d+/", r"/resample_layers/\1/"),
        (r"/op_after_combine\d+/conv/", "/op_after_combine/conv_op/"),
        (r"/op_after_combine\d+/bn/", "/op_after_combine/bn/"),
        (r"class_net/class-predict/", "class_net/classes/"),
        (r"box_net/box-predict/", "box_net/boxes/"),
        (r"(class|box)_net/\w+-(\d)-bn-(\d)/", lambda m: f"{m[1]}_net/bns/{m[2]}/{int(m[3]) - 3}/"),
        (r"(class|box)_net/(?:class|box)-(\d)/", r"\1_net/conv_ops/\2/"),
    )
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def object_checkpoint(values, full_names: bool, averaged=()) -> dict:
    """Tensors of an object checkpoint with a graph of one node per variable; `averaged` get an averaging slot."""
    graph, tensors = TrackableObjectGraph(), {}
    root = graph.nodes.add()
    for name, value in values.items():
        key = f"{attribute_path(name)}{VALUE}"
        original = add_variable(graph, key, name if full_names else "")
        tensors[key] = value
        for slot, change in (("momentum", 9), ("average", 1)) if name in averaged else ():
            slot_key = key.replace(VALUE, f"/.OPTIMIZER_SLOT/optimizer/{slot}{VALUE}")
            reference = root.slot_variables.add(slot_name=slot, original_variable_node_id=original)
            reference.slot_variable_node_id = add_variable(
                graph, slot_key, f"{name}/{slot}" if full_names else ""
            )
            tensors[slot_key] = value + change
    tensors[f"save_counter{VALUE}"] = np.int64(3)
    add_variable(graph, f"save_counter{VALUE}", "save_counter")
    return {**tensors, GRAPH: np.array(graph.SerializeToString(), dtype=object)}


def add_variable(graph: TrackableObjectGraph, key: str, full_name: str) -> int:
    graph.nodes.add().attributes.add(name="VARIABLE_VALUE", full_name=full_name, checkpoint_key=key)
    return len(graph.nodes) - 1


@pytest.mark.parametrize("full_names", [True, False])
@pytest.mark.parametrize("model", ["d0", "lite0"])
def test_a_published_detector_loads_number_for_number(
    model, full_names, request, values_of, weights_in, write_bundle
):
    detector = request.getfixturevalue(model)
    values = values_of(detector)
    report = load_weights(detector, write_bundle(object_checkpoint(values, full_names)), "full")
    assert (report.kind, len(report.matched), report.unused) == (
        "TF2 object checkpoint",
        len(values),
        (),
    )
    found = weights_in(detector)
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_the_averages_of_an_averaging_optimizer_win(lite0, values_of, weights_in, write_bundle):
    values = values_of(lite0)
    averaged = {name for name in values if name.startswith("class_net")}
    report = load_weights(lite0, write_bundle(object_checkpoint(values, True, averaged)), "full")
    assert (report.averaged, report.unused) == (len(averaged), ())
    found = weights_in(lite0)
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value + (name in averaged), err_msg=name)


def test_what_tensorflow_itself_writes_is_read(lite0, values_of, weights_in, tmp_path):
    values = values_of(lite0)
    checkpoint = tf.train.Checkpoint(
        anything=[tf.Variable(value, name=name) for name, value in values.items()]
    )
    prefix = checkpoint.save(str(tmp_path / "ckpt"))
    assert (tmp_path / "ckpt-1.index").is_file()
    for path in (prefix, tmp_path):
        assert len(load_weights(lite0, path, "full").matched) == len(values)
    found = weights_in(lite0)
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_a_graph_that_is_none_is_refused(lite0, write_bundle):
    folder = write_bundle({GRAPH: np.array(b"\xff\xff\xff", dtype=object)})
    with pytest.raises(DataError, match="expected an object graph"):
        load_weights(lite0, folder, "full")
