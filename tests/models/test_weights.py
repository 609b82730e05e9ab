"""Scopes, reports and refusals, on checkpoints with variables by name."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from algorithm.errors import ArgumentError, DataError
from algorithm.models import build_detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights import load_weights, open_weights

CLASS_PREDICTOR = [
    f"class_net/class-predict/{leaf}" for leaf in ("depthwise_kernel", "pointwise_kernel", "bias")
]
BACKBONE_TENSORS, ALL_TENSORS = 240, 588


def assert_equal(found, expected, names):
    for name in names:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_full_loads_every_tensor_number_for_number(lite0, values_of, weights_in, write_bundle):
    values = values_of(lite0)
    report = load_weights(lite0, write_bundle(values), "full")
    assert (
        len(report.matched),
        report.skipped_shape,
        report.missing,
        report.fresh,
        report.unused,
    ) == (ALL_TENSORS, (), (), (), ())
    assert_equal(weights_in(lite0), values, values)


def test_detection_leaves_the_class_predictor_and_takes_the_box_predictor(
    lite0, values_of, weights_in, write_bundle
):
    values = values_of(lite0)
    values["class_net/class-predict/pointwise_kernel"] = np.ones((1, 1, 64, 9 * 90), np.float32)
    values["class_net/class-predict/bias"] = np.ones(9 * 90, np.float32)
    report = load_weights(lite0, write_bundle(values), "detection")
    assert set(report.fresh) == set(report.unused) == set(CLASS_PREDICTOR)
    assert (len(report.matched), report.skipped_shape, report.missing) == (ALL_TENSORS - 3, (), ())
    found = weights_in(lite0)
    assert_equal(found, values, report.matched)
    assert not any(found[name].any() for name in CLASS_PREDICTOR)
    assert "box_net/box-predict/bias" in report.matched
    assert "Class predictor starts fresh, box predictor loaded" in report.summary()


def test_detection_does_without_a_box_predictor_of_another_shape(lite0, values_of, write_bundle):
    values = values_of(lite0)
    values["box_net/box-predict/bias"] = np.ones(24, np.float32)
    report = load_weights(lite0, write_bundle(values), "detection")
    assert report.skipped_shape == ("box_net/box-predict/bias",)
    assert len(report.matched) == ALL_TENSORS - 4


def test_classification_takes_the_backbone_alone(lite0, values_of, weights_in, write_bundle):
    values = values_of(lite0)
    report = load_weights(lite0, write_bundle(values), "classification")
    assert len(report.matched) == BACKBONE_TENSORS
    assert all(name.startswith("efficientnet-lite0/") for name in report.matched)
    assert (len(report.fresh), len(report.unused)) == (ALL_TENSORS - BACKBONE_TENSORS,) * 2
    found = weights_in(lite0)
    assert_equal(found, values, report.matched)
    assert not any(found[name].any() for name in report.fresh)


def test_moving_averages_win_and_training_state_is_left_out(
    lite0, values_of, weights_in, write_bundle
):
    values = values_of(lite0)
    averaged = [name for name in values if not name.startswith("box_net")]
    tensors = {
        **values,
        "global_step": np.int64(7),
        "training_state": np.array(b"{}"),
        "optimizer/SGD/efficientdet-lite0_momentum": np.ones(3, np.float32),
    }
    tensors |= {f"{name}/ExponentialMovingAverage": values[name] + 1 for name in averaged}
    tensors |= {f"{name}/Momentum": values[name] + 2 for name in values}
    report = load_weights(lite0, write_bundle(tensors, prefix="model.ckpt-7"), "full")
    assert (report.averaged, report.unused) == (len(averaged), ())
    found = weights_in(lite0)
    for name in values:
        np.testing.assert_array_equal(found[name], values[name] + (name in averaged), err_msg=name)


def test_a_classifier_trained_alone_is_a_backbone(lite0, values_of, weights_in, write_bundle):
    values = {
        name: value for name, value in values_of(lite0).items() if name.startswith("efficientnet")
    }
    stored = {name.replace("lite0/", "lite0/model/", 1): value for name, value in values.items()}
    stored["efficientnet-lite0/model/head/conv2d/kernel"] = np.ones((1, 1, 320, 1280), np.float32)
    folder = write_bundle(stored)
    report = load_weights(lite0, folder, "classification")
    assert report.unused == ("efficientnet-lite0/head/conv2d/kernel",)
    assert_equal(weights_in(lite0), values, values)
    with pytest.raises(
        DataError, match="found the backbone efficientnet-lite0 alone; use .*=classification"
    ):
        load_weights(lite0, folder, "detection")


def test_the_stem_that_a_second_model_of_a_process_renamed_is_found(lite0, values_of, write_bundle):
    stored = {
        name.replace("/stem/conv2d/", "/stem_1/conv2d_1/").replace(
            "/stem/tpu_batch_normalization/", "/stem_1/tpu_batch_normalization_1/"
        ): value
        for name, value in values_of(lite0).items()
    }
    assert sum("stem_1/" in name for name in stored) == 5
    assert len(load_weights(lite0, write_bundle(stored), "full").matched) == ALL_TENSORS


@pytest.mark.parametrize("written", ["folder", "prefix", "index file", ".tar.gz", "nested .tgz"])
def test_a_checkpoint_is_found_however_it_is_named(
    written, lite0, values_of, write_bundle, tmp_path
):
    folder = write_bundle(values_of(lite0), "efficientdet-lite0")
    places = {"folder": folder, "prefix": folder / "model", "index file": folder / "model.index"}
    if "t" in written and written.startswith((".", "nested")):
        places[written] = tmp_path / f"weights{written.removeprefix('nested ')}"
        with tarfile.open(places[written], "w:gz") as archive:
            archive.add(folder, "efficientdet-lite0" if written.startswith("nested") else ".")
    assert len(load_weights(lite0, places[written], "full").matched) == ALL_TENSORS


def refusal(detector, path, scope, **options) -> str:
    """The message of the DataError, after which the detector has no weight changed."""
    with pytest.raises(DataError) as caught:
        load_weights(detector, path, scope, **options)
    assert not any(variable.numpy().any() for variable in published_variables(detector).values())
    return str(caught.value)


def test_a_tensor_too_few_is_an_error_that_names_it_and_changes_nothing(
    lite0, values_of, write_bundle
):
    values = values_of(lite0)
    del values["efficientnet-lite0/blocks_3/conv2d/kernel"]
    values["resample_p6/bn/gamma"] = np.ones(65, np.float32)
    message = refusal(lite0, write_bundle(values), "detection")
    assert "expected all 585 tensors" in message
    assert (
        "found 583: 1 missing, 1 of another shape, first efficientnet-lite0/blocks_3/conv2d/kernel, "
        in message
    )


def test_weights_of_another_model_are_refused_with_the_model_they_fit(
    lite0, values_of, write_bundle
):
    values = {
        name.replace("net-lite0", "net-lite1"): value for name, value in values_of(lite0).items()
    }
    values["fpn_cells/cell_3/fnode0/op_after_combine5/conv/bias"] = np.ones(88, np.float32)
    values["resample_p6/bn/gamma"] = np.ones(88, np.float32)
    message = refusal(lite0, write_bundle(values), "classification")
    assert (
        "expected efficientnet-lite0, the backbone of efficientdet-lite0, found efficientnet-lite1"
        in message
    )
    assert "these weights fit efficientdet-lite1" in message


def test_full_with_another_number_of_classes_names_both(lite0, values_of, write_bundle):
    values = values_of(lite0)
    values["class_net/class-predict/pointwise_kernel"] = np.ones((1, 1, 64, 9 * 90), np.float32)
    message = refusal(lite0, write_bundle(values), "full")
    assert "expected 5 classes" in message
    assert "found 90" in message


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("label_map.json", ["cat", "dog", "cow", "hen", "fox"]),
        ("index", {"labels_list": ["cat", "dog", "cow", "hen", "fox"]}),
        ("label_map.json", {"1": "cat", "2": "dog", "3": "cow", "4": "hen", "5": "fox"}),
        ("model/index", {"labels_list": ["cat", "dog", "cow", "hen", "fox"]}),
        ("../model/index", {"labels_list": ["cat", "dog", "cow", "hen", "fox"]}),
    ],
)
def test_full_needs_the_label_map_that_stands_beside_the_weights(
    place, content, lite0, values_of, write_bundle
):
    folder = write_bundle(values_of(lite0))
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text(json.dumps(content))
    message = refusal(lite0, folder, "full", label_names=["cat", "cow", "dog", "hen", "fox"])
    assert "class 2: 'cow' here, 'dog' there; class 3: 'dog' here, 'cow' there" in message
    assert (
        load_weights(lite0, folder, "full", label_names=["cat", "dog", "cow", "hen", "fox"]).missing
        == ()
    )


def test_a_label_map_that_is_none_is_named(lite0, values_of, write_bundle):
    folder = write_bundle(values_of(lite0))
    (folder / "label_map.json").write_text("cat, dog")
    assert "label_map.json: expected a JSON list" in refusal(lite0, folder, "full")


def test_a_number_that_is_not_finite_is_refused(lite0, values_of, write_bundle):
    values = values_of(lite0)
    values["resample_p6/bn/beta"][3] = np.nan
    assert "resample_p6/bn/beta holds 1 that are not" in refusal(
        lite0, write_bundle(values), "full"
    )


def test_a_checkpoint_cut_short_is_refused(lite0, values_of, write_bundle):
    folder = write_bundle(values_of(lite0))
    data = folder / "model.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-4096])
    assert "damaged or incomplete" in refusal(lite0, folder, "full")


def test_an_index_that_is_none_is_refused(lite0, tmp_path):
    (tmp_path / "model.index").write_bytes(b"not an index" * 20)
    assert "damaged or incomplete" in refusal(lite0, tmp_path / "model", "full")


def test_a_checkpoint_of_something_else_is_refused(lite0, write_bundle):
    folder = write_bundle({"vgg16/conv1/kernel": np.ones((3, 3, 3, 64), np.float32)})
    assert "no variable of either" in refusal(lite0, folder, "classification")


def test_weights_of_another_family_are_named_with_the_model_they_fit(lite0, write_bundle):
    folder = write_bundle({"resnet50/conv1/kernel": np.ones((7, 7, 3, 64), np.float32)})
    assert "found resnet50; these weights fit retinanet-resnet50" in refusal(
        lite0, folder, "classification"
    )


@pytest.mark.parametrize("content", [None, b"", b"plain text", b"\x1f\x8bcut short"])
def test_a_file_that_is_no_weights_is_refused_with_what_would_be(content, lite0, tmp_path):
    path = tmp_path / "weights.bin"
    if content is not None:
        path.write_bytes(content)
    assert "expected a checkpoint (its folder or its prefix)" in refusal(lite0, path, "full")


def test_a_folder_with_two_checkpoints_and_no_word_which_is_refused(lite0, tmp_path):
    for name in ("a.index", "b.index"):
        (tmp_path / name).touch()
    assert "found a.index, b.index; name the file itself" in refusal(lite0, tmp_path, "full")


def test_a_model_folder_as_weights_is_refused_with_where_the_checkpoint_is(lite0, tmp_path):
    """It said to name the file itself, and no file there is a checkpoint."""
    (tmp_path / "saved_model.pb").touch()
    assert "give the folder archive beside it" in refusal(lite0, tmp_path, "full")


def test_an_archive_member_that_points_outside_is_refused(lite0, tmp_path):
    path, outside = tmp_path / "weights.tar.gz", tmp_path / "outside"
    outside.write_text("x")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(outside, "../escaped")
    assert "whole and safe tar archive" in refusal(lite0, path, "full")
    assert not (tmp_path.parent / "escaped").exists()


def test_an_archive_cut_short_is_refused(lite0, values_of, write_bundle, tmp_path):
    folder, path = write_bundle(values_of(lite0)), tmp_path / "weights.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "model")
    path.write_bytes(path.read_bytes()[:100_000])
    assert "whole and safe tar archive" in refusal(lite0, path, "full")


def test_an_unknown_scope_is_an_error(lite0, tmp_path):
    with pytest.raises(
        ArgumentError,
        match="'everything' is not known; choose one of classification, detection, full",
    ):
        load_weights(lite0, tmp_path, "everything")


def test_the_temporary_copy_of_an_archive_is_removed(
    lite0, values_of, write_bundle, tmp_path, monkeypatch
):
    scratch, path = tmp_path / "scratch", tmp_path / "weights.tgz"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with tarfile.open(path, "w:gz") as archive:
        archive.add(write_bundle(values_of(lite0)), "model")
    with open_weights(path) as source:
        assert (source.kind, source.num_classes, source.path) == (
            "TF1-style checkpoint",
            5,
            str(path),
        )
        assert len(list(scratch.iterdir())) == 1
    assert list(scratch.iterdir()) == []


def test_the_published_coco_weights_load_whole(shared_dir):
    detector = build_detector("efficientdet-lite0", 90)
    report = load_weights(detector, shared_dir / "weights/efficientdet-lite0", "full")
    assert (len(report.matched), report.skipped_shape, report.missing, report.unused) == (
        ALL_TENSORS,
        (),
        (),
        (),
    )
    assert published_variables(detector)["class_net/class-predict/bias"].numpy().mean() < -2


def test_classes_known_by_name_start_from_their_rows(shared_dir):
    """person is COCO's output 0 and car its output 2; raccoon is none of them."""
    detector = build_detector("efficientdet-lite0", 3)
    before = published_variables(detector)["class_net/class-predict/bias"].numpy()
    path = shared_dir / "weights/efficientdet-lite0"
    report = load_weights(detector, path, "detection", label_names=["raccoon", "cars", "person"])
    assert report.known_classes == ("cars", "person")
    assert "Known by name, so not fresh: cars, person" in report.summary()
    assert report.fresh_beside_pretrained(3) == tuple(CLASS_PREDICTOR)  # raccoon is new
    assert report.fresh_beside_pretrained(2) == ()
    assert replace(report, scope="classification").fresh_beside_pretrained(3) == ()
    with open_weights(path) as source:
        stored = source.tensors["class_net/class-predict/bias"].read().reshape(9, 90)
    taken = published_variables(detector)["class_net/class-predict/bias"].numpy().reshape(9, 3)
    np.testing.assert_array_equal(taken[:, 1:], stored[:, [2, 0]])
    np.testing.assert_array_equal(taken[:, 0], before.reshape(9, 3)[:, 0])
