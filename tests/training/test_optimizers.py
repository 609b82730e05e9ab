"""The optimizers' one-kernel updates give what Keras' own composition gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from algorithm.training.optimizers import make_optimizer

KERAS = {
    "adam": keras.optimizers.Adam(0.01, beta_1=0.8), "sgd": keras.optimizers.SGD(0.1, momentum=0.8),
    "nesterov": keras.optimizers.SGD(0.1, momentum=0.8, nesterov=True), "plain": keras.optimizers.SGD(0.1, momentum=0.0),
}  # fmt: skip
OURS = {
    "adam": make_optimizer("adam", 0.01, 0.8), "sgd": make_optimizer("sgd", 0.1, 0.8),
    "nesterov": make_optimizer("sgd", 0.1, 0.8, nesterov=True), "plain": make_optimizer("sgd", 0.1, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("kind", KERAS)
def test_three_steps_are_those_of_keras(kind):
    rng, found = np.random.default_rng(0), {}
    start, gradients = (
        rng.normal(size=(2, 3)).astype(np.float32),
        rng.normal(size=(3, 2, 3)).astype(np.float32),
    )
    for name, optimizer in (("keras", KERAS[kind]), ("ours", OURS[kind])):
        variable = keras.Variable(start)
        optimizer.build([variable])
        for gradient in gradients:
            rate = tf.constant(float(optimizer.learning_rate))
            if name == "keras":
                optimizer.update_step(tf.constant(gradient), variable.value, rate)
            else:
                optimizer.update_variables([tf.constant(gradient)], [variable.value], rate)
            optimizer.iterations.assign_add(1)
        found[name] = variable.numpy()
    assert not np.allclose(found["ours"], start)
    np.testing.assert_allclose(found["ours"], found["keras"], rtol=1e-5, atol=1e-6)
