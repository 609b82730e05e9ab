"""MediaPipe's metadata of an object detector, packed into a TFLite file with the class names.

MediaPipe's own writer does it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

from algorithm.extras import need

# The writer asks a C++ module which parser version the metadata needs. Wheels since 0.10.30 lack
# that module (0.10.21, the last that has it, wants numpy 1). What is written here, labels and four
# outputs, is in the first version of the schema.
MISSING = "mediapipe.tasks.cc.metadata.python"
PARSER_VERSION = "1.0.0"
WRITERS = "mediapipe.tasks.python.metadata.metadata_writers"


def with_metadata(content: bytes, label_names: Sequence[str]) -> bytes:
    """Return a TFLite file with metadata.

    They say that input pixels are taken as they are (mean 0, deviation 1), what the outputs boxes,
    classes, scores and count are, and the labels.

    Args:
        content: The TFLite file.
        label_names: Names of the classes, class 1 first.

    Returns:
        The file with its metadata.

    Raises:
        ArgumentError: MediaPipe is not installed.
    """
    need("mediapipe", "mediapipe")
    _complete()
    detector, writer = (
        need(f"{WRITERS}.object_detector", "mediapipe"),
        need(f"{WRITERS}.metadata_writer", "mediapipe"),
    )
    labels = writer.Labels().add(list(label_names))
    return bytes(
        detector.MetadataWriter.create_for_models_with_nms(
            bytearray(content), [0.0], [1.0], labels
        ).populate()[0]
    )


def _complete() -> None:
    """Stand in for the absent module, where it is absent."""
    try:
        __import__(f"{MISSING}._pywrap_metadata_version")
    except ImportError:
        parts = MISSING.split(".")
        for depth in range(3, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:depth]), ModuleType(".".join(parts[:depth])))
        version = ModuleType("_pywrap_metadata_version")
        vars(version)["GetMinimumMetadataParserVersion"] = lambda buffer: PARSER_VERSION
        vars(sys.modules[MISSING])["_pywrap_metadata_version"] = version
