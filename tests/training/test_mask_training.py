"""The train step of a detector with masks: it learns them, in every way a step can be made, and leaves boxes alone."""

import numpy as np
import pytest
import small_job
import tensorflow as tf

from algorithm.jobs.freezing import freeze
from algorithm.models import build_detector
from algorithm.models.variable_names import published_variables
from algorithm.models.weights.stored_tensors import CLASS_PREDICTOR, MASK_HEAD
from algorithm.training.optimizers import make_optimizer
from algorithm.training.trainer import TrainConfig, Trainer

SIZE = 64
LITE0 = "efficientdet-lite0"
FRESH = (*MASK_HEAD, CLASS_PREDICTOR)


@pytest.fixture(scope="module", autouse=True)
def small_preset():
    """The layers of efficientdet-lite0, fewer and thinner."""
    with pytest.MonkeyPatch.context() as patch:
        small_job.thin(patch.setattr, patch.setitem)
        yield


def batch(seed=0):
    rng = np.random.default_rng(seed)
    masks = np.zeros((2, 2, 16, 16), np.uint8)
    masks[0, 0, 2:6, 2:10], masks[1, 0, 6:14, 8:14], masks[1, 0, 6:8] = 255, 255, 90
    return {
        "images": tf.constant(rng.integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)),
        "extent": tf.constant([[SIZE, SIZE], [SIZE, 40]]),
        "boxes": tf.constant(
            [[[8, 8, 40, 40], [0, 0, 0, 0]], [[20, 24, 60, 56], [4, 4, 30, 30]]], tf.float32
        ),
        "labels": tf.constant([[0, -1], [1, 2]], tf.int32),
        "sample_index": tf.constant([2 * seed, 2 * seed + 1]),
        "masks": tf.constant(masks),
    }


def made(masks=True, rate=1e-2, kind="adam", **config):
    tf.keras.utils.set_random_seed(1)
    detector = build_detector(LITE0, 3, SIZE, survival_probability=1.0, masks=masks)
    fresh = tuple(name for name in published_variables(detector) if name.startswith(FRESH))
    return Trainer(
        detector,
        make_optimizer(kind, rate, 0.9),
        TrainConfig(moving_average_decay=0.9, factors=dict.fromkeys(fresh, 4.0), **config),
    )


@pytest.fixture(scope="module")
def plain():
    """The trainer, its figures and its state after three steps."""
    trainer = made()
    figures = [
        {name: float(value) for name, value in trainer.train_step(batch(seed)).items()}
        for seed in range(3)
    ]
    return trainer, figures, trainer.snapshot()


def entropy_of_the_ellipse(truth, box):
    """Mean cross entropy of the logits 1 - u**2 - v**2 over the cells of a box in pixels."""
    top, left, bottom, right = box
    y, x = np.meshgrid(np.arange(2.0, SIZE, 4), np.arange(2.0, SIZE, 4), indexing="ij")
    v, u = (2 * y - top - bottom) / (bottom - top), (2 * x - left - right) / (right - left)
    logits = 1 - u**2 - v**2
    inside = (y >= top) & (y < bottom) & (x >= left) & (x < right)
    return (np.log1p(np.exp(logits)) - logits * truth / 255)[inside].mean()


def test_the_mask_loss_begins_at_that_of_an_ellipse_in_each_box(plain):
    from algorithm.ops.anchor_matching import match_anchors

    trainer, figures, _ = plain
    anchors = tf.constant(trainer.detector.anchors)
    targets = match_anchors(anchors, batch()["boxes"], batch()["labels"], rows=True)
    total = float(tf.reduce_sum(targets["num_positives"]))
    known = (targets["box_rows"].numpy() == 0).sum(axis=1)  # the second object has no outline
    assert known.all() and known.sum() < total
    total_entropy = sum(
        count * entropy_of_the_ellipse(masks[0], boxes[0])
        for count, masks, boxes in zip(
            known, batch()["masks"].numpy(), batch()["boxes"].numpy(), strict=True
        )
    )
    expected = 2.5 * total_entropy / (total + 1)
    assert figures[0]["mask_loss"] == pytest.approx(expected, rel=0.05)
    parts = figures[0]["cls_loss"] + 50 * figures[0]["box_loss"] + figures[0]["mask_loss"]
    assert figures[0]["det_loss"] == pytest.approx(parts, rel=1e-5)


