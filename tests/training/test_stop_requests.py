"""SIGTERM: answered at once, or at the next safe place, and only once by itself."""

import contextlib
import ctypes
import os
import signal
import time

import pytest
import tensorflow as tf

from algorithm.errors import Stopped
from algorithm.training import stop_requests


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)
    return "went on"


def test_a_request_is_answered_at_once():
    before = signal.getsignal(signal.SIGTERM)
    with (
        pytest.raises(Stopped, match="stopped on request; run the same command again"),
        stop_requests.listening(),
    ):
        terminate()
    assert signal.getsignal(signal.SIGTERM) is before
    stop_requests.check()


def test_what_is_deferred_goes_on_to_the_next_check():
    with stop_requests.listening(), stop_requests.deferred():
        assert terminate() == "went on"
        assert stop_requests.asked()
        with pytest.raises(Stopped, match="stopped on request at step 3; run"):
            stop_requests.check(" at step 3")


def test_a_part_inside_may_be_answered_at_once_and_hears_what_waits():
    with stop_requests.listening(), stop_requests.deferred():
        with pytest.raises(Stopped), stop_requests.at_once():
            terminate()
        with pytest.raises(Stopped), stop_requests.at_once():
            pytest.fail("a request waits")


def test_a_second_request_does_not_disturb_the_answer_to_the_first():
    done = []
    with pytest.raises(Stopped), stop_requests.listening():
        try:
            terminate()
        finally:
            done.append(terminate())
    assert done == ["went on"]


def test_a_swallowed_answer_is_given_again_at_the_next_check():
    with stop_requests.listening():
        # What the standard library's logging does around a write.
        with contextlib.suppress(Exception):
            terminate()
        with pytest.raises(Stopped):
            stop_requests.check()


def test_an_answer_while_a_graph_is_traced_reads_as_any_other():
    @tf.function
    def traced():
        terminate()
        return tf.constant(1)

    with pytest.raises(Stopped) as raised, stop_requests.listening():
        traced()
    assert str(raised.value) == "stopped on request; run the same command again to go on"


def test_a_runtime_that_takes_the_signal_for_itself_does_not_keep_it():
    libc = ctypes.CDLL(None)
    with stop_requests.listening():
        libc.signal(signal.SIGTERM, ctypes.c_void_p(1))  # SIG_IGN, behind Python's back
        os.kill(os.getpid(), signal.SIGTERM)
        assert not stop_requests.asked()
        stop_requests.listen_on()
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)


@pytest.fixture
def keyboard():
    """Ctrl-C as in a terminal: a job in the background may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_is_a_request_too_and_a_second_one_ends_at_once(keyboard, capfd):
    with (
        pytest.raises(Stopped, match="stopped on request at step 3; run the same") as caught,
        stop_requests.listening(),
        stop_requests.deferred(),
    ):
        os.kill(os.getpid(), signal.SIGINT)
        assert "Ctrl-C again ends at once" in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        stop_requests.check(" at step 3")
    assert caught.value.exit_code == 130
    assert Stopped.exit_code == 143
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_ctrl_c_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_requests.listening():
            os.kill(os.getpid(), signal.SIGINT)
            assert not stop_requests.asked()
    finally:
        signal.signal(signal.SIGINT, before)
