"""EfficientDet as a ModelArts-style marketplace algorithm.

    from algorithm import load, train

Both come when they are first asked for: `import algorithm` alone imports nothing else.
"""

__version__ = "0.9.0"
# Where each name is. No import statement says so: model folders carry this file without those.
_PLACES = {
    "load": ("algorithm.prediction.model", "load"),
    "Model": ("algorithm.prediction.model", "Model"),
    "Result": ("algorithm.prediction.result", "Result"),
    "train": ("algorithm.train", None),  # the boot file, a module that can be called
}
__all__ = ["Model", "Result", "__version__", "load", "train"]


def __getattr__(name):  # its types stand in __init__.pyi
    """Return load, train, Model or Result."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module, inside = _PLACES[name]
    found = importlib.import_module(module)
    return getattr(found, inside) if inside else found


def __dir__():
    """Return the names that `from algorithm import` knows."""
    return sorted({*globals(), *__all__})
