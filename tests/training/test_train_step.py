"""The train step on other devices and in other formats: compiled as a whole, in loops, in 16 bits, piece by piece."""

import dataclasses
import re

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.kernels import get_registered_kernels_for_op

from algorithm.models import build_detector, zoo
from algorithm.training.devices.precision import LossScale, computing
from algorithm.training.optimizers import make_optimizer
from algorithm.training.trainer import TrainConfig, Trainer

SIZE = 64


@pytest.fixture(scope="module", autouse=True)
def small_presets():
    """The layers of efficientdet-d0 (swish, squeeze-and-excite, weighted fusion), fewer and thinner, with stochastic depth."""
    row = zoo.PRESETS["efficientdet-d0"]
    backbone = zoo.BACKBONES[row.backbone]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            zoo.PRESETS,
            row.name,
            dataclasses.replace(row, fpn_channels=16, fpn_cells=1, head_repeats=1),
        )
        patch.setitem(
            zoo.BACKBONES,
            row.backbone,
            dataclasses.replace(backbone, width=0.3, depth=0.5, survival_probability=0.8),
        )
        yield


def batch(seed=0):
    rng = np.random.default_rng(seed)
    boxes = np.array(
        [[[8, 8, 40, 40], [0, 0, 0, 0]], [[20, 24, 60, 56], [4, 4, 30, 30]]], np.float32
    )
    return {
        "images": tf.constant(rng.integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)),
        "boxes": tf.constant(boxes),
        "extent": tf.constant([[SIZE, SIZE], [SIZE, 40]]),
        "labels": tf.constant([[0, -1], [1, 2]], tf.int32),
        "sample_index": tf.constant([2 * seed, 2 * seed + 1]),
    }


def made(survival_probability=None, **config):
    tf.keras.utils.set_random_seed(1)
    detector = build_detector("efficientdet-d0", 3, SIZE, survival_probability=survival_probability)
    return Trainer(
        detector, make_optimizer("adam", 1e-3, 0.9), TrainConfig(moving_average_decay=0.9, **config)
    )


def batches(count):
    rows = [batch(seed) for seed in range(count)]
    return iter(
        tf.data.Dataset.from_tensor_slices(
            {name: tf.stack([row[name] for row in rows]) for name in rows[0]}
        )
    )


@pytest.fixture(scope="module")
def trained():
    """A trainer after three steps as they are made by default, their figures, and its state then."""
    trainer = made()
    stream = batches(3)
    figures = [trainer.train_steps(stream, 1)[0] for _ in range(3)]
    assert trainer._train_step.experimental_get_tracing_count() == 1
    joined = {name: np.concatenate([row[name] for row in figures]) for name in figures[0]}
    return trainer, joined, trainer.snapshot()


@pytest.fixture(scope="module")
def plain(trained):
    """Figures and state after three steps as they are made by default."""
    return trained[1:]


@pytest.fixture(scope="module")
def step_graph(trained):
    """The graph of those steps."""
    trainer = trained[0]
    with trainer._tracing():
        found = trainer._train_step.get_concrete_function(network_batch(), 1)
    assert trainer._train_step.experimental_get_tracing_count() == 1
    return found.graph


def network_batch():
    """What of a batch goes to the device."""
    return {name: value for name, value in batch().items() if name != "sample_index"}


def test_every_operation_of_a_step_has_a_kernel_for_gpus(step_graph):
    """The wheel of TensorFlow for Linux is built with CUDA: it knows its GPU kernels without a GPU."""
    if not tf.test.is_built_with_cuda():
        pytest.skip("this build of TensorFlow registers no GPU kernels")
    assert "GPU" in devices_of("Conv2D") and devices_of("DecodeJpeg") == {"CPU"}
    operations = operations_of(step_graph)
    assert {"FusedBatchNorm", "DepthwiseConv2dNativeBackpropFilter"} <= operations
    operations |= {"FusedBatchNormV3", "FusedBatchNormGradV3"}  # in place of the older ones there
    without = {name for name in operations if not devices_of(name) & {"GPU", "DEFAULT"}}
    assert without == set()


def test_a_step_never_goes_through_python_or_strings(step_graph):
    operations = operations_of(step_graph)
    host = re.compile(
        r"PyFunc|String|Print|Summary|Decode|ReadFile|Send|Recv|Infeed|Outfeed|Where$"
    )
    assert not sorted(filter(host.search, operations))


@pytest.mark.slow
def test_the_whole_step_becomes_hlo_with_static_shapes(trained):
    """What XLA takes for a GPU or a TPU, not yet compiled: that takes minutes."""
    step = tf.function(trained[0].replica_step, jit_compile=True, autograph=False)
    text = step.experimental_get_compiler_ir(network_batch(), 1)(stage="hlo")
    assert text.startswith("HloModule") and "convolution(" in text
    assert not re.search(r"\[(\d+,)*<=\d+", text)  # how a size that is not static is written
    assert not re.search(r" (infeed|outfeed|send|recv)\(", text)


def operations_of(graph):
    """The kinds of operations of a graph and of all functions it calls."""
    definition = graph.as_graph_def()
    functions = (node for each in definition.library.function for node in each.node_def)
    return {node.op for node in (*definition.node, *functions)}


def devices_of(name):
    return {kernel.device_type for kernel in get_registered_kernels_for_op(name).kernel}


