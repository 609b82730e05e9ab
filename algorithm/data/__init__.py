"""Annotated pictures of any supported form to samples, and samples to batches
(`algorithm.data.feeding.pipeline`).
"""

from algorithm.data.dataset import load_dataset
from algorithm.data.sample import Dataset, Sample

__all__ = ["Dataset", "Sample", "load_dataset"]
