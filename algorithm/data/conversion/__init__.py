"""One form of a dataset to another: a plan on disk, shards of work, files that appear whole."""

from algorithm.data.conversion.conversion import Conversion, convert

__all__ = ["Conversion", "convert"]
