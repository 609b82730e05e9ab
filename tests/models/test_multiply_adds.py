"""Multiply-adds of convolutions, counted by hand."""

import keras
from keras import layers

from algorithm.models.multiply_adds import multiply_adds


def test_each_use_of_a_kernel_counts_at_every_place_of_its_output():
    images = keras.Input((10, 10, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same")(images)  # 5 x 5 places, 3 * 3 * 3 * 8 each
    x = layers.BatchNormalization()(x)
    x = layers.DepthwiseConv2D(3, padding="same")(x)  # 5 x 5 places, 3 * 3 * 8 each
    shared = layers.SeparableConv2D(4, 3, padding="same")  # 3 * 3 * 8 + 8 * 4 = 104 a place
    small = layers.MaxPooling2D(2, padding="same")(x)
    network = keras.Model(images, [shared(x), shared(small)])  # 25 and 9 places
    keras.Model(x, shared(x))  # another network of the same layers changes nothing
    assert multiply_adds(network) == 25 * 216 + 25 * 72 + (25 + 9) * 104
