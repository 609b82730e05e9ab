"""How does a trained detector become a model folder?"""

from algorithm.export.model_folder import missing_parts, package_model
from algorithm.export.saved_model import export_saved_model

__all__ = ["export_saved_model", "missing_parts", "package_model"]
