"""SIGTERM: answered at once, or at the next safe place, and only once by itself."""

import ctypes
import os
import signal
import time

import pytest
import tensorflow as tf

from algorithm.errors import Stopped
from algorithm.training import stopping


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)
    return "went on"


def test_a_request_is_answered_at_once():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped, match="stopped on request; run the same command again"), stopping.listening():
        terminate()
    assert signal.getsignal(signal.SIGTERM) is before
    stopping.check()


def test_what_is_deferred_goes_on_to_the_next_check():
    with stopping.listening(), stopping.deferred():
        assert terminate() == "went on"
        assert stopping.asked()
        with pytest.raises(Stopped, match="stopped on request at step 3; run"):
            stopping.check(" at step 3")


def test_a_part_inside_may_be_answered_at_once_and_hears_what_waits():
    with stopping.listening(), stopping.deferred():
        with pytest.raises(Stopped), stopping.at_once():
            terminate()
        with pytest.raises(Stopped), stopping.at_once():
            pytest.fail("a request waits")


def test_a_second_request_does_not_disturb_the_answer_to_the_first():
    done = []
    with pytest.raises(Stopped), stopping.listening():
        try:
            terminate()
        finally:
            done.append(terminate())
    assert done == ["went on"]


def test_a_swallowed_answer_is_given_again_at_the_next_check():
    with stopping.listening():
        try:
            terminate()
        except Exception:  # what the standard library's logging does around a write
            pass
        with pytest.raises(Stopped):
            stopping.check()


def test_an_answer_while_a_graph_is_traced_reads_as_any_other():
    @tf.function
    def traced():
        terminate()
        return tf.constant(1)

    with pytest.raises(Stopped) as raised, stopping.listening():
        traced()
    assert str(raised.value) == "stopped on request; run the same command again to go on"


def test_a_runtime_that_takes_the_signal_for_itself_does_not_keep_it():
    libc = ctypes.CDLL(None)
    with stopping.listening():
        libc.signal(signal.SIGTERM, ctypes.c_void_p(1))  # SIG_IGN, behind Python's back
        os.kill(os.getpid(), signal.SIGTERM)
        assert not stopping.asked()
        stopping.listen_on()
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
