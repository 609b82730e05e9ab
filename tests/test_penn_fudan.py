"""torchvision's fine-tuning tutorial: a folder of pictures and instance masks, the last ones for evaluation, its log lines."""

import dataclasses
import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from algorithm import train
from algorithm.models import PRESETS, zoo
from algorithm.training import gradients


@pytest.fixture
def thin(monkeypatch):
    """efficientdet-lite0 with fewer and thinner layers, without XLA."""
    monkeypatch.setattr(gradients, "CompiledAhead", tf.function)
    row = PRESETS["efficientdet-lite0"]
    monkeypatch.setitem(
        PRESETS, row.name, dataclasses.replace(row, fpn_channels=16, fpn_cells=1, head_repeats=1)
    )
    backbone = zoo.BACKBONES[row.backbone]
    monkeypatch.setitem(
        zoo.BACKBONES, row.backbone, dataclasses.replace(backbone, width=0.3, depth=0.2)
    )


def write_set(folder: Path, count: int) -> Path:
    """Noise with one to three bright walkers each, and a mask that numbers them."""
    rng = np.random.default_rng(0)
    for directory in ("PNGImages", "PedMasks"):
        (folder / directory).mkdir(parents=True)
    for number in range(1, count + 1):
        shape = (96, 72) if number % 2 else (72, 96)
        picture, mask = rng.integers(0, 90, (*shape, 3), np.uint8), np.zeros(shape, np.uint8)
        for walker in range(1, 1 + rng.integers(1, 4)):
            top, left = rng.integers(0, 30), (walker - 1) * 24 + rng.integers(0, 8)
            mask[top : top + 36, left : left + 14] = walker
        picture[mask > 0] += 120
        Image.fromarray(picture).save(folder / "PNGImages" / f"FudanPed{number:05d}.png")
        Image.fromarray(mask).save(folder / "PedMasks" / f"FudanPed{number:05d}_mask.png")
    return folder


@pytest.mark.soak
def test_the_tutorial(thin, tmp_path, caplog):
    data = write_set(tmp_path / "PennFudanPed", 14)
    with caplog.at_level(logging.INFO, logger="algorithm"):
        assert (
            train.main(
                [
                    f"--data_url={data}",
                    f"--train_url={tmp_path / 'out'}",
                    "--mode=train_and_eval",
                    "--model_name=efficientdet-lite0",
                    "--train_batch_size=2",
                    "--eval_batch_size=1",
                    "--num_epochs=2",
                    "--pretrained=none",
                    "--log_form=torchvision",
                    "--hparams=moving_average_decay=0,image_size=64,eval_last=4,aspect_ratio_group_factor=3,log_every_steps=2",
                ]
            )
            == 0
        )
    log = [record.getMessage() for record in caplog.records]
    number = r"\d+\.\d{4} \(\d+\.\d{4}\)"
    line = re.compile(
        rf"Epoch: \[(\d)\]  \[(\d)/5\]  eta: \d:\d\d:\d\d  lr: 0\.\d{{6}}  loss: {number}  loss_classifier: {number}  "
        rf"loss_box_reg: {number}  time: {number}  data: {number}  max mem: \d+"
    )
    found = [match.groups() for text in log if (match := line.fullmatch(text))]
    assert found == [("0", "0"), ("0", "2"), ("0", "4"), ("1", "0"), ("1", "2"), ("1", "4")]
    assert (
        sum(
            bool(
                re.fullmatch(r"Epoch: \[\d\] Total time: \d:\d\d:\d\d \(\d+\.\d{4} s / it\)", text)
            )
            for text in log
        )
        == 2
    )
    for start in (
        "Test:  [3/4]  eta: 0:00:00  model_time: ",
        "Test: Total time: ",
        "Averaged stats: model_time: ",
        "Accumulating evaluation results...",
        "IoU metric: bbox",
    ):
        assert sum(text.startswith(start) for text in log) == 2, start
    assert sum(text.startswith(" Average ") for text in log) == 24
    assert any("the last 4 of 14 samples evaluate" in text for text in log)
    assert json.loads((tmp_path / "out/model/index").read_text())["labels_list"] == ["pedestrian"]
    assert json.loads((tmp_path / "out/metrics.json").read_text())["images"] == 4
