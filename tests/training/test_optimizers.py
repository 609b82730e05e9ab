"""The optimizers' one-kernel updates give what Keras' own composition gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from algorithm.training.optimizers import make_optimizer

SHAPES = (("kernel", (2, 3)), ("bias", (4,)), ("weight", ()))
OWN = ("optimizer/iteration", "optimizer/learning_rate")  # of the optimizer, not of a variable
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
                step(optimizer, [variable], [gradient], rate)
            optimizer.iterations.assign_add(1)
        found[name] = variable.numpy()
    assert not np.allclose(found["ours"], start)
    np.testing.assert_allclose(found["ours"], found["keras"], rtol=1e-5, atol=1e-6)


def step(optimizer, variables, gradients, rate):
    """What the trainer does for an update."""
    weights = optimizer.grouped([tf.convert_to_tensor(each.value) for each in variables])
    for group, values in zip(optimizer.groups, weights, strict=True):
        group.weights.assign(values)
    vectors = optimizer.grouped([tf.constant(each) for each in gradients])
    optimizer.move(vectors, rate, optimizer.iterations)
    for group in optimizer.groups:
        group.assign()


def test_variables_of_two_rates_and_many_shapes_move_each_by_its_own():
    optimizer = make_optimizer("sgd", 1.0, 0.0)
    variables = [keras.Variable(np.zeros(shape, np.float32)) for shape in ((2, 3), (4,), (), (1,))]
    optimizer.build(variables, [1.0, 16.0, 1.0, 16.0])
    gradients = [np.full(each.shape, -1.0 - n, np.float32) for n, each in enumerate(variables)]
    step(optimizer, variables, gradients, tf.constant(0.5))
    for variable, expected in zip(variables, (0.5, 16.0, 1.5, 32.0), strict=True):
        np.testing.assert_array_equal(variable.numpy(), np.full(variable.shape, expected))


def test_slots_go_into_a_checkpoint_and_back_by_the_names_that_keras_gives_them():
    variables = [keras.Variable(np.ones(shape, np.float32), name=name) for name, shape in SHAPES]
    first, second, alike = (make_optimizer("adam", 0.1, 0.9) for _ in range(3))
    (named := keras.optimizers.Adam(0.1, name="optimizer")).build(variables)
    for optimizer, factors in ((first, (1.0, 2.0, 1.0)), (second, ()), (alike, (1.0, 2.0, 1.0))):
        optimizer.build(variables, factors)
    slots = {each.path: tuple(each.shape) for each in named.variables if each.path not in OWN}
    assert first.slot_shapes() == slots == second.slot_shapes()
    values = {name: np.full(shape, float(n)) for n, (name, shape) in enumerate(slots.items())}
    for optimizer in (second, alike):  # the groups may be others
        optimizer.assign_slots({**values, "more": np.zeros(2)})
        for name, value in optimizer.slot_values().items():
            np.testing.assert_array_equal(value, values[name])
