"""What a job makes of its hyperparameters: the learning rates of parts of the network."""

import pytest

from algorithm.hyperparameters import parse
from algorithm.jobs.from_hyperparameters import _rate_factors
from algorithm.models import build_detector
from algorithm.models.variable_names import published_variables

PREDICTOR = "class_net/class-predict/bias"


@pytest.mark.parametrize(
    ("model", "hparams", "backbone", "predictor"),
    [
        ("efficientdet-lite0", "seed=0", 1.0, 16.0),
        ("efficientdet-lite0", "backbone_lr_factor=0.25,fresh_lr_factor=3", 0.25, 3.0),
        ("retinanet-mobilenet-v2", "backbone_lr_factor=0.5", 0.5, 16.0),
    ],
)
def test_backbone_and_fresh_layers_have_the_factors_that_were_asked_for(
    model, hparams, backbone, predictor
):
    hp = parse(["--data_url=in", "--train_url=out", f"--hparams={hparams}"])
    detector = build_detector(model, 2, 64)
    found = _rate_factors(hp, detector, "adam", (PREDICTOR,))
    names = [
        name
        for name in published_variables(detector)
        if name.startswith(("efficientnet-lite0/", "mobilenet-v2/"))
    ]
    assert found == {**dict.fromkeys(names, backbone), PREDICTOR: predictor}
    assert len(names) in (240, 255)
