"""The repair of an exported graph that the platform's TensorFlow would refuse.

The newest runtime of the platform has TensorFlow 2.6. For one operation or attribute that it does
not know it refuses the whole graph, even where nothing depends on it. Newer versions write two such
things, which compute nothing: they are taken out here. Whatever else it would not know is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2, graph_pb2, node_def_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from algorithm.errors import AlgorithmError
from algorithm.storage.atomic_files import write_bytes

REGISTRY = Path(__file__).with_name("tensorflow_2_6.txt")
# Attributes that only describe are deleted.
DESCRIPTIONS = {("VarHandleOp", "debug_name")}
# Operations that only tell the runtime how to save memory: each becomes NoOp. Whoever waits for it
# still finds it, and it waits for what it waited for.
ADVICE = {"DisableCopyOnRead"}
FINGERPRINT = "fingerprint.pb"  # belongs to a saved_model.pb, which is another one after a repair


@dataclass(frozen=True)
class Registry:
    """What a version of TensorFlow knows.

    Attributes:
        version: The version.
        graph_version: The newest form of graphs that it reads.
        operations: Operations by name, with their attributes by name.
        allowed: The values that (operation, attribute) is limited to.
        types: All types that a tensor can have.
    """

    version: str
    graph_version: int
    operations: Mapping[str, Mapping[str, bool]]  # whether the attribute may be left out
    allowed: Mapping[tuple[str, str], frozenset[str]]
    types: frozenset[str]


@cache
def registry() -> Registry:
    """Return the content of REGISTRY, whose head says how it is written."""
    about: dict[str, Any] = {}
    sets: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    allowed: dict[tuple[str, str], frozenset[str]] = {}
    for line in REGISTRY.read_text(encoding="utf-8").splitlines():
        name, *words = line.split()
        if name in ("tensorflow", "graph"):
            about[name] = words[0]
        elif name.endswith(":"):
            sets[name[:-1]] = frozenset(words)
        elif name != "#":
            operations[name] = {}
            for word in words:
                attribute, _, limit = word.partition("=")
                operations[name][attribute.rstrip("?")] = attribute.endswith("?")
                if limit:
                    allowed[name, attribute.rstrip("?")] = sets[limit]
    types = frozenset(chain({"resource"}, *sets.values()))
    return Registry(about["tensorflow"], int(about["graph"]), operations, allowed, types)


def fit_saved_model(folder: Path) -> None:
    """Rewrite saved_model.pb in the folder so that the platform's TensorFlow reads it.

    Args:
        folder: Of a SavedModel. Its fingerprint, which would be wrong afterwards, is removed.

    Raises:
        AlgorithmError: It holds something that no repair covers. The file is then as it was.
    """
    path = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for part in model.meta_graphs:
        fit_graph(part.graph_def)
        unknown = misfits(part.graph_def)
        if unknown:
            raise AlgorithmError(
                f"export {folder}: expected a graph that TensorFlow {registry().version} reads, "
                f"which the platform serves it with, found {'; '.join(unknown)}; nothing was "
                "published; install the version of TensorFlow in pip-requirements.txt"
            )
    write_bytes(path, model.SerializeToString(deterministic=True))
    (folder / FINGERPRINT).unlink(missing_ok=True)


def fit_graph(graph: graph_pb2.GraphDef) -> None:
    """Take out of a graph, in place, what nothing depends on and older versions do not know."""
    for node in _nodes(graph):
        if node.op in ADVICE:
            node.op = "NoOp"
            node.input[:] = [name for name in node.input if name.startswith("^")]
            node.attr.clear()
        known = registry().operations.get(node.op)
        if known is None:
            continue
        for name in list(node.attr):
            said = (node.op, name) in DESCRIPTIONS or _is_default(node, name)
            if name not in known and not name.startswith("_") and said:
                del node.attr[name]


def misfits(graph: graph_pb2.GraphDef) -> list[str]:
    """Return in words what the platform's TensorFlow does not know of a graph.

    It is empty where the graph fits.
    """
    functions = {function.signature.name for function in graph.library.function}
    found = Counter(
        misfit for node in _nodes(graph) if node.op not in functions for misfit in _misfits_of(node)
    )
    if graph.versions.min_consumer > registry().graph_version:
        found[f"the form {graph.versions.min_consumer} of graphs"] += 1
    return [f"{what} ({count} times)" for what, count in sorted(found.items())]


def _nodes(graph: graph_pb2.GraphDef) -> Iterator[node_def_pb2.NodeDef]:
    """Yield the nodes of the graph itself and of its functions."""
    return chain(graph.node, *(function.node_def for function in graph.library.function))


def _is_default(node: node_def_pb2.NodeDef, name: str) -> bool:
    """Return whether the attribute says what its operation does without it."""
    definition = op_def_registry.get(node.op)
    for attribute in definition.attr if definition is not None else ():
        if attribute.name == name and attribute.HasField("default_value"):
            return attribute.default_value == node.attr[name]
    return False


def _misfits_of(node: node_def_pb2.NodeDef) -> Iterator[str]:
    known = registry().operations.get(node.op)
    if known is None:
        yield f"operation {node.op}"
        return
    for name, optional in known.items():
        if name not in node.attr and not optional:
            yield f"{node.op} without attribute {name}"
    for name, value in node.attr.items():
        if name.startswith("_"):  # each version ignores those of others
            continue
        if name not in known:
            yield f"attribute {name} of {node.op}"
        types, words = _values(value)
        limit = registry().allowed.get((node.op, name), types | words)
        for wrong in sorted((types - registry().types) | ((types | words) - limit)):
            yield f"{name}={wrong} of {node.op}"


def _values(value: attr_value_pb2.AttrValue) -> tuple[set[str], set[str]]:
    """Return the types in an attribute, by name, and its texts."""
    single = value.WhichOneof("value")
    types = [value.type] if single == "type" else list(value.list.type)
    words = [value.s] if single == "s" else list(value.list.s)
    names = {tf.dtypes.as_dtype(number).name for number in types}
    return names, {word.decode("utf-8", errors="replace") for word in words}
