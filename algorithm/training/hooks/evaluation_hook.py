"""When the weights are evaluated, and what follows from the figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from algorithm.evaluation.coco_metrics import Evaluation
from algorithm.evaluation.evaluator import Evaluator
from algorithm.training import stop_requests
from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.log_forms.log_form import PEER, TEACHER, Evaluated


class EvaluateHook(Hook):
    """Evaluates the moving averages, or the weights where there are none, and archives the best.

    Args:
        evaluator: The student's; None on machines other than the chief, which only hear the score.
        archive: Keeps the student's present weights where these figures are the best so far.
        listeners: Hooks that are told of each evaluation.
        peers: Evaluators of the networks that learn along.
        teacher: Evaluator of a frozen teacher, which is looked at once, before training.
        from_chief: Returns the chief's score, on every machine; NaN where it is undefined.
        metric: Whose AP is the score, see Evaluation.score_of.
    """

    def __init__(
        self,
        evaluator: Evaluator | None,
        archive: Callable[[TrainingRun, Evaluation], None],
        listeners: Sequence[Hook],
        *,
        peers: Sequence[Evaluator] = (),
        teacher: Evaluator | None = None,
        from_chief: Callable[[float], float] = float,
        metric: str = "bbox",
    ) -> None:
        self._evaluator, self._archive, self._listeners = evaluator, archive, listeners
        self._peers, self._teacher = peers, teacher
        self._from_chief, self._metric = from_chief, metric

    def before_training(self, run: TrainingRun) -> None:
        """Tell what the teacher is worth on the evaluation pictures as the student sees them."""
        if self._teacher:
            self._evaluated(run, self._teacher, TEACHER)

    def after_epoch(self, run: TrainingRun) -> None:
        """Evaluate where it is due, and note the AP in the progress of the run."""
        if not run.plan.evaluates(run.epoch):
            return
        score = self._evaluate(run, self._evaluator) if self._evaluator else math.nan
        stop_requests.check(" after an evaluation")
        run.progress.evaluated(self._from_chief(score))

    def _evaluate(self, run: TrainingRun, evaluator: Evaluator) -> float:
        with run.trainer.averaged_weights():
            evaluation = self._evaluated(run, evaluator)
            for peer in self._peers:
                self._evaluated(run, peer, PEER)
            with stop_requests.deferred():
                self._archive(run, evaluation)
        return evaluation.score_of(self._metric)

    def _evaluated(self, run: TrainingRun, evaluator: Evaluator, network: str = "") -> Evaluation:
        evaluation, pictures = evaluator.run()
        masks = evaluation.masks
        evaluated = Evaluated(
            run.epoch,
            run.plan.epochs,
            run.step,
            evaluation.metrics,
            evaluation.summary,
            *evaluator.seconds,
            evaluator.batches,
            network,
            masks.metrics if masks else {},
            masks.summary if masks else "",
        )
        for listener in self._listeners:
            listener.after_evaluation(run, evaluated, [] if network else pictures)
        return evaluation
