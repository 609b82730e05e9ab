"""Published variable names from the attribute paths of the published TF2 model's objects."""

from __future__ import annotations

import re
from collections.abc import Mapping

from algorithm.models.bifpn import bifpn_nodes
from algorithm.models.weights.files.efficientnet_names import BackboneTensor, by_published_name
from algorithm.models.weights.stored_tensors import StoredTensor, published_name

# The published layers' attributes; a PyTorch port of the classifiers uses the same ones.
BLOCK_PARTS = {
    "_expand_conv": "expand_conv",
    "_bn0": "expand_norm",
    "_depthwise_conv": "depthwise_conv",
    "_bn1": "depthwise_norm",
    "_se_reduce": "se_reduce",
    "_se_expand": "se_expand",
    "_project_conv": "project_conv",
    "_bn2": "project_norm",
}
_OUTSIDE_PARTS = {
    "_stem/_conv_stem": "stem_conv",
    "_stem/_bn": "stem_norm",
    "_head/_conv_head": "head_conv",
    "_head/_bn": "head_norm",
    "_head/_fc": "head_dense",
}
_MIN_LEVEL = 3
_BLOCK = re.compile(r"backbone/_blocks/(\d+)/(?:_se/)?(\w+)/(\w+)")
_OUTSIDE = re.compile(r"backbone/(_stem/\w+|_head/\w+)/(\w+)")
_NODE = re.compile(r"fpn_cells/cells/(\d+)/fnodes/(\d+)/(.+)")
_NODE_RESAMPLE = re.compile(r"resample_layers/(\d+)/(.+)")
_HEAD = re.compile(r"(class|box)_net/(conv_ops|bns|classes|boxes)/(.+)")


def name_by_path(tensors: Mapping[str, StoredTensor], where: str) -> dict[str, StoredTensor]:
    """Replace attribute paths by published names.

    Args:
        tensors: Tensors by name in the file.
        where: The file, for the message.

    Returns:
        The same tensors by published name. What has neither (counters) is left out.

    Raises:
        DataError: The backbone is no known EfficientNet; the message names `where`.
    """
    named: dict[str, StoredTensor] = {}
    backbone: list[BackboneTensor] = []
    nodes = 1 + max((int(match[2]) for match in map(_NODE.match, tensors) if match), default=-1)
    for label, tensor in tensors.items():
        path = label.removeprefix("model/")
        role = _backbone_role(path)
        name = _neck_or_head(path, nodes) or published_name(path)
        if role:
            backbone.append(BackboneTensor(*role, tensor))
        elif name:
            named[name] = tensor
    return {**named, **(by_published_name(backbone, where) if backbone else {})}


def _backbone_role(path: str) -> tuple[int | None, str, str] | None:
    """Return (block, part, leaf) of a backbone's path."""
    block, outside = _BLOCK.fullmatch(path), _OUTSIDE.fullmatch(path)
    if block and block[2] in BLOCK_PARTS:
        return int(block[1]), BLOCK_PARTS[block[2]], block[3]
    if outside and outside[1] in _OUTSIDE_PARTS:
        return None, _OUTSIDE_PARTS[outside[1]], outside[2]
    return None


def _neck_or_head(path: str, nodes: int) -> str | None:
    """Return the published name of a path outside the backbone.

    `nodes` is the number of fusion nodes in a neck cell.
    """
    resample, node, head = (
        _NODE_RESAMPLE.fullmatch(path),
        _NODE.fullmatch(path),
        _HEAD.fullmatch(path),
    )
    if resample:
        return f"resample_p{int(resample[1]) + 6}/{resample[2]}"
    if node:
        return (
            f"fpn_cells/cell_{node[1]}/fnode{node[2]}/{_inside_node(int(node[2]), node[3], nodes)}"
        )
    if head:
        return _head_name(head[1], head[2], head[3])
    return None


def _inside_node(number: int, rest: str, nodes: int) -> str:
    """Return the name of a layer inside a fusion node.

    A node's layers are named after the number of features, levels and nodes before it.
    """
    levels = (
        nodes // 2 + 1
    )  # a cell has one node per level on the way down and on the way up, less one each
    features = levels + number
    resample = _NODE_RESAMPLE.fullmatch(rest)
    if resample:
        position = int(resample[1])
        offset = bifpn_nodes(_MIN_LEVEL, _MIN_LEVEL + levels - 1)[number].inputs[position]
        return f"resample_{position}_{offset}_{features}/{resample[2]}"
    weight = re.fullmatch(r"vars/(\d+)", rest)
    if weight:
        return "WSM" if weight[1] == "0" else f"WSM_{weight[1]}"
    return rest.replace("op_after_combine/conv_op/", f"op_after_combine{features}/conv/").replace(
        "op_after_combine/bn/", f"op_after_combine{features}/bn/"
    )


def _head_name(stem: str, attribute: str, rest: str) -> str:
    scope = f"{stem}_net/{stem}"
    if attribute == "conv_ops":
        return f"{scope}-{rest}"
    if attribute == "bns":
        repeat, level, leaf = rest.split("/")
        return f"{scope}-{repeat}-bn-{int(level) + _MIN_LEVEL}/{leaf}"
    return f"{scope}-predict/{rest}"
