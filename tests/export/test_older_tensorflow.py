"""What an exported graph may hold, so that the platform's older TensorFlow reads it."""

import shutil

import pytest
import small_job
import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import saved_model_pb2

from algorithm.distillation.teacher_file import GRAPH, freeze_graph
from algorithm.errors import AlgorithmError
from algorithm.export import older_tensorflow
from algorithm.export.formats.source import Source
from algorithm.export.formats.whole_graph_formats import write_saved_model
from algorithm.export.model_folder import RUNTIME
from algorithm.export.older_tensorflow import fit_graph, fit_saved_model, misfits, registry
from algorithm.export.saved_model import ServingModule, export_saved_model
from algorithm.models import build_detector
from algorithm.ops.detections import NmsConfig
from algorithm.training.devices.precision import computing

MODELS = {
    "efficientdet-d0": "gaussian",
    "efficientdet-lite0": "hard",
    "efficientdet-t2": "gaussian",
    "retinanet-resnet50": "hard",
    "retinanet-mobilenet-v2": "gaussian",
}


@pytest.fixture(scope="module", autouse=True)
def thin_networks():
    """Fewer and thinner layers, of all the kinds that each model has."""
    with pytest.MonkeyPatch.context() as patch:
        small_job.thin_layers(patch.setitem, *MODELS)
        yield


def graph_of(*operations, function=()):
    """GraphDef of nodes (operation, inputs, {attribute: value}), of itself and of a function."""
    graph = graph_pb2.GraphDef()
    nodes = [graph.node.add() for _ in operations]
    nodes += [graph.library.function.add().node_def.add() for _ in function]
    for place, (node, (op, inputs, attributes)) in enumerate(
        zip(nodes, [*operations, *function], strict=True)
    ):
        node.name, node.op = f"n{place}", op
        node.input.extend(inputs)
        for name, value in attributes.items():
            if isinstance(value, tf.DType):
                node.attr[name].type = value.as_datatype_enum
            elif isinstance(value, bool):
                node.attr[name].b = value
            elif isinstance(value, tf.TensorShape):
                node.attr[name].shape.CopyFrom(value.as_proto())
            else:
                node.attr[name].s = value.encode()
    return graph


VARIABLE = {"dtype": tf.float32, "shape": tf.TensorShape([2])}


def test_the_registry_is_that_of_the_runtime_in_config_json():
    assert f"tensorflow_{registry().version}-" in RUNTIME
    assert registry().graph_version == 808
    operations = registry().operations
    assert operations["VarHandleOp"] == {
        "container": True,
        "shared_name": True,
        "dtype": False,
        "shape": False,
        "allowed_devices": True,
    }
    assert "DisableCopyOnRead" not in operations and operations["NoOp"] == {}
    assert registry().allowed["ResizeArea", "T"] >= {"float32", "uint8"}
    assert "padding" in operations["Conv2D"]
    assert registry().allowed["Conv2D", "padding"] == {"SAME", "VALID", "EXPLICIT"}
    assert {"resource", "string", "variant", "bool"} <= registry().types


def test_the_label_of_a_variable_goes_and_the_advice_to_save_in_place_does_nothing():
    advice = ("DisableCopyOnRead", ("resource", "^before"), {"_output_shapes": "x"})
    variable = ("VarHandleOp", (), {**VARIABLE, "debug_name": "kernel/", "_mine": "x"})
    graph = graph_of(variable, advice, function=(advice,))
    assert misfits(graph) == [
        "attribute debug_name of VarHandleOp (1 times)",
        "operation DisableCopyOnRead (2 times)",
    ]
    fit_graph(graph)
    assert misfits(graph) == []
    assert set(graph.node[0].attr) == {*VARIABLE, "_mine"}
    for node in (graph.node[1], graph.library.function[0].node_def[0]):
        assert (node.op, list(node.input), dict(node.attr)) == ("NoOp", ["^before"], {})
    assert (graph.node[1].name, graph.library.function[0].node_def[0].name) == ("n1", "n2")


def test_an_unknown_attribute_goes_where_it_says_what_holds_without_it_and_stays_elsewhere():
    attributes = {"T": tf.float32, "index_type": tf.int32, "sorted": True}
    usual = graph_of(("TopKV2", ("x", "k"), attributes))
    fit_graph(usual)
    assert set(usual.node[0].attr) == {"T", "sorted"} and misfits(usual) == []
    other = graph_of(("TopKV2", ("x", "k"), {**attributes, "index_type": tf.int64}))
    fit_graph(other)
    assert misfits(other) == ["attribute index_type of TopKV2 (1 times)"]


