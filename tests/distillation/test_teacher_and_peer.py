"""Learning from a peer and from a frozen teacher, on a network shrunk to a few layers."""

import dataclasses
import json
import logging
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from algorithm.distillation.job_distillation import build_peer
from algorithm.distillation.offline_teacher import OfflineTeacher
from algorithm.distillation.online_peer import OnlinePeer
from algorithm.distillation.soft_losses import SoftLossConfig
from algorithm.distillation.teacher_file import FrozenTeacher, freeze_graph
from algorithm.errors import ArgumentError, DataError
from algorithm.models import build_detector, zoo
from algorithm.models.detector import neck_features
from algorithm.ops.anchor_matching import match_anchors
from algorithm.ops.image import network_input
from algorithm.ops.losses import LossConfig, detection_losses
from algorithm.training.optimizers import make_optimizer
from algorithm.training.trainer import TrainConfig, Trainer

SIZE = 64
LABELS = ("cat", "dog")


@pytest.fixture(scope="module", autouse=True)
def shrunk():
    """t1 and lite0 with a thin and short backbone; lite0 keeps one more head layer."""
    patch = pytest.MonkeyPatch()
    backbone = dataclasses.replace(
        zoo.BACKBONES["efficientnet-lite0"], width=0.3, depth=0.2, survival_probability=0.8
    )
    patch.setitem(zoo.BACKBONES, "efficientnet-lite0", backbone)
    for name, depth in (("efficientdet-t1", 1), ("efficientdet-lite0", 2)):
        row = dataclasses.replace(
            zoo.PRESETS[name], fpn_channels=16, fpn_cells=1, head_repeats=depth
        )
        patch.setitem(zoo.PRESETS, name, row)
    yield
    patch.undo()


def batch(seed=0):
    rng = np.random.default_rng(seed)
    boxes = np.array(
        [[[8, 8, 40, 40], [0, 0, 0, 0]], [[20, 24, 60, 56], [4, 4, 30, 30]]], np.float32
    )
    return {
        "images": tf.constant(rng.integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)),
        "extent": tf.constant([[SIZE, SIZE], [SIZE, 40]]),
        "boxes": tf.constant(boxes),
        "labels": tf.constant([[0, -1], [1, 0]], tf.int32),
        "sample_index": tf.constant([1, 0]),
    }


def student(seed=1):
    tf.keras.utils.set_random_seed(seed)
    return build_detector("efficientdet-t1", len(LABELS), SIZE)


def trainer_of(detector, distiller, **config):
    return Trainer(detector, make_optimizer("adam", 1e-3, 0.9), TrainConfig(**config), distiller)


def opened(folder):
    """The teacher in a local model folder, nothing of which is copied."""
    return FrozenTeacher.open(str(folder), Path("nowhere"))


def with_peer(seed=1, **config):
    detector = student(seed)
    peer = build_peer(detector)
    return trainer_of(
        detector, OnlinePeer(peer, detector, SoftLossConfig("foreground"), LossConfig()), **config
    ), peer


def norms_of(detector, peer):
    """The first batch norm's scale of each."""
    name = "efficientnet-lite0.stem.tpu_batch_normalization"
    return {
        who: network.get_layer(name).gamma for who, network in (("own", detector), ("peer", peer))
    }


