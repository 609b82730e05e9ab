"""Single functions of a SavedModel, opened without the rest of it, their weights as constants.

TensorFlow's own loader makes every function of a SavedModel, a variable for each weight, and what
saves and restores them; turning a loaded function into one of constants copies it operation by
operation. Where one function of weights is to be run, all that takes longer than the rest of the
start. Model folders carry this file for their handler: it is written for Python 3.7 and newer, and
for TensorFlow 2.6 and newer.
"""

from __future__ import annotations

import os
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

READ, CALLS = "ReadVariableOp", ("PartitionedCall", "StatefulPartitionedCall")


class SavedFunctions:
    """The functions of a SavedModel.

    Attributes:
        names: Those that can be opened: attributes of the model such as "detect", signatures as
            "signatures/serving_default".
        versions: The versions of graphs that it needs.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Read saved_model.pb in a folder; weights are read when a function is opened.

        Raises:
            OSError: It cannot be read.
            Exception: It is damaged; of protobuf's kinds, or a ValueError.
        """
        from tensorflow.core.protobuf import saved_model_pb2

        with open(os.path.join(folder, "saved_model.pb"), "rb") as stream:  # noqa: PTH118, PTH123
            graphs = saved_model_pb2.SavedModel.FromString(stream.read()).meta_graphs
        if not graphs:
            raise ValueError("saved_model.pb without a graph: it is empty or was cut off")
        model = graphs[0]
        self._weights = os.path.join(folder, "variables", "variables")  # noqa: PTH118
        self.versions = model.graph_def.versions
        self._graph, self._objects = model.graph_def, model.object_graph_def
        self._bodies = {each.signature.name: each for each in model.graph_def.library.function}
        self._concrete = dict(self._found(0, ""))
        self.names = frozenset(self._concrete)

    def _found(self, place: int, before: str) -> Iterator[tuple[str, str]]:
        """Yield (name, concrete function) of an object's functions and of its signatures."""
        for child in self._objects.nodes[place].children:
            held = self._objects.nodes[child.node_id]
            functions = (
                *held.function.concrete_functions,
                *filter(None, [held.bare_concrete_function.concrete_function_name]),
            )
            if len(functions) == 1:
                yield before + child.local_name, functions[0]
            elif child.local_name == "signatures" and not before:
                yield from self._found(child.node_id, "signatures/")

    def outputs(self, name: str) -> dict[str, tuple[int, ...]]:
        """Return the shape of each output of a function that returns a dictionary, by its name.

        An axis that can have any length is -1; a shape that is not known at all is empty.
        """
        fields = self._objects.concrete_functions[self._concrete[name]].output_signature
        return {
            key: tuple(axis.size for axis in value.tensor_spec_value.shape.dim)
            for key, value in sorted(fields.dict_value.fields.items())
        }

    def open(self, name: str) -> Callable[[Mapping[str, Any]], dict[str, np.ndarray]]:
        """Open a function that returns a dictionary.

        Args:
            name: One of `names`.

        Returns:
            A function of {argument: array} that returns {output: array}. Several threads may call
            it at a time.

        Raises:
            RuntimeError: It needs more than weights, such as a table.
        """
        import tensorflow as tf
        from tensorflow.python.eager import context

        definitions = self.with_constants(name)
        for each in definitions:
            context.context().add_function_def(each)
        signature = definitions[-1].signature
        order = [(each.name, tf.as_dtype(each.type)) for each in signature.input_arg]
        wanted, title = list(self.outputs(name)), signature.name
        results = [tf.as_dtype(each.type) for each in signature.output_arg]

        def run(arguments: Mapping[str, Any]) -> dict[str, np.ndarray]:
            found = tf.raw_ops.StatefulPartitionedCall(
                args=[tf.constant(arguments[key], kind) for key, kind in order],
                Tout=results,
                f=_Named(title),
            )
            return dict(zip(wanted, [each.numpy() for each in found]))  # noqa: B905

        for each in definitions:
            name = each.signature.name
            weakref.finalize(run, context.context().remove_function, name).atexit = False
        return run

    def with_constants(self, name: str) -> list[Any]:
        """Return copies of a function and of those that it calls, weights as constants.

        Args:
            name: One of `names`.

        Returns:
            Definitions, each after those that it calls; the last one is the function. No other
            function of the process has their names.

        Raises:
            RuntimeError: It needs more than weights, such as a table.
        """
        import tensorflow as tf
        from tensorflow.core.framework import function_pb2

        concrete = self._concrete[name]
        values = self._captured(concrete)
        kinds = [tf.as_dtype(value.dtype).as_datatype_enum for value in values]
        body = self._bodies[concrete]
        given = body.signature.input_arg[: len(body.signature.input_arg) - len(values)]
        copies = _Copies(self._bodies)
        inside = copies.name_of(concrete, [None] * len(given) + kinds)
        whole = function_pb2.FunctionDef(signature=body.signature)
        whole.signature.name = copies.own("whole")
        del whole.signature.input_arg[len(given) :]
        for place in range(len(given)):
            whole.arg_attr[place].CopyFrom(body.arg_attr[place])
        call = whole.node_def.add(name="call", op="StatefulPartitionedCall")
        call.attr["f"].func.name = inside
        call.attr["Tin"].list.type.extend([*(each.type for each in given), *kinds])
        call.attr["Tout"].list.type.extend(each.type for each in body.signature.output_arg)
        call.input.extend(each.name for each in given)
        for number, (value, kind) in enumerate(zip(values, kinds)):  # noqa: B905, for Python 3.7
            weight = whole.node_def.add(name=f"weight_{number}", op="Const")
            weight.attr["dtype"].type = kind
            weight.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
            call.input.append(f"weight_{number}:output:0")
        for place, each in enumerate(body.signature.output_arg):
            whole.ret[each.name] = f"call:output:{place}"
        return [*copies.made, whole]

    def _captured(self, concrete: str) -> list[np.ndarray]:
        """Return the values that a function captures, in the order of its last arguments."""
        import tensorflow as tf

        reader = tf.train.load_checkpoint(self._weights)
        keys = self._keys(reader)
        constants = {node.name: node for node in self._graph.node if node.op == "Const"}
        values = []
        for place in self._objects.concrete_functions[concrete].bound_inputs:
            held = self._objects.nodes[place]
            kind = held.WhichOneof("kind")
            if kind == "variable" and place in keys:
                values.append(reader.get_tensor(keys[place]))
            elif kind == "constant" and held.constant.operation in constants:
                tensor = constants[held.constant.operation].attr["value"].tensor
                values.append(tf.make_ndarray(tensor))
            else:
                raise RuntimeError(
                    "expected a SavedModel that needs nothing but weights, found one with a "
                    f"{kind}: run it by tf.saved_model.load"
                )
        return values

    def _keys(self, reader: Any) -> dict[int, str]:
        """Return the name in the checkpoint of each variable, by the object's number."""
        from tensorflow.core.protobuf import trackable_object_graph_pb2

        stored = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
            reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
        ).nodes
        keys: dict[int, str] = {}
        seen, waiting = {0}, [(0, 0)]
        while waiting:
            place, other = waiting.pop()
            for attribute in stored[other].attributes:
                keys[place] = attribute.checkpoint_key
            others = {child.local_name: child.node_id for child in stored[other].children}
            for child in self._objects.nodes[place].children:
                if child.local_name in others and child.node_id not in seen:
                    seen.add(child.node_id)
                    waiting.append((child.node_id, others[child.local_name]))
        return keys


