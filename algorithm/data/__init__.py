"""Datasets of any supported form become samples, and samples become batches.

The batches are made in `algorithm.data.feeding.pipeline`.
"""

from algorithm.data.dataset import load_dataset
from algorithm.data.sample import Dataset, Sample

__all__ = ["Dataset", "Sample", "load_dataset"]
