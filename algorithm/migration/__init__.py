"""The settings of older systems, read and translated into hyperparameters. No TensorFlow."""
