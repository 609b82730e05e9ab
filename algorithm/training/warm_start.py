"""Starting weights other than a resumed checkpoint's."""

from __future__ import annotations

from pathlib import Path

from algorithm.hyperparameters import Hyperparameters
from algorithm.models.detector import Detector
from algorithm.models.weights import load_weights
from algorithm.storage import stage_in


def warm_start(hp: Hyperparameters, detector: Detector, scratch: Path) -> str:
    """Loads what `pretrained` asks for into the detector and says what was done, in words for the log."""
    if hp.pretrained == "none":
        return "TRAINING FROM SCRATCH (pretrained=none): random weights; small datasets want pretrained ones"
    return load_weights(detector, stage_in(hp.pretrained, scratch), hp.fine_tune_checkpoint_type).summary()


def freezes_batch_norm(hp: Hyperparameters) -> bool:
    """Whether batch-norm parameters and statistics stay as loaded."""
    return hp.freeze_bn == "true"