def test_what_is_fresh_takes_longer_steps(plain):
    """The first step of Adam is as long as the rate, whatever the gradient."""
    trainer, _, state = plain
    kept = {name for name in state if "optimizer/" not in name or "learning_rate" in name}
    trainer.restore({n: v if n in kept else np.zeros_like(v) for n, v in state.items()})
    before = trainer.snapshot()
    trainer.train_step(batch())
    after = trainer.snapshot()
    trainer.restore(state)
    longest = {True: 0.0, False: 0.0}
    for name, variable in published_variables(trainer.detector).items():
        if variable.trainable:
            new = name.startswith(FRESH)
            longest[new] = max(longest[new], abs(after[name] - before[name]).max())
    assert longest[False] == pytest.approx(1e-2, rel=1e-3)
    assert longest[True] == pytest.approx(4e-2, rel=1e-3)


def test_frozen_batch_norm_is_not_that_of_the_mask_head():
    detector = build_detector(LITE0, 3, SIZE, masks=True)
    freeze(detector, "", batch_norm=True)
    free = {
        name.startswith(MASK_HEAD): variable.trainable
        for name, variable in published_variables(detector).items()
        if name.endswith("/gamma")
    }
    assert free == {True: True, False: False}


def test_masks_are_learned(plain):
    trainer, figures, state = plain
    losses = [float(trainer.train_step(batch())["mask_loss"]) for _ in range(40)]
    trainer.restore(state)
    assert min(losses[-5:]) < 0.4 * figures[0]["mask_loss"]


def test_the_box_part_of_the_network_begins_as_without_masks(plain):
    boxes = made(masks=False)
    with_masks = made(masks=True)
    own = published_variables(boxes.detector)
    more = published_variables(with_masks.detector)
    assert list(own) == [name for name in more if not name.startswith(("mask_net", "proto_net"))]
    for name, variable in own.items():
        np.testing.assert_array_equal(variable.numpy(), more[name].numpy())
    figures = boxes.train_step(batch())
    assert "mask_loss" not in figures
    for name in ("cls_loss", "box_loss"):
        assert float(figures[name]) == pytest.approx(plain[1][0][name], rel=1e-5)


def test_a_resumed_step_is_the_same_step(plain):
    trainer, _, state = plain
    trainer.restore(state)
    once = {name: float(value) for name, value in trainer.train_step(batch(3)).items()}
    after = trainer.snapshot()
    trainer.restore(state)
    again = {name: float(value) for name, value in trainer.train_step(batch(3)).items()}
    assert once == again
    for name, value in trainer.snapshot().items():
        np.testing.assert_array_equal(value, after[name])
    trainer.restore(state)


def test_there_is_a_moving_average_of_the_mask_head(plain):
    _, _, state = plain
    name = "mask_net/mask-predict/pointwise_kernel"
    assert not np.array_equal(state[name], state[f"{name}/ExponentialMovingAverage"])


@pytest.mark.parametrize(
    "config, tolerance",
    [({"recompute": True}, 1e-4), ({"precision": "bfloat16"}, 0.1)],
    ids=["recomputed", "bfloat16"],
)
def test_other_ways_give_the_same_first_step(plain, without_graphs, config, tolerance):
    figures = made(**config).train_step(batch())
    for name in ("cls_loss", "box_loss", "mask_loss"):
        assert float(figures[name]) == pytest.approx(plain[1][0][name], rel=tolerance)


def test_parts_of_a_batch_add_up(without_graphs):
    """Batch norm is kept as loaded, because it would see other pictures. Only the loop over parts needs a graph."""
    found = []
    for parts in (1, 2):
        tf.config.run_functions_eagerly(parts == 1)
        trainer = made(parts=parts, rate=1e-3, kind="sgd")
        for layer in trainer.detector.layers:
            if isinstance(layer, tf.keras.layers.BatchNormalization):
                layer.trainable = False
        found.append({name: float(value) for name, value in trainer.train_step(batch()).items()})
    for name in ("cls_loss", "box_loss", "mask_loss", "gradient_norm"):
        assert found[0][name] == pytest.approx(found[1][name], rel=1e-4)


def test_a_loop_of_steps_is_the_steps(plain):
    rows = [batch(seed) for seed in range(3)]
    stream = iter(
        tf.data.Dataset.from_tensor_slices(
            {name: tf.stack([row[name] for row in rows]) for name in rows[0]}
        )
    )
    figures, _ = made().train_steps(stream, 3)
    expected = [row["mask_loss"] for row in plain[1]]
    np.testing.assert_allclose(figures["mask_loss"], expected, rtol=2e-3)
