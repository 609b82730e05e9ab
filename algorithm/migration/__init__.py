"""How do settings of older systems become hyperparameters? No TensorFlow is needed for it."""
