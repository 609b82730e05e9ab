"""A time instead of epochs: with a clock that stands-in steps and evaluations move."""

import numpy as np
import pytest

from algorithm.training import loop
from algorithm.training.duration.plan import Plan
from algorithm.training.duration.time_budget import TimeBudget
from algorithm.training.hooks.early_stop_hook import EarlyStopHook
from algorithm.training.hooks.hook import Hook, TrainingRun
from algorithm.training.hooks.time_hook import TimeHook
from algorithm.training.run_state import Progress
from algorithm.training.schedule import DetectionSchedule, ScheduleConfig

COMPILING, EVALUATING = 20.0, 5.0


class FakeTrainer:
    """Counts steps."""

    step = 0


class FakeJob(Hook):
    """Makes steps and evaluations that take their time on a clock of its own.

    Args:
        epoch: Steps in an epoch.
        seconds: Takes the step and returns its seconds.
        evaluating: Seconds of an evaluation.
        killed_at: The step after which the process dies, or None.
        looks: Whether to note the rate of each step.
    """

    failing = 0

    def __init__(
        self, epoch=10, seconds=lambda step: 1.0, evaluating=EVALUATING, killed_at=None, looks=False
    ):
        self.epoch, self.seconds, self.evaluating = epoch, seconds, evaluating
        self.killed_at, self.now, self.compiled, self.looks = killed_at, 0.0, False, looks
        self.trainer, self.evaluations, self.saved_state, self.rates = FakeTrainer(), [], None, []

    def steps(self, stream, count):
        if self.trainer.step == self.killed_at:
            raise KeyboardInterrupt
        self.now += 0.0 if self.compiled else COMPILING
        self.compiled = True
        for _ in range(count):
            if self.looks:
                self.rates.append(float(self.schedule(self.trainer.step)))
            self.now += self.seconds(self.trainer.step)
            self.trainer.step += 1
        return [{"loss": 1.0}] * count

    def saved(self):
        pass

    def save_checkpoint(self, run):
        self.saved_state = (run.step, run.progress.as_state())

    def after_epoch(self, run):
        if run.plan.evaluates(run.epoch):
            self.evaluations.append(run.step)
            self.now += self.evaluating
            run.progress.evaluated(0.5)

    def train(self, minutes, *, every_epoch=True, guess=100, per_loop=1, patience=0, config=None):
        """Train as a job does, from the saved state where there is one; returns the run."""
        step, state = self.saved_state or (0, {})
        self.trainer.step, self.compiled, self.killed_at = step, False, self.killed_at
        progress = Progress.of(state)
        budget = TimeBudget(minutes, every_epoch, batch_size=8, eval_pictures=40)
        plan = Plan(guess, self.epoch, per_loop, evaluated=int(every_epoch))
        plan = budget.opening(plan, step, progress)
        self.schedule = DetectionSchedule(
            config or ScheduleConfig(),
            global_batch=64,
            steps_per_epoch=self.epoch,
            epochs=plan.epochs,
            steps=plan.steps,
            changes=True,
        )
        run = TrainingRun(self.trainer, plan, progress)
        clock = TimeHook(budget, self.schedule, seconds=lambda: self.now)
        hooks = [clock, self, EarlyStopHook(patience)]
        loop.fit(run, lambda step: iter(range(10**6)), self, hooks)
        return run


@pytest.mark.parametrize("every_epoch", [True, False])
@pytest.mark.parametrize("per_loop", [1, 7])
@pytest.mark.parametrize("guess", [1, 100000])
@pytest.mark.parametrize(
    "seconds",
    [
        lambda step: 0.5,
        lambda step: 0.1 if step < 20 else 0.7,  # the first batches were waiting
        lambda step: 0.4 if step < 700 else 0.8,  # another job came
        lambda step: 0.5 + 0.3 * (step % 3),
    ],
)
def test_it_ends_within_a_twentieth_of_the_time(seconds, guess, per_loop, every_epoch):
    job = FakeJob(seconds=seconds)
    run = job.train(15, guess=guess, per_loop=per_loop, every_epoch=every_epoch)
    assert job.now == pytest.approx(15 * 60, rel=0.05)
    assert run.progress.seconds == job.now and run.step == run.plan.steps
    assert job.evaluations[-1] == run.step and len(set(job.evaluations)) == len(job.evaluations)


def test_evaluations_take_a_fifth_at_most():
    job = FakeJob(epoch=5, evaluating=30.0)
    job.train(60)
    assert 0.1 < 30.0 * len(job.evaluations) / job.now <= 0.22  # the last comes when the time ends
    seldom = FakeJob(epoch=100, evaluating=5.0)
    run = seldom.train(60)
    assert len(seldom.evaluations) == run.plan.epochs  # few enough: after every epoch


