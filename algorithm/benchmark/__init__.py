"""How fast, and in how much memory: train step, network, inference, input pipeline and
post-processing of any preset.
"""
