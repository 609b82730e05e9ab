"""How is a model folder served? Here is the local twin of the platform's inference container.

TensorFlow is the handler's business.
"""