def test_a_loop_of_steps_is_the_steps_and_is_traced_once(plain):
    trainer = made()
    stream = batches(6)
    figures, seen = trainer.train_steps(stream, 3)
    for name, values in plain[0].items():
        np.testing.assert_array_equal(figures[name], values, err_msg=name)
    for name, value in trainer.snapshot().items():
        np.testing.assert_array_equal(value, plain[1][name], err_msg=name)
    assert seen.tolist() == [[0, 1], [2, 3], [4, 5]]
    trainer.train_steps(stream, 2)
    assert trainer._train_steps.experimental_get_tracing_count() == 1
    assert trainer.step == 5


@pytest.mark.slow
@pytest.mark.soak
def test_the_whole_step_compiles_with_static_shapes_as_a_tpu_needs_it(monkeypatch):
    """With one block in each stage: with two, the compiler takes 4.3 GiB."""
    name = zoo.PRESETS["efficientdet-d0"].backbone
    shallow = dataclasses.replace(zoo.BACKBONES[name], depth=0.1)
    monkeypatch.setitem(zoo.BACKBONES, name, shallow)
    expected = made(survival_probability=1.0).train_step(
        batch()
    )  # compilers have random numbers of their own
    trainer = made(survival_probability=1.0)
    step = tf.function(trainer.replica_step, jit_compile=True)
    given = network_batch()
    figures = step(given)
    assert float(figures["loss"]) == pytest.approx(float(expected["loss"]), rel=1e-5)
    assert float(figures["gradient_norm"]) == pytest.approx(
        float(expected["gradient_norm"]), rel=1e-3
    )
    assert trainer.step == 1
    broken = trainer.named["class_net/class-predict/bias"]
    broken.assign(broken.value * np.nan)
    before = trainer.named["box_net/box-predict/bias"].numpy()
    assert np.isnan(float(step(given)["loss"]))
    assert trainer.step == 2
    np.testing.assert_array_equal(trainer.named["box_net/box-predict/bias"].numpy(), before)


@pytest.mark.slow
def test_recomputed_pieces_give_the_same_step_also_where_they_draw_random_numbers(plain):
    trainer = made(recompute=True)
    figures, _ = trainer.train_steps(batches(3), 3)
    np.testing.assert_allclose(figures["loss"], plain[0]["loss"], rtol=1e-4)
    np.testing.assert_allclose(figures["gradient_norm"][0], plain[0]["gradient_norm"][0], rtol=1e-3)
    seeds = [name for name in plain[1] if name.startswith("random/")]
    assert seeds
    after = trainer.snapshot()
    for name in seeds:
        np.testing.assert_array_equal(after[name], plain[1][name])


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", pytest.param("float16", marks=pytest.mark.soak)])
def test_sixteen_bits_train_and_leave_the_detector_in_float32(plain, precision, request):
    if precision == "bfloat16":
        request.getfixturevalue("without_graphs")
    trainer = made(precision=precision)
    inputs = tf.random.stateless_normal((1, SIZE, SIZE, 3), seed=(1, 2))
    before = trainer.detector(inputs)["class_logits"].numpy()
    with computing(trainer.detector, precision):
        rough = trainer.detector(inputs)["class_logits"]
    assert rough.dtype == tf.float32
    assert 0 < np.abs(rough - before).max() < 0.2
    np.testing.assert_array_equal(trainer.detector(inputs)["class_logits"].numpy(), before)
    stream = batches(4)
    figures = [
        {name: value[0] for name, value in trainer.train_steps(stream, 1)[0].items()}
        for _ in range(3)
    ]
    np.testing.assert_allclose(
        [row["cls_loss"] for row in figures], plain[0]["cls_loss"], rtol=0.05
    )
    state = trainer.snapshot()
    assert all(value.dtype != tf.as_dtype(precision).as_numpy_dtype for value in state.values())
    assert ("loss_scale" in figures[0]) == (precision == "float16")
    if precision == "float16":
        an_overflow_changes_nothing_but_the_scale(trainer, stream)


def an_overflow_changes_nothing_but_the_scale(trainer, stream):
    trainer.loss_scale.value.assign(2.0**24)
    before = trainer.snapshot()
    figures, _ = trainer.train_steps(stream, 1)
    assert np.isfinite(figures["loss"][0]) and not np.isfinite(figures["gradient_norm"][0])
    after = trainer.snapshot()
    assert {name for name in before if not np.array_equal(before[name], after[name])} == {
        "global_step",
        "optimizer/iteration",
        "loss_scale/value",
        "loss_scale/good_steps",
    }
    assert float(after["loss_scale/value"]) == 2.0**23


def test_the_loss_scale_halves_at_an_overflow_and_doubles_after_many_good_steps():
    scale = LossScale("float16")
    scale.update(tf.constant(False))
    assert float(scale.value) == 2.0**14
    scale.good_steps.assign(1998)
    scale.update(tf.constant(True))
    assert (float(scale.value), int(scale.good_steps)) == (2.0**14, 1999)
    scale.update(tf.constant(True))
    assert (float(scale.value), int(scale.good_steps)) == (2.0**15, 0)
    scale.value.assign(1.0)
    scale.update(tf.constant(False))
    assert float(scale.value) == 1.0
    assert LossScale("bfloat16").variables == {} and set(scale.variables) == {
        "loss_scale/value",
        "loss_scale/good_steps",
    }
