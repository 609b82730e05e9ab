"""What of the log a person sees on the terminal."""

from __future__ import annotations

import logging
import os


def start_logging() -> None:
    """Show what this project logs, and of other packages only warnings (of TensorFlow: errors).

    TensorFlow reads its own level when it is imported, so call this first.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("algorithm").setLevel(logging.INFO)