def test_an_epoch_longer_than_the_time_ends_within():
    job = FakeJob(epoch=100000)
    run = job.train(5)
    assert job.now == pytest.approx(300, rel=0.05) and job.evaluations == [run.step]


def test_time_that_is_up_after_the_first_step_ends_with_its_evaluation(caplog):
    job = FakeJob()
    run = job.train(0.1)
    assert run.step == 1 and job.evaluations == [1]
    assert "over before the speed of a step was measured: compiling alone took 0.3" in caplog.text


@pytest.mark.parametrize("decay", ["cosine", "polynomial"])
def test_the_rate_falls_to_zero_at_the_real_end(decay):
    job = FakeJob(seconds=lambda step: 0.3 if step < 100 else 0.5, looks=True)
    job.train(4, config=ScheduleConfig(decay=decay))
    assert max(job.rates) == pytest.approx(0.08, rel=0.01)
    assert job.rates[-1] == pytest.approx(0.0, abs=1e-4)
    middle = job.rates[len(job.rates) // 2]
    assert 0.03 < middle < 0.06
    assert np.all(np.diff(job.rates[20:]) < 1e-3)


@pytest.mark.parametrize("killed_at", [1, 2, 55, 400, 700])
def test_a_killed_job_goes_on_with_what_is_left(killed_at):
    job = FakeJob(killed_at=killed_at)
    with pytest.raises(KeyboardInterrupt):
        job.train(20)
    step, state = job.saved_state or (0, {"seconds": 0.0})
    lost = job.now - state["seconds"]  # what came after the checkpoint is made again
    job.killed_at = None
    run = job.train(20)
    assert job.now - lost == pytest.approx(20 * 60, rel=0.05)
    assert run.progress.seconds == pytest.approx(20 * 60, rel=0.05) and run.step > step


def test_a_job_killed_in_its_last_evaluation_makes_that_again_and_no_step():
    job = FakeJob()
    run = job.train(20)
    made, state = run.step, job.saved_state
    again = FakeJob()
    again.saved_state = state
    assert again.train(20).step == made and again.evaluations == [made]


def test_a_finished_job_goes_on_with_more_time():
    job = FakeJob(looks=True)
    before = job.train(4).step
    run = job.train(8)
    assert run.progress.seconds == pytest.approx(8 * 60, rel=0.05)
    assert run.step > 1.5 * before
    assert job.rates[-1] == pytest.approx(0.0, abs=1e-4)


def test_time_after_epochs_begins_to_count_where_it_is_asked_for():
    """The first guess, of num_epochs, was over: the job would have ended at once."""
    job = FakeJob()
    job.saved_state = (300, {})
    run = job.train(5, guess=3)
    assert job.now == pytest.approx(300, rel=0.05) and run.step > 400


def test_early_stop_ends_before_the_time():
    job = FakeJob()
    run = job.train(60, patience=3)
    assert run.ending and len(job.evaluations) == 4 and run.step < run.plan.steps


def test_every_machine_takes_the_plan_of_the_chief():
    """Two clocks that differ must not give two plans: one machine would wait for the other."""
    told, plans = [], []
    for place, speed in enumerate((1.0, 3.0)):
        job, replies = FakeJob(seconds=lambda step, speed=speed: speed), iter(list(told))

        def agreed(own, place=place, replies=replies):
            told.append(own) if place == 0 else None
            return own if place == 0 else next(replies)

        budget = TimeBudget(10, True, 8, 40)
        plan = Plan(100, 10, evaluated=1)
        job.schedule = DetectionSchedule(
            ScheduleConfig(), global_batch=8, steps_per_epoch=10, epochs=100, changes=True
        )
        run = TrainingRun(job.trainer, plan, Progress())
        hook = TimeHook(budget, job.schedule, agreed, lambda job=job: job.now)
        loop.fit(run, lambda step: iter(range(10**6)), job, [hook, job])
        assert next(replies, None) is None
        plans.append((run.step, job.evaluations, run.plan))
    assert plans[0] == plans[1]


def test_the_plan_is_told_in_one_line(caplog):
    with caplog.at_level("INFO", "algorithm.training"):
        FakeJob().train(10)
    lines = [line for line in caplog.messages if "steps planned" in line]
    assert 1 <= len(lines) <= 3 and "num_epochs is not used" in lines[0]
    assert "train_minutes=10: trained for " in caplog.text
