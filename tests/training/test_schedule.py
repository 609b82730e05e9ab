"""The learning rate at the points that matter."""

import pytest
import tensorflow as tf

from algorithm.training.schedule import DetectionSchedule, ScheduleConfig


def schedule(batch=64, steps=10, epochs=10, **config):
    return DetectionSchedule(
        ScheduleConfig(**config), global_batch=batch, steps_per_epoch=steps, epochs=epochs
    )


def test_cosine_runs_from_the_end_of_the_warm_up_to_zero_at_the_last_step():
    rate = schedule()
    assert float(rate(0)) == pytest.approx(0.008)
    assert float(rate(5)) == pytest.approx(0.008 + (0.08 - 0.008) / 2)
    assert float(rate(10)) == pytest.approx(0.08)
    assert float(rate(10 + 89 / 2)) == pytest.approx(0.04, rel=1e-3)
    assert float(rate(99)) == pytest.approx(0.0, abs=1e-8)


def test_the_rate_never_rises_after_the_warm_up():
    rates = [float(schedule()(step)) for step in range(10, 100)]
    assert rates == sorted(rates, reverse=True)


def test_both_ends_of_the_warm_up_scale_with_the_batch():
    small = schedule(batch=8)
    assert float(small(0)) == pytest.approx(0.001)
    assert float(small(10)) == pytest.approx(0.01)


def test_stepwise_drops_at_the_two_epochs():
    rate = schedule(decay="stepwise", first_drop_epoch=4, second_drop_epoch=8)
    assert [round(float(rate(step)), 6) for step in (39, 40, 79, 80)] == [
        0.08,
        0.008,
        0.008,
        0.0008,
    ]


def test_polynomial_and_constant():
    assert float(schedule(decay="polynomial", power=1.0)(10 + 89)) == pytest.approx(0.0, abs=1e-8)
    assert float(schedule(decay="constant")(99)) == pytest.approx(0.08)


def test_a_job_shorter_than_its_warm_up_still_comes_down():
    rate = schedule(epochs=1)
    assert float(rate(5)) == pytest.approx(0.08)
    assert float(rate(9)) == pytest.approx(0.0, abs=1e-8)


def test_a_schedule_of_another_length_is_as_one_that_had_it_from_the_start():
    changed = DetectionSchedule(
        ScheduleConfig(), global_batch=64, steps_per_epoch=10, epochs=10, changes=True
    )
    compiled = tf.function(changed)
    step = tf.Variable(150)
    assert float(compiled(step)) == pytest.approx(0.0, abs=1e-8)
    changed.plan_anew(300, 150)
    longer = schedule(epochs=30)
    assert (
        float(compiled(step)) == pytest.approx(float(longer(150)), rel=1e-5)
        and changed.total == 300
    )
    changed.plan_anew(12, 4)  # a warm-up is half of the steps at most
    assert float(compiled(tf.constant(6))) == pytest.approx(0.08)


def test_a_warm_up_that_is_over_stays_over():
    changed = DetectionSchedule(
        ScheduleConfig(warmup_epochs=5), global_batch=64, steps_per_epoch=10, epochs=2, changes=True
    )
    changed.plan_anew(1000, 15)
    assert float(changed(15)) == pytest.approx(0.08, rel=1e-3)
