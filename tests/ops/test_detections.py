"""Post-processing: top-k, suppression, mapping back to the picture."""

import json

import numpy as np
import pytest
import tensorflow as tf

from algorithm.ops.anchors import anchor_grid, feature_sizes
from algorithm.ops.detections import NmsConfig, detect, to_image

ANCHORS = tf.constant([[0.0, 0, 10, 10], [0.0, 1, 10, 11], [50.0, 50, 60, 60]])


def logits(rows):
    rows = np.asarray(rows, np.float32)[None]
    return {"class_logits": tf.constant(rows), "box_deltas": tf.zeros((1, rows.shape[1], 4))}


def test_hard_suppression_drops_the_overlapping_box_of_the_same_class():
    found = detect(
        logits([[3.0, -9], [2.0, -9], [1.0, -9]]), ANCHORS, NmsConfig("hard", max_detections=5)
    )
    assert found["count"].numpy().tolist() == [2]
    np.testing.assert_allclose(found["boxes"][0, :2], [[0, 0, 10, 10], [50, 50, 60, 60]])


def test_another_class_is_not_suppressed():
    found = detect(
        logits([[3.0, -9], [-9, 2.0], [-9, -9]]), ANCHORS, NmsConfig("hard", score_threshold=0.5)
    )
    assert found["count"].numpy().tolist() == [2]
    assert found["labels"][0, :2].numpy().tolist() == [0, 1]


def test_gaussian_suppression_decays_by_the_square_of_the_overlap():
    found = detect(
        logits([[3.0], [2.0], [-9.0]]),
        ANCHORS,
        NmsConfig("gaussian", sigma=0.5, score_threshold=0.01),
    )
    iou = 90 / 110
    expected = [1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-2)) * np.exp(-(iou**2) / 0.5)]
    np.testing.assert_allclose(found["scores"][0, :2], expected, rtol=1e-5)


def test_rows_past_the_count_are_empty():
    found = detect(
        logits([[3.0], [-9.0], [-9.0]]), ANCHORS, NmsConfig(score_threshold=0.5, max_detections=4)
    )
    assert found["labels"][0].numpy().tolist() == [0, -1, -1, -1]
    np.testing.assert_array_equal(found["boxes"][0, 1:], np.zeros((3, 4)))


def test_fewer_candidates_than_asked_for_is_fine():
    found = detect(
        logits([[3.0], [2.0], [1.0]]), ANCHORS, NmsConfig(max_inputs=2, max_detections=10)
    )
    assert found["count"].numpy().tolist() == [2]


def test_each_picture_of_a_batch_gets_the_result_it_gets_alone():
    rng = np.random.default_rng(1)
    anchors = tf.constant(anchor_grid((64, 64)))
    outputs = {
        "class_logits": tf.constant(rng.normal(-2, 2, (3, len(anchors), 4)), tf.float32),
        "box_deltas": tf.constant(rng.normal(0, 0.3, (3, len(anchors), 4)), tf.float32),
    }
    together = detect(outputs, anchors, NmsConfig())
    for i in range(3):
        alone = detect(
            {name: value[i : i + 1] for name, value in outputs.items()}, anchors, NmsConfig()
        )
        for name in alone:
            np.testing.assert_allclose(together[name][i], alone[name][0], rtol=1e-5, atol=1e-4)


def test_boxes_go_back_to_the_picture_and_are_clipped_to_it():
    detections = {"boxes": tf.constant([[[-4.0, 10, 50, 200]]])}
    boxes = to_image(detections, tf.constant([0.5]), tf.constant([[90.0, 300.0]]))["boxes"]
    np.testing.assert_array_equal(boxes, [[[0, 20, 90, 300]]])


def test_suppression_agrees_with_the_published_implementation(shared_dir):
    sizes = feature_sizes((128, 128), 7)
    anchors = tf.constant(anchor_grid((128, 128)))
    for case in json.loads((shared_dir / "reference/golden/components.json").read_text())[
        "postprocess"
    ]:
        rng = np.random.Generator(np.random.PCG64(5))
        classes = [
            (rng.standard_normal((1, *sizes[i], 45)) - 2).astype(np.float32).reshape(1, -1, 5)
            for i in range(3, 8)
        ]
        boxes = [
            (0.3 * rng.standard_normal((1, *sizes[i], 36))).astype(np.float32).reshape(1, -1, 4)
            for i in range(3, 8)
        ]
        found = detect(
            {"class_logits": tf.concat(classes, 1), "box_deltas": tf.concat(boxes, 1)},
            anchors,
            NmsConfig(score_threshold=case["score_thresh"], max_detections=case["max_output_size"]),
        )
        np.testing.assert_allclose(
            found["boxes"][0] * case["image_scale_to_original"], case["boxes_yxyx"], atol=1e-3
        )
        np.testing.assert_allclose(found["scores"][0], case["scores"], atol=1e-5)
        np.testing.assert_array_equal(found["labels"][0].numpy() + 1, case["classes"])


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="gaussian or hard"):
        detect(logits([[1.0], [1.0], [1.0]]), ANCHORS, NmsConfig("linear"))