@pytest.fixture(scope="module")
def online():
    return with_peer(moving_average_decay=0.9)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model folder with a frozen teacher, and the teacher."""
    folder = tmp_path_factory.mktemp("teacher") / "model"
    tf.keras.utils.set_random_seed(5)
    teacher = build_detector("efficientdet-lite0", len(LABELS), SIZE)
    for net, bias in (
        ("class", -1.0),
        ("box", 0.3),
    ):  # so that it says something else than a fresh student
        teacher.get_layer(f"{net}_net.{net}-predict").weights[-1].assign(
            tf.fill((9 * (2 if net == "class" else 4),), bias)
        )
    freeze_graph(teacher, folder / "frozen", LABELS)
    return folder, teacher


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """A model folder with a frozen teacher of a larger input."""
    folder = tmp_path_factory.mktemp("larger")
    tf.keras.utils.set_random_seed(6)
    freeze_graph(build_detector("efficientdet-lite0", len(LABELS), 96), folder / "frozen", LABELS)
    return folder


@pytest.fixture(scope="module")
def pupil():
    """A student that no test trains."""
    return student()


def test_both_networks_learn_in_one_step_and_the_losses_add_up(online, without_graphs):
    trainer, peer = online
    learning = {
        "shared": trainer.detector.trainable_variables[0],
        **norms_of(trainer.detector, peer),
    }
    before = {name: variable.numpy() for name, variable in learning.items()}
    figures = {name: float(value) for name, value in trainer.train_step(batch()).items()}
    parts = ("det_loss", "loss_soft_cls", "loss_soft_box", "peer_loss", "l2_loss")
    assert figures["loss"] == pytest.approx(sum(figures[name] for name in parts), rel=1e-5)
    assert "objective" not in figures
    for name, variable in learning.items():
        assert not np.array_equal(before[name], variable.numpy()), name
    assert not np.array_equal(
        *(variable.numpy() for variable in norms_of(trainer.detector, peer).values())
    )


def test_the_peer_learns_nothing_from_the_student(online):
    trainer, _ = online
    distiller, one = (
        trainer._gradients._distiller,
        {name: value[:1] for name, value in batch().items()},
    )
    targets = match_anchors(tf.constant(trainer.detector.anchors), one["boxes"], one["labels"])
    targets |= distiller.targets(one["boxes"], one["labels"])
    positives = {
        name: tf.reduce_sum(targets.pop(name)) for name in ("num_positives", "peer_num_positives")
    }
    images = tf.random.stateless_normal((1, SIZE, SIZE, 3), seed=(1, 2))
    outputs = dict(trainer.detector(images))
    with tf.GradientTape() as tape:
        taught = {name: value + 1.0 for name, value in distiller.teach(one, images).items()}
        tape.watch(taught)
        losses = distiller.losses(outputs, taught, targets, positives)
        soft = losses["loss_soft_cls"] + losses["loss_soft_box"]
    assert float(soft) > 0
    assert tape.gradient(soft, list(taught.values())) == [None, None]


def test_a_resumed_pair_goes_on_bit_for_bit(online, without_graphs):
    trainer, _ = online
    saved = trainer.snapshot()
    other, _ = with_peer(seed=99, moving_average_decay=0.9)
    other.restore(saved)
    for each in (trainer, other):
        each.train_step(batch(3))
    mine, theirs = trainer.tensors(), other.tensors()
    assert mine.keys() == theirs.keys()
    norm = "class_net/class-0-bn-3/gamma"
    assert {
        norm,
        f"peer/{norm}",
        f"peer/{norm}/ExponentialMovingAverage",
        "class_net/class-0/bias",
    } <= mine.keys()
    assert "peer/class_net/class-0/bias" not in mine  # shared: kept once
    for name in mine:
        np.testing.assert_array_equal(
            np.asarray(mine[name]), np.asarray(theirs[name]), err_msg=name
        )


def test_inside_averaged_weights_the_peer_holds_its_average_too(online):
    trainer, peer = online
    norm = norms_of(trainer.detector, peer)["peer"]
    own = norm.numpy()
    with trainer.averaged_weights():
        assert not np.array_equal(norm.numpy(), own)
    np.testing.assert_array_equal(norm.numpy(), own)


def test_each_variable_is_trained_once_and_the_peer_adds_its_batch_norms_alone(online):
    trainer, peer = online
    trained = trainer._gradients.trained
    assert (
        len({id(variable) for variable in trained})
        == len(trained)
        == len({variable.path for variable in trained})
    )
    norms = [
        v
        for layer in peer.layers
        if isinstance(layer, keras.layers.BatchNormalization)
        for v in layer.trainable_variables
    ]
    assert [id(variable) for variable in trained] == [
        id(v) for v in (*trainer.detector.trainable_variables, *norms)
    ]


def test_a_shared_kernel_gets_the_sum_of_what_both_sizes_ask_for(online, without_graphs):
    trainer, peer = online
    pictures, distiller = batch(), trainer._gradients._distiller
    gradients, _, _ = trainer._gradients(pictures, 1, trainer.optimizer.iterations)
    kernel = trainer.detector.trainable_variables[0]
    found = dict(zip(map(id, trainer._gradients.trained), gradients, strict=True))[id(kernel)]
    images = network_input(
        pictures["images"], pictures["extent"], peer.preset.mean, peer.preset.std
    )
    targets = match_anchors(
        tf.constant(trainer.detector.anchors), pictures["boxes"], pictures["labels"]
    )
    targets |= distiller.targets(pictures["boxes"], pictures["labels"])
    positives = {
        name: tf.reduce_sum(targets.pop(name)) for name in ("num_positives", "peer_num_positives")
    }
    expected = []
    for own in (True, False):
        with tf.GradientTape() as tape, keras.StatelessScope():
            outputs, taught = (
                dict(trainer.detector(images, training=True)),
                distiller.teach(pictures, images),
            )
            losses = distiller.losses(outputs, taught, targets, positives)
            hard = detection_losses(
                outputs,
                targets,
                tf.constant(trainer.detector.anchors),
                LossConfig(),
                positives["num_positives"],
            )
            loss = (
                hard["det_loss"] + losses["loss_soft_cls"] + losses["loss_soft_box"]
                if own
                else losses["peer_loss"]
            )
        expected.append(tape.gradient(loss, kernel.value))
    assert float(tf.norm(expected[0])) > 0 and float(tf.norm(expected[1])) > 0
    np.testing.assert_allclose(found, sum(expected), rtol=1e-3, atol=1e-5)


def with_own_peer(seed=1, method="foreground", **config):
    detector = student(seed)
    with keras.name_scope("peer"):
        peer = build_detector("efficientdet-lite0", len(LABELS), SIZE)
    return trainer_of(
        detector, OnlinePeer(peer, detector, SoftLossConfig(method), LossConfig()), **config
    ), peer


def test_a_peer_with_weights_of_its_own_learns_beside_the_student_and_a_resumed_pair_goes_on_bit_for_bit(
    without_graphs,
):
    trainer, peer = with_own_peer()
    distiller = trainer._gradients._distiller
    assert not distiller.shares_kernels and with_peer()[0]._gradients._distiller.shares_kernels
    assert (
        "the peer is efficientdet-lite0 at 64x64, with weights of its own; it speaks for 100.0 % of"
        in distiller.describe()
    )
    trained = trainer._gradients.trained
    assert [id(v) for v in trained] == [
        id(v) for v in (*trainer.detector.trainable_variables, *peer.trainable_variables)
    ]
    kernels = [
        network.get_layer("class_net.class-predict").weights[0]
        for network in (trainer.detector, peer)
    ]
    before = [kernel.numpy() for kernel in kernels]
    trainer.train_step(batch())
    assert all(
        not np.array_equal(old, kernel.numpy()) for old, kernel in zip(before, kernels, strict=True)
    )
    other, _ = with_own_peer(seed=99)
    other.restore(trainer.snapshot())
    for each in (trainer, other):
        each.train_step(batch(3))
    mine, theirs = trainer.tensors(), other.tensors()
    assert {"class_net/class-predict/bias", "peer/class_net/class-predict/bias"} <= mine.keys()
    draws = sum(name.startswith(("random/", "peer/random/")) for name in mine)
    slots = len(trainer.optimizer.slot_shapes()) + len(trainer.optimizer.variables)
    # each has a name of its own, and global_step
    assert len(mine) == len(trainer.named) + slots + draws + 1
    for name in mine:
        np.testing.assert_array_equal(
            np.asarray(mine[name]), np.asarray(theirs[name]), err_msg=name
        )


def test_a_student_gets_nothing_of_the_loss_of_a_peer_with_weights_of_its_own(without_graphs):
    trainer, _ = with_own_peer()
    alone = trainer_of(trainer.detector, None)
    trainer._gradients._distiller._config = SoftLossConfig("foreground", 0.0, 0.0)
    found, _, _ = trainer._gradients(batch(), 1, trainer.optimizer.iterations)
    expected, _, _ = alone._gradients(batch(), 1, alone.optimizer.iterations)
    for one, other in zip(found, expected, strict=False):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def features_in(network, images):
    return keras.Model(network.inputs, neck_features(network))(images, training=False)


def test_crosshead_the_peers_heads_say_of_its_own_features_what_the_peer_says():
    trainer, peer = with_own_peer(method="crosshead")
    images = tf.random.stateless_normal((1, SIZE, SIZE, 3), seed=(1, 2))
    found = trainer._gradients._distiller._crossed(features_in(peer, images))
    for name, expected in peer(images, training=False).items():
        np.testing.assert_allclose(found[f"cross_{name}"], expected, rtol=1e-4, atol=1e-5)


def test_crosshead_teaches_the_students_backbone_and_neck_and_neither_heads(without_graphs):
    gradients = {}
    for method in ("foreground", "crosshead"):
        trainer, peer = with_own_peer(method=method)
        found, losses, _ = trainer._gradients(batch(), 1, trainer.optimizer.iterations)
        gradients[method] = dict(
            zip((v.path for v in trainer._gradients.trained), found, strict=True)
        )
    peers = {variable.path for variable in peer.trainable_variables}
    heads = {path for path in gradients["crosshead"] if path.startswith(("class_net", "box_net"))}
    assert peers and heads and {*peers, *heads} < gradients["crosshead"].keys()
    before = gradients["foreground"]
    for path in peers | heads:
        np.testing.assert_allclose(
            gradients["crosshead"][path], before[path], rtol=1e-4, atol=1e-6, err_msg=path
        )
    changes = {
        path: np.linalg.norm(gradients["crosshead"][path] - before[path])
        / np.linalg.norm(before[path])
        for path in gradients["crosshead"].keys() - peers - heads
        if path.endswith("kernel")
    }
    backbone = [change for path, change in changes.items() if path.startswith("efficientnet")]
    assert len(backbone) > 10 and min(backbone) > 0.01, changes
    assert (
        changes["fpn_cells.cell_0.fnode4.op_after_combine9.conv/pointwise_kernel"] > 0.01
    )  # nothing is on the levels above it
    assert float(losses["cross_loss"]) > 0
    parts = ("det_loss", "loss_soft_cls", "loss_soft_box", "peer_loss", "cross_loss")
    assert float(losses["objective"]) == pytest.approx(
        sum(float(losses[name]) for name in parts), rel=1e-5
    )


@pytest.mark.parametrize("anchor_scale", [None, 4.0])
def test_crosshead_holds_what_the_peers_heads_say_against_the_annotations_on_the_peers_anchors(
    anchor_scale, without_graphs
):
    """D0's anchors are of other sizes than lite0's."""
    tf.keras.utils.set_random_seed(1)
    detector = build_detector("efficientdet-t1", len(LABELS), SIZE, anchor_scale=anchor_scale)
    peer = build_detector("efficientdet-lite0", len(LABELS), SIZE)
    distiller = OnlinePeer(peer, detector, SoftLossConfig("crosshead"), LossConfig())
    pictures, anchors = batch(), tf.constant(peer.anchors)
    expected = match_anchors(anchors, pictures["boxes"], pictures["labels"])
    targets = match_anchors(tf.constant(detector.anchors), pictures["boxes"], pictures["labels"])
    targets |= distiller.targets(pictures["boxes"], pictures["labels"])
    positives = {
        name: tf.reduce_sum(targets.pop(name)) for name in ("num_positives", "peer_num_positives")
    }
    images = network_input(
        pictures["images"], pictures["extent"], peer.preset.mean, peer.preset.std
    )
    taught = distiller.teach(pictures, images, features_in(detector, images))
    said = {name: taught[f"cross_{name}"] for name in ("class_logits", "box_deltas")}
    found = distiller.losses(dict(detector(images)), taught, targets, positives)["cross_loss"]
    assert float(found) == pytest.approx(
        float(detection_losses(said, expected, anchors, LossConfig())["det_loss"]), rel=1e-5
    )


def test_crosshead_piece_by_piece_part_by_part_and_in_bfloat16_takes_the_same_step(without_graphs):
    twice = {
        name: tf.repeat(value[:1], 2, axis=0) for name, value in batch().items()
    }  # so that batch norms see the same in each part
    first, peer = with_own_peer(method="crosshead")
    untrained = first.snapshot()

    def step(**config):
        distiller = OnlinePeer(peer, first.detector, SoftLossConfig("crosshead"), LossConfig())
        trainer = trainer_of(first.detector, distiller, **config)
        trainer.restore(untrained)
        return {name: float(value) for name, value in trainer.train_step(twice).items()}

    whole = step()
    assert {"cross_loss", "gradient_norm"} < whole.keys()
    assert step(recompute=True) == pytest.approx(whole, rel=1e-4)
    assert step(parts=2) == pytest.approx(whole, rel=1e-3)  # by rounding, without oneDNN
    assert step(precision="bfloat16")["cross_loss"] == pytest.approx(whole["cross_loss"], rel=1e-2)


def test_crosshead_with_a_peer_of_another_width_is_refused(monkeypatch):
    monkeypatch.setitem(
        zoo.PRESETS,
        "efficientdet-lite0",
        dataclasses.replace(zoo.PRESETS["efficientdet-lite0"], fpn_channels=24),
    )
    with pytest.raises(
        ArgumentError,
        match="peer_model: kd_method=crosshead passes the student's features through the peer's heads; "
        "efficientdet-lite0 takes levels 3 to 7 of 24 channels, efficientdet-t1 has 3 to 7 of 16",
    ):
        with_own_peer(method="crosshead")


def test_a_peer_of_another_normalisation_sees_the_pictures_in_its_own():
    detector = student()
    with keras.name_scope("peer"):
        peer = build_detector("efficientdet-lite0", len(LABELS), SIZE)

    def echo(images, training):
        return {"seen": images}

    echo.image_size = peer.image_size
    pictures, seen = batch(), []
    for std in (peer.preset.std, (64.0, 64.0, 64.0)):
        peer.preset = dataclasses.replace(peer.preset, std=std)
        distiller = OnlinePeer(peer, detector, SoftLossConfig(), LossConfig())
        distiller._peer = echo
        images = network_input(
            pictures["images"], pictures["extent"], detector.preset.mean, detector.preset.std
        )
        seen.append(distiller.teach(pictures, images)["seen"])
    np.testing.assert_allclose(seen[1], seen[0] * detector.preset.std[0] / 64.0, atol=1e-5)


def test_the_frozen_graph_answers_as_the_teacher_and_describes_itself(model):
    folder, teacher = model
    teacher_file = opened(folder)
    images = tf.random.stateless_normal((2, SIZE, SIZE, 3), seed=(1, 2))
    expected, answer = teacher(images, training=False), teacher_file.run(images)
    for name, value in expected.items():
        np.testing.assert_allclose(answer[name], value, atol=1e-5)
    about = json.loads((folder / "frozen/teacher.json").read_text())
    assert (about["model_name"], about["image_size"], about["label_names"]) == (
        "efficientdet-lite0",
        [SIZE, SIZE],
        list(LABELS),
    )
    assert about["anchors"]["count"] == len(teacher.anchors)


def test_a_teacher_with_the_students_own_weights_leaves_nothing_to_imitate(model):
    folder, teacher = model
    distiller = OfflineTeacher(opened(folder), teacher, SoftLossConfig())
    images = tf.random.stateless_normal((2, SIZE, SIZE, 3), seed=(1, 2))
    taught = distiller.teach(batch(), images)
    targets = {"class_targets": tf.zeros(taught["class_logits"].shape[:2], tf.int32)}
    losses = distiller.losses(
        teacher(images, training=False), taught, targets, {"num_positives": tf.constant(1.0)}
    )
    assert [float(value) for value in losses.values()] == pytest.approx([0.0, 0.0], abs=1e-3)


def test_steps_with_a_frozen_teacher_bring_the_soft_losses_down_and_parts_change_nothing(
    model, without_graphs
):
    folder, _ = model
    teacher_file = opened(folder)
    figures = {}
    for parts in (1, 2):
        detector = student()
        for (
            layer
        ) in detector.layers:  # batch statistics of one picture are others than those of two
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
        trainer = trainer_of(
            detector, OfflineTeacher(teacher_file, detector, SoftLossConfig()), parts=parts
        )
        figures[parts] = [
            {name: float(value) for name, value in trainer.train_step(batch()).items()}
            for _ in range(3)
        ]
    assert figures[1][-1]["loss_soft_box"] < figures[1][0]["loss_soft_box"]
    for name, value in figures[1][0].items():
        assert figures[2][0][name] == pytest.approx(value, rel=1e-3), name


def test_a_teacher_of_another_size_sees_the_pictures_enlarged_with_their_border_where_it_was(
    larger, pupil
):
    distiller = OfflineTeacher(opened(larger), pupil, SoftLossConfig())
    assert "teacher efficientdet-lite0 at 96x96" in distiller.describe()
    images = tf.concat([tf.ones((1, SIZE, 32, 3)), tf.zeros((1, SIZE, 32, 3))], axis=2)
    seen = distiller._pictures(batch(), images)
    assert seen.shape == (1, 96, 96, 3)
    assert float(tf.reduce_min(seen[:, :, :47])) == pytest.approx(1.0)
    assert float(tf.reduce_max(tf.abs(seen[:, :, 49:]))) == pytest.approx(0.0, abs=1e-6)
    assert distiller.teach(batch(), images)["class_logits"].shape == (
        1,
        len(pupil.anchors),
        len(LABELS),
    )


def test_what_a_teacher_of_another_size_tells_is_evaluated_on_the_students_own_pictures_and_anchors(
    larger, pupil
):
    distiller = OfflineTeacher(opened(larger), pupil, SoftLossConfig())
    told, pictures = distiller.as_detector, batch()
    assert (told.image_size, told.preset.mean) == (pupil.image_size, pupil.preset.mean)
    np.testing.assert_array_equal(told.anchors, pupil.anchors)
    images = network_input(
        pictures["images"], pictures["extent"], told.preset.mean, told.preset.std
    )
    expected = distiller.teach(pictures, images)
    for name in ("class_logits", "box_deltas"):
        np.testing.assert_array_equal(told(images)[name], expected[name])


def test_remembered_answers_come_back_by_sample(model, pupil):
    folder, teacher = model
    distiller = OfflineTeacher(opened(folder), pupil, SoftLossConfig())
    pictures = {
        name: value
        for name, value in batch().items()
        if name in ("images", "extent", "sample_index")
    }
    remembered = distiller.remembered(tf.data.Dataset.from_tensor_slices(pictures).batch(1), 2)
    found = next(iter(remembered.beside(tf.data.Dataset.from_tensors(pictures))))
    anew = distiller.teach(
        pictures, tf.cast(pictures["images"], tf.float32) / 128.0 - 127.0 / 128.0
    )
    again = distiller.teach(found, None)
    assert found["teacher_class_logits"].shape == (2, len(pupil.anchors), 2)
    np.testing.assert_allclose(again["class_logits"][0], anew["class_logits"][0], atol=0.02)


def test_outputs_too_large_to_remember_are_computed_anew(model, pupil, caplog):
    distiller = OfflineTeacher(opened(model[0]), pupil, SoftLossConfig())
    with caplog.at_level(logging.INFO):
        assert distiller.remembered(None, 10**9) is None
    assert "too much to remember" in caplog.text


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (("dog", "cat"), "found the same classes in another order, cat, dog"),
        (("cat", "cow"), "found other classes, cat, dog"),
    ],
)
def test_other_classes_are_refused(model, labels, text):
    with pytest.raises(
        DataError, match=f"expected a teacher of {', '.join(labels)}, the dataset's classes, {text}"
    ):
        opened(model[0]).check_labels(labels)


def test_the_wrong_level_of_folder_is_named(model, tmp_path):
    folder, _ = model
    with pytest.raises(DataError, match=f"found the job's folder {folder.parent}; give {folder}"):
        opened(folder.parent)
    with pytest.raises(
        DataError, match=f"found the folder frozen itself, .*give the folder above it, {folder}"
    ):
        opened(folder / "frozen")
    with pytest.raises(DataError, match="found nothing at .*check the path"):
        opened(tmp_path / "nowhere")
    with pytest.raises(
        DataError,
        match="found an empty folder in .*give the folder model/ of the teacher's train_url",
    ):
        opened(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(
        DataError,
        match="without a frozen graph.*run the teacher's job again with --export_teacher_model=True",
    ):
        opened(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "teacher.pb").write_bytes(b"not a graph"),
        lambda folder: (folder / "teacher.json").write_text("{}"),
        lambda folder: (folder / "teacher.json").write_text(
            (folder / "teacher.json").read_text().replace('"dog"', '"dog", "cow"')
        ),
    ],
)
def test_a_damaged_teacher_is_refused_before_training(model, tmp_path, damage):
    for name in ("teacher.pb", "teacher.json"):
        (tmp_path / "frozen").mkdir(exist_ok=True)
        (tmp_path / "frozen" / name).write_bytes((model[0] / "frozen" / name).read_bytes())
    damage(tmp_path / "frozen")
    with pytest.raises(
        DataError,
        match="found them damaged .*run the teacher's job again with --export_teacher_model=True",
    ):
        opened(tmp_path)