UNREADABLE = {
    "operation": (("Newer", (), {}), "operation Newer"),
    "needed attribute": (("VarHandleOp", (), {"dtype": tf.float32}), "without attribute shape"),
    "text": (("Conv2D", (), {"T": tf.float32, "padding": "ROUND"}), "padding=ROUND of Conv2D"),
    "type of it": (("Conv2D", (), {"T": tf.int64, "padding": "SAME"}), "T=int64 of Conv2D"),
    "type of all": (
        ("Placeholder", (), {"dtype": tf.dtypes.experimental.float8_e5m2}),
        "dtype=float8_e5m2",
    ),
}


@pytest.mark.parametrize("node, found", UNREADABLE.values(), ids=UNREADABLE)
def test_what_the_platform_cannot_read_is_named(node, found):
    assert any(found in misfit for misfit in misfits(graph_of(function=(node,))))
    assert any(found in misfit for misfit in misfits(graph_of(node)))


def test_the_form_of_the_graph_counts_and_a_function_is_no_unknown_operation():
    graph = graph_of(("mine", (), {}))
    graph.library.function.add().signature.name = "mine"
    assert misfits(graph) == []
    graph.versions.min_consumer = 809
    assert misfits(graph) == ["the form 809 of graphs (1 times)"]


@pytest.mark.parametrize("name", MODELS)
def test_the_platform_knows_all_that_a_model_computes(name):
    detector = build_detector(name, 3, 64)
    with computing(detector, "bfloat16"):
        detector(tf.zeros((1, 64, 64, 3)), training=True)
    module = ServingModule(detector, NmsConfig(method=MODELS[name], max_detections=7))
    functions = (module.serve, module.prepare, module.detect, module.heads, module.settings)
    for function in functions:
        graph = function.get_concrete_function().graph.as_graph_def()
        fit_graph(graph)
        assert misfits(graph) == []
        assert graph.ByteSize() > 100 and "bfloat16" not in types_of(graph)


def types_of(graph):
    """Names of the types that stand in the attributes of a graph."""
    nodes = [*graph.node, *(n for function in graph.library.function for n in function.node_def)]
    found = {value.type for node in nodes for value in node.attr.values() if value.type}
    return {tf.dtypes.as_dtype(number).name for number in found}


@pytest.fixture(scope="module")
def detector():
    return build_detector("efficientdet-lite0", 3, 64)


def written(folder):
    """The graph in saved_model.pb."""
    content = (folder / "saved_model.pb").read_bytes()
    return saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def


@pytest.fixture(scope="module")
def exported(detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "saved"
    return export_saved_model(detector, folder, NmsConfig(max_detections=7))


def test_what_is_exported_is_readable_and_the_fingerprint_of_the_file_before_is_gone(exported):
    assert misfits(written(exported)) == []
    assert not (exported / "fingerprint.pb").exists()
    before = (exported / "saved_model.pb").read_bytes()
    fit_saved_model(exported)
    assert (exported / "saved_model.pb").read_bytes() == before


def test_the_model_folder_of_an_older_version_is_repaired_when_it_is_exported(exported, tmp_path):
    folder = tmp_path / "older"
    shutil.copytree(exported, folder)
    content = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for node in content.meta_graphs[0].graph_def.node:
        if node.op == "VarHandleOp":
            node.attr["debug_name"].s = b"kernel/"
    (folder / "saved_model.pb").write_bytes(content.SerializeToString())
    assert "debug_name" in misfits(written(folder))[0]
    version = write_saved_model(Source(folder, None, (), 16, {}), tmp_path / "new")
    assert misfits(written(version)) == []


def test_a_teacher_is_readable(detector, tmp_path):
    folder = freeze_graph(detector, tmp_path, ("a", "b", "c"))
    assert misfits(graph_pb2.GraphDef.FromString((folder / GRAPH).read_bytes())) == []


def test_an_export_that_the_platform_cannot_read_fails_and_leaves_the_file(tmp_path, monkeypatch):
    module = tf.Module()
    module.twice = tf.function(lambda x: x + x, input_signature=[tf.TensorSpec((), tf.float32)])
    tf.saved_model.save(module, str(tmp_path))
    before = (tmp_path / "saved_model.pb").read_bytes()
    known = {name: row for name, row in registry().operations.items() if name != "AddV2"}
    poorer = older_tensorflow.Registry("2.6.0", 808, known, registry().allowed, registry().types)
    monkeypatch.setattr(older_tensorflow, "registry", lambda: poorer)
    with pytest.raises(
        AlgorithmError, match=r"TensorFlow 2.6.0 reads.*operation AddV2 \(1 times\)"
    ):
        fit_saved_model(tmp_path)
    assert (tmp_path / "saved_model.pb").read_bytes() == before
