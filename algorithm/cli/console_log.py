"""What of the log a person sees on the terminal."""

from __future__ import annotations

import logging


def start_logging() -> None:
    """Show what this project logs, and of other packages only warnings.

    What TensorFlow's C++ parts write, native_log sorts.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("algorithm").setLevel(logging.INFO)
