"""The lines of this project: the progress line of a step, and the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping

from algorithm.training.log_forms.log_form import Evaluated, Moment, clock_or_dash, is_due

# The figures of a step in the order of the log line. The detection loss, which shows learning,
# comes first with its parts; the L2 penalty, which hides it in the sum, stands by itself.
_LOGGED = (
    "det_loss",
    "cls_loss",
    "box_loss",
    "iou_loss",
    "mask_loss",
    "loss_soft_cls",
    "loss_soft_box",
    "peer_loss",
    "cross_loss",
    "l2_loss",
    "loss",
    "gradient_norm",
    "learning_rate",
)


def eval_line(epoch: int, epochs: int, step: int, metrics: Mapping[str, float | None]) -> str:
    """Return the line `eval epoch=2/10 step=30 AP=... AP50=... ...`.

    Args:
        epoch: The epoch it followed, 1-based.
        epochs: Epochs in all.
        step: Updates made before it.
        metrics: The figures by name; an undefined one becomes `-`.

    Returns:
        The line.
    """
    figures = [
        f"{name}={'-' if value is None else f'{value:.4f}'}" for name, value in metrics.items()
    ]
    return " ".join([f"eval epoch={epoch}/{epochs} step={step}", *figures])


class OwnForm:
    """This project's form.

    A step is `train epoch=2/10 step=30/200 det_loss=... l2_loss=... loss=... samples/s=...
    eta=h:mm:ss memory=...MiB`, an evaluation `eval epoch=2/10 step=30 AP=...`.
    """

    def step(self, moment: Moment, every: int) -> list[str]:
        """Return one line when it is due."""
        if not is_due(moment, every):
            return []
        parts = [f"train epoch={moment.epoch}/{moment.epochs} step={moment.step}/{moment.steps}"]
        parts += [
            f"{name}={moment.figures[name]:.6g}" for name in _LOGGED if name in moment.figures
        ]
        parts += [f"samples/s={moment.rate:.2f}", f"eta={clock_or_dash(moment.seconds_left)}"]
        if "memory_mib" in moment.figures:
            parts.append(f"memory={moment.figures['memory_mib']:.0f}MiB")
        return [" ".join(parts)]

    def evaluation(self, evaluated: Evaluated) -> list[str]:
        """Return a line of figures, `-` for an undefined one; with masks another of theirs."""
        place = evaluated.epoch, evaluated.epochs, evaluated.step
        masks = {f"segm_{name}": value for name, value in evaluated.mask_metrics.items()}
        tables = (evaluated.metrics, *([masks] if masks else []))
        return [eval_line(*place, figures) for figures in tables]
