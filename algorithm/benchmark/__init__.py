"""How fast is the algorithm, and how much memory does it take?

It measures train step, network, inference, input pipeline and post-processing of any preset.
"""
