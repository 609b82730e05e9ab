"""Functions of a SavedModel that are opened without the rest of it."""

import numpy as np
import pytest
import tensorflow as tf

from algorithm.ops.saved_functions import SavedFunctions

PIXELS = tf.TensorSpec((None, 3), tf.float32, "pixels")
PLACE = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


class Network(tf.Module):
    """Weights that are read in a function inside another, a constant, and a loop."""

    def __init__(self):
        super().__init__()
        self.weights = [tf.Variable([[2.0], [3.0], [4.0]]), tf.Variable(0.5)]
        self.unused = tf.Variable(7.0)
        large = tf.constant(np.arange(600.0), tf.float32)  # captured, not written into the graph
        inside = tf.function(
            lambda pixels: pixels @ self.weights[0] + self.weights[1], input_signature=[PIXELS]
        )

        def answer(pixels):
            grown = tf.while_loop(
                lambda number, _: number < 3,
                lambda number, value: (number + 1, value * 2.0),
                (tf.constant(0), inside(pixels)),
            )[1]
            return {"b": grown + large[5], "a": tf.shape(pixels)[0]}

        self.answer = tf.function(answer, input_signature=[PIXELS])


def saved(module, folder, **signatures):
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


def test_a_function_answers_as_the_loaded_model(tmp_path):
    network = Network()
    folder = saved(network, tmp_path / "saved", serving_default=network.answer)
    functions = SavedFunctions(folder)
    assert functions.names == {"answer", "signatures/serving_default"}
    assert functions.outputs("answer") == {"a": (), "b": (-1, 1)}
    expected = network.answer(tf.constant(PLACE))
    assert expected["b"].numpy().ravel() == pytest.approx([8 * 20.5 + 5, 8 * 47.5 + 5])
    for name in functions.names:
        found = functions.open(name)({"pixels": PLACE})
        assert found.keys() == expected.keys()
        np.testing.assert_array_equal(found["a"], expected["a"])
        np.testing.assert_allclose(found["b"], expected["b"], rtol=1e-6)


def test_what_needs_more_than_weights_is_refused(tmp_path):
    counter = tf.Module()
    counter.count = tf.Variable(0.0)
    counter.more = tf.function(
        lambda pixels: {"count": counter.count.assign_add(1.0)}, input_signature=[PIXELS]
    )
    functions = SavedFunctions(saved(counter, tmp_path / "counter"))
    with pytest.raises(RuntimeError, match="only reads its weights, found AssignAddVariableOp"):
        functions.open("more")
    keys = tf.lookup.KeyValueTensorInitializer([1, 2], [3, 4], tf.int32, tf.int32)
    lookup = tf.Module()
    lookup.table = tf.lookup.StaticHashTable(keys, -1)
    lookup.find = tf.function(
        lambda key: {"value": lookup.table.lookup(key)},
        input_signature=[tf.TensorSpec((None,), tf.int32)],
    )
    with pytest.raises(RuntimeError, match="needs nothing but weights, found one with a resource"):
        SavedFunctions(saved(lookup, tmp_path / "lookup")).open("find")
