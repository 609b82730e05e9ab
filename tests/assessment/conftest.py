"""Records built by hand or at random for the assessment's tests."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

LABELS = ("猫", "dog")
VOC = (
    "<annotation><filename>{name}</filename><size><width>60</width><height>40</height><depth>3</depth></size>{objects}"
    "</annotation>"
)
OBJECT = (
    "<object><name>{name}</name><bndbox><xmin>{box[1]}</xmin><ymin>{box[0]}</ymin><xmax>{box[3]}</xmax><ymax>{box[2]}</ymax>"
    "</bndbox></object>"
)


def saved_model(folder, name="serving_default", outputs=None):
    """A SavedModel that sees a cat in the upper left quarter (0.9) and a dog all over (0.6) in every picture."""
    import tensorflow as tf

    module = tf.Module()

    def serve(images):
        height, width = (tf.cast(tf.shape(images)[axis], tf.float32) for axis in (1, 2))
        boxes = tf.stack(
            [
                tf.stack([0.0, 0.0, height / 2, width / 2]),
                tf.stack([0.0, 0.0, height, width]),
                tf.zeros(4),
            ]
        )
        found = {
            "detection_boxes": boxes[None],
            "detection_classes": tf.constant([[1.0, 2.0, 0.0]]),
            "detection_scores": tf.constant([[0.9, 0.6, 0.0]]),
            "num_detections": tf.constant([2.0]),
        }
        return {key: found[key] for key in outputs or found}

    module.serve = tf.function(
        serve, input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, "images")]
    )
    tf.saved_model.save(module, str(folder), signatures={name: module.serve})
    return folder


@pytest.fixture
def write_saved_model():
    """The function saved_model(folder, name, outputs)."""
    return saved_model


@pytest.fixture(scope="session")
def packaged_model(tmp_path_factory):
    """A model folder as export writes it, around saved_model's detector; not to be written into."""
    from algorithm.export.model_folder import package_model

    root = tmp_path_factory.mktemp("packaged")
    return package_model(
        saved_model(root / "saved"), root / "out" / "model", label_names=LABELS, metrics={"f1": 0.1}
    )


@pytest.fixture
def model_dir(packaged_model, tmp_path):
    """A copy of packaged_model that a test may write into."""
    return shutil.copytree(packaged_model, tmp_path / "out" / "model")


@pytest.fixture
def dataset(tmp_path):
    """A manifest of 30 EVAL pictures, 60 x 40: each has a cat where the model sees one, every third a dog in the lower right
    corner, where it sees none; and one TRAIN picture."""
    return write_dataset(tmp_path / "data", ["EVAL"] * 30 + ["TRAIN"])


def write_dataset(folder, usages, names=LABELS):
    folder.mkdir()
    rng, lines = np.random.default_rng(0), []
    for place, usage in enumerate(usages):
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(
            folder / f"{place}.png"
        )
        objects = [OBJECT.format(name=names[0], box=(0, 0, 20, 30))]
        objects += [OBJECT.format(name=names[1], box=(25, 40, 38, 58))] if place % 3 == 0 else []
        (folder / f"{place}.xml").write_text(
            VOC.format(name=f"{place}.png", objects="".join(objects)), "utf-8"
        )
        lines.append(
            json.dumps(
                {
                    "source": f"{place}.png",
                    "usage": usage,
                    "annotation": [
                        {
                            "type": "modelarts/object_detection",
                            "annotation-loc": f"{place}.xml",
                            "annotation-format": "PASCAL VOC",
                        }
                    ],
                }
            )
        )
    (folder / "set.manifest").write_text("\n".join(lines), "utf-8")
    return folder / "set.manifest"


@pytest.fixture(scope="session")
def make_dataset():
    """The function write_dataset(folder, usages, names)."""
    return write_dataset
