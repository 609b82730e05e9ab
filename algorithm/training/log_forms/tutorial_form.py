"""The lines of the Cloud TPU RetinaNet tutorial."""

from __future__ import annotations

from algorithm.training.log_forms.coco_rows import accumulated
from algorithm.training.log_forms.log_form import Evaluated, Moment, is_due

_LOSSES = {
    "total_loss": "loss",
    "cls_loss": "cls_loss",
    "box_loss": "box_loss",
    "model_loss": "det_loss",
    "l2_regularization_loss": "l2_loss",
    "learning_rate": "learning_rate",
}


class TutorialForm:
    """The form of the Cloud TPU RetinaNet tutorial.

    A step is `Train Step: 10/10  / loss = {'total_loss': ...} / training metric = {...}`, an
    evaluation begins with `Accumulating evaluation results...`.
    """

    def step(self, moment: Moment, every: int) -> list[str]:
        """Return one line when it is due."""
        if not is_due(moment, every):
            return []
        losses = {name: moment.figures[ours] for name, ours in _LOSSES.items()}
        return [
            f"Train Step: {moment.step}/{moment.steps}  / loss = {losses} / training metric = "
            f"{losses}"
        ]

    def evaluation(self, evaluated: Evaluated) -> list[str]:
        """Return the rows and the lines that come before them."""
        return accumulated(evaluated)
