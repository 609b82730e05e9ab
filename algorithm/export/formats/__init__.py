"""The model folder's network in the forms that other runtimes read."""

from algorithm.export.formats.formats import FORMATS, export_model

__all__ = ["FORMATS", "export_model"]
