"""A teacher as a file: the frozen graph of a detector's raw outputs, and a description in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from algorithm.distillation.soft_losses import AnchorGeometry
from algorithm.errors import DataError, first_line
from algorithm.models.detector import Detector
from algorithm.storage import children, info, is_folder, stage_in
from algorithm.storage.atomic_files import write_bytes, write_json

FOLDER = "frozen"
GRAPH = "teacher.pb"
DESCRIPTION = "teacher.json"
PARTS = (f"{FOLDER}/{GRAPH}", f"{FOLDER}/{DESCRIPTION}")
SAVED_MODEL = "saved_model.pb"
_OUTPUTS = ("class_logits", "box_deltas")


def freeze_graph(detector: Detector, folder: Path, label_names: tuple[str, ...]) -> Path:
    """Write GRAPH and DESCRIPTION into a folder.

    The graph takes normalised pictures float32 [B, H, W, 3].

    Args:
        detector: The network to freeze.
        folder: The folder to write into.
        label_names: Names of the classes, class 1 first.

    Returns:
        The folder.
    """

    @tf.function(autograph=False)
    def call(images: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = detector(images, training=False)
        return {name: tf.identity(outputs[name], name) for name in _OUTPUTS}

    concrete = call.get_concrete_function(
        tf.TensorSpec((None, *detector.image_size, 3), tf.float32, "images")
    )
    frozen = convert_variables_to_constants_v2(concrete)
    outputs = dict(zip(sorted(_OUTPUTS), (tensor.name for tensor in frozen.outputs), strict=True))
    preset = detector.preset
    write_bytes(folder / GRAPH, frozen.graph.as_graph_def().SerializeToString(), durable=True)
    write_json(
        folder / DESCRIPTION,
        {
            "model_name": preset.name,
            "image_size": list(detector.image_size),
            "input": {
                "tensor": frozen.inputs[0].name,
                "channels": "RGB",
                "mean": list(preset.mean),
                "std": list(preset.std),
                "placement": "top left, aspect kept, zeros after normalising elsewhere",
            },
            "outputs": {name: {"tensor": outputs[name]} for name in _OUTPUTS},
            "label_names": list(label_names),
            "anchors": {
                "min_level": preset.min_level,
                "max_level": preset.max_level,
                "anchor_scale": preset.anchor_scale,
                "box_format": "ty, tx, th, tw against anchors in ymin, xmin, ymax, xmax",
                "count": len(detector.anchors),
            },
        },
    )
    return folder


def missing_teacher_parts(model: str | Path) -> list[str]:
    """Return those of PARTS that a model folder, local or in a store, lacks."""
    return [part for part in PARTS if info(f"{model}/{part}") is None]


@dataclass(frozen=True)
class FrozenTeacher:
    """A frozen graph that was opened.

    Attributes:
        name: The model's name.
        run: Takes normalised pictures float32 [B, H, W, 3] and returns {"class_logits",
            "box_deltas"}, float32.
        mean: The mean of the normalisation, in grey levels.
        std: The deviation of the normalisation, in grey levels.
        geometry: The input size and the anchors.
        label_names: Names of the classes, class 1 first.
    """

    name: str
    run: Any
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    geometry: AnchorGeometry
    label_names: tuple[str, ...]

    @classmethod
    def open(cls, model: str, scratch: Path) -> FrozenTeacher:
        """Open the teacher in a model folder.

        Args:
            model: The folder, local or in a store.
            scratch: The folder that the teacher's two files are copied to.

        Returns:
            The teacher.

        Raises:
            DataError: The folder is one of another level, has no frozen graph, or it is damaged.
        """
        model = model.rstrip("/")
        _check_level(model)
        folder = [stage_in(f"{model}/{part}", scratch) for part in PARTS][0].parent
        try:
            about = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            anchors = about["anchors"]
            geometry = AnchorGeometry(
                tuple(about["image_size"]),
                anchors["min_level"],
                anchors["max_level"],
                anchors["anchor_scale"],
            )
            run = _loaded(
                folder / GRAPH,
                about["input"]["tensor"],
                {name: about["outputs"][name]["tensor"] for name in _OUTPUTS},
            )
            teacher = cls(
                about["model_name"],
                run,
                tuple(about["input"]["mean"]),
                tuple(about["input"]["std"]),
                geometry,
                tuple(about["label_names"]),
            )
            teacher.check_answer()
        except (ValueError, KeyError, TypeError, AttributeError, tf.errors.OpError) as error:
            raise DataError(
                "teacher_model_url: expected a frozen graph and its description in "
                f"{model}/{FOLDER}, found them damaged ({first_line(error)[:200]}); run the "
                "teacher's job again with --export_teacher_model=True"
            ) from error
        return teacher

    def check_answer(self) -> None:
        """Check that the graph answers for its anchors and classes, with finite numbers.

        Raises:
            ValueError: It does not.
        """
        answer = self.run(tf.zeros((1, *self.geometry.image_size, 3)))
        count = len(self.geometry.anchors())
        for name, size in zip(_OUTPUTS, (len(self.label_names), 4), strict=True):
            shape, finite = tuple(answer[name].shape), bool(np.isfinite(answer[name].numpy()).all())
            if shape != (1, count, size) or not finite:
                raise ValueError(
                    f"expected {name} of {(1, count, size)}, found "
                    f"{shape}{'' if finite else ', not all finite'}"
                )

    def check_labels(self, label_names: tuple[str, ...]) -> None:
        """Check that the student has the teacher's classes.

        Args:
            label_names: The student's classes, class 1 first.

        Raises:
            DataError: They are others, or in another order.
        """
        if tuple(label_names) == self.label_names:
            return
        what = (
            "the same classes in another order"
            if sorted(label_names) == sorted(self.label_names)
            else "other classes"
        )
        raise DataError(
            f"teacher_model_url: expected a teacher of {', '.join(label_names)}, the dataset's "
            f"classes, found {what}, {', '.join(self.label_names)}; train the teacher on this "
            "dataset"
        )


def _loaded(path: Path, source: str, outputs: dict[str, str]) -> Any:
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    # protobuf's DecodeError derives from Exception alone, in a module that is not public.
    except Exception as error:
        raise ValueError(f"{path.name} is no graph: {error}") from error
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    pruned = wrapped.prune(
        source, {name: wrapped.graph.as_graph_element(tensor) for name, tensor in outputs.items()}
    )
    return lambda images: pruned(images)


def _check_level(model: str) -> None:
    if not missing_teacher_parts(model):
        return
    parts = " and ".join(PARTS)
    where = f"teacher_model_url: expected the model folder of a teacher's job, with {parts}, found"
    above, _, name = model.rpartition("/")
    if name == FOLDER and info(f"{model}/{GRAPH}"):
        raise DataError(
            f"{where} the folder {FOLDER} itself, {model}; give the folder above it, {above}"
        )
    if not missing_teacher_parts(f"{model}/model") or info(f"{model}/model/{SAVED_MODEL}"):
        raise DataError(f"{where} the job's folder {model}; give {model}/model")
    if not is_folder(model):
        raise DataError(f"{where} nothing at {model}; check the path")
    if info(f"{model}/{SAVED_MODEL}"):
        raise DataError(
            f"{where} a model folder without a frozen graph, {model}; run the teacher's job again "
            "with --export_teacher_model=True and the same train_url"
        )
    folders, files = children(model)
    raise DataError(
        f"{where} {', '.join([*folders, *files][:6]) or 'an empty folder'} in {model}; "
        "give the folder model/ of the teacher's train_url"
    )