class _Named:
    """A function by its name, as operations take one."""

    def __init__(self, name: str) -> None:
        """Keep the name."""
        self.name = name


class _Copies:
    """Copies of functions that take the values of variables, where these took the variables.

    Attributes:
        made: The copies, each after those that it calls.
    """

    def __init__(self, bodies: Mapping[str, Any]) -> None:
        """Keep the functions by name."""
        self.made: list[Any] = []
        self._bodies, self._ending = bodies, uuid.uuid4().hex
        self._names: dict[str, str] = {}

    def own(self, name: str) -> str:
        """Return a name that no other function of the process has."""
        return f"{name}_{self._ending}"

    def name_of(self, name: str, kinds: Sequence[int | None]) -> str:
        """Return the name of the copy of a function, which is made the first time.

        Args:
            name: The function's.
            kinds: For each argument the type of its value where it is a variable, else None.

        Raises:
            RuntimeError: It does more with a variable than to read it.
        """
        if name not in self._names:
            self._names[name] = self.own(name)
            self._copy(name, kinds)
        return self._names[name]

    def _copy(self, name: str, kinds: Sequence[int | None]) -> None:
        from tensorflow.core.framework import function_pb2, types_pb2

        copy = function_pb2.FunctionDef()
        copy.CopyFrom(self._bodies[name])
        copy.signature.name = self._names[name]
        copy.attr.pop("_input_shapes", None)
        variables: dict[str, int] = {}
        for place, (argument, kind) in enumerate(zip(copy.signature.input_arg, kinds)):  # noqa: B905
            if argument.type == types_pb2.DT_RESOURCE and kind is not None:
                argument.type = variables[argument.name] = kind
                copy.arg_attr.pop(place, None)
        read = {
            node.name + ":value:0": node.name + ":output:0"
            for node in copy.node_def
            if node.op == READ
        }
        for node in copy.node_def:
            inside = [variables.get(each) for each in node.input if not each.startswith("^")]
            if node.op == READ and inside[0] is not None:
                node.op = "Identity"
                node.attr.pop("dtype")
                node.attr["T"].type = inside[0]
            elif node.op in CALLS:
                node.attr["f"].func.name = self.name_of(node.attr["f"].func.name, inside)
                for place, kind in enumerate(inside):
                    if kind is not None:
                        node.attr["Tin"].list.type[place] = kind
            elif node.op == READ or any(kind is not None for kind in inside):
                raise RuntimeError(
                    f"expected a SavedModel that only reads its weights, found {node.op} in "
                    f"{name}: run it by tf.saved_model.load"
                )
            else:
                for value in node.attr.values():  # the bodies of loops and branches
                    for each in (value.func, *value.list.func):
                        if each.name in self._bodies:
                            count = len(self._bodies[each.name].signature.input_arg)
                            each.name = self.name_of(each.name, [None] * count)
            node.input[:] = [read.get(each, each) for each in node.input]
        for key, value in list(copy.ret.items()):
            copy.ret[key] = read.get(value, value)
        self.made.append(copy)
