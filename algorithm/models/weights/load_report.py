"""The report of a load of weights, tensor by tensor."""

from __future__ import annotations

from dataclasses import dataclass

from algorithm.models.weights.stored_tensors import BOX_PREDICTOR, CLASS_PREDICTOR


@dataclass(frozen=True)
class LoadReport:
    """Published names of tensors by what became of them.

    Attributes:
        matched: Assigned.
        skipped_shape: In both, with different shapes.
        missing: Wanted, not in the file.
        fresh: Left by the scope at their initial values.
        unused: In the file, not wanted.
        averaged: How many tensors of the file are moving averages.
        known_classes: Classes of the detector that took their rows of the class predictor from the
            file, by name.
    """

    path: str
    kind: str
    scope: str
    averaged: int
    matched: tuple[str, ...]
    skipped_shape: tuple[str, ...]
    missing: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]
    known_classes: tuple[str, ...] = ()

    def fresh_beside_pretrained(self, num_classes: int) -> tuple[str, ...]:
        """Return the tensors that begin from nothing in a detector that is pretrained otherwise.

        A class predictor counts as fresh unless all its classes are known by name.

        Args:
            num_classes: Classes of the detector.

        Returns:
            Their published names; none where only the backbone is pretrained.
        """
        if self.scope == "classification":
            return ()
        known = len(self.known_classes) == num_classes
        return tuple(
            name
            for name in (*self.fresh, *self.skipped_shape)
            if not (known and name.startswith(CLASS_PREDICTOR))
        )

    def summary(self) -> str:
        """Return one paragraph for the log."""
        averages = f", {self.averaged} of its tensors moving averages" if self.averaged else ""
        return (
            f"weights: {self.scope} from {self.path} ({self.kind}{averages}): {len(self.matched)} "
            f"tensors matched, {len(self.skipped_shape)} skipped for their shape, "
            f"{len(self.missing)} missing, {len(self.fresh)} left fresh, {len(self.unused)} of "
            f"the file unused. {self._predictors()}"
        )

    def _predictors(self) -> str:
        loaded = set(self.matched)
        words = [
            f"{word} predictor "
            f"{'loaded' if any(name.startswith(scope) for name in loaded) else 'starts fresh'}"
            for word, scope in (("Class", CLASS_PREDICTOR), ("box", BOX_PREDICTOR))
        ]
        known = (
            f" Known by name, so not fresh: {', '.join(self.known_classes)} (known_classes=False "
            "starts them fresh too)."
            if self.known_classes
            else ""
        )
        return f"{', '.join(words)}.{known}"
