"""OpenVINO: the network alone.

Its CPU plug-in takes seconds for the loop of the NMS, so that stays outside.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from algorithm.export.formats.source import Source, network
from algorithm.extras import need


def write_openvino(source: Source, folder: Path, *, nms: str) -> Path:
    """Write <folder>/model.xml and model.bin, with float32 weights.

    The input images is float32 [1, h, w, 3], RGB pixels 0..255; the outputs are those of `network`,
    with masks where the model has them. Compile it with INFERENCE_PRECISION_HINT=f32: without it
    some processors compute in bfloat16.

    Args:
        source: The model folder.
        folder: The folder to write into.
        nms: "none", the only choice.

    Returns:
        The file model.xml.
    """
    openvino = need("openvino", "openvino")
    path = folder / "model.xml"
    with tempfile.TemporaryDirectory() as scratch:
        graph = Path(scratch) / "network.pb"
        frozen = network(source, masks=source.masks)
        graph.write_bytes(frozen.graph.as_graph_def().SerializeToString())
        openvino.save_model(openvino.convert_model(str(graph)), str(path), compress_to_fp16=False)
    return path
