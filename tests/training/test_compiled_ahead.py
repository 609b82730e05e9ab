"""What XLA compiles while the graph around it is traced."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from algorithm.training.compiled_ahead import CompiledAhead


def test_it_is_compiled_once_for_its_shapes_while_the_graph_is_traced():
    ahead = CompiledAhead(
        lambda pair, scale: {"sum": (pair[0] + tf.cast(pair[1], "float32")) * scale}
    )
    whole = tf.function(lambda x, y: ahead((x, y), tf.constant(2.0))["sum"] + 1.0)
    given = tf.constant([1.0, 2.0]), tf.constant([3, 4])
    whole.get_concrete_function(*given)
    assert len(ahead.begun) == 1 and ahead.begun[0].result() is None
    np.testing.assert_array_equal(whole(*given), [9.0, 13.0])
    np.testing.assert_array_equal(whole(*given), [9.0, 13.0])
    assert len(ahead.begun) == 1


@pytest.mark.parametrize("case", ["eager", "any length", "replicas"])
def test_it_waits_for_the_first_run_where_it_cannot_know_what_runs(case):
    ahead = CompiledAhead(lambda x: 2.0 * x)
    given = tf.constant([1.0, 2.0])
    if case == "eager":
        found = ahead(given)
    elif case == "any length":
        found = tf.function(ahead, input_signature=[tf.TensorSpec([None])])(given)
    else:
        with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
            found = tf.function(ahead)(given)
    np.testing.assert_array_equal(found, [2.0, 4.0])
    assert not ahead.begun


def test_what_fails_to_compile_ahead_fails_where_it_runs(caplog):
    ahead = CompiledAhead(lambda x: tf.py_function(lambda value: value, [x], tf.float32))
    whole = tf.function(lambda x: ahead(x))
    with caplog.at_level(logging.DEBUG, "algorithm.training"):
        whole.get_concrete_function(tf.constant([1.0]))
        ahead.begun[0].result()
    assert "could not compile ahead" in caplog.text
    with pytest.raises(tf.errors.OpError):
        whole(tf.constant([1.0]))
