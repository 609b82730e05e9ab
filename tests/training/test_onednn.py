"""oneDNN in jobs that train: where it is switched on, and that TensorFlow follows."""

import os
import subprocess
import sys

import pytest
import tensorflow as tf

from algorithm.training.devices import onednn

ZEN3 = "processor\t: 0\nflags\t\t: fpu sse4_2 avx avx2 fma vaes\n"
ZEN4 = "processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni avx512_bf16\n"
OLD = "processor\t: 0\nflags\t\t: fpu sse4_2 avx\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd\n"


@pytest.fixture
def before_tensorflow(monkeypatch):
    """TensorFlow is not imported yet; "importing" it inside the context tells what it saw."""
    monkeypatch.delenv(onednn.VARIABLE, raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow")
    options = []
    monkeypatch.setattr(tf.config.optimizer, "set_experimental_options", options.append)

    def importing():
        with onednn.onednn_for_training():
            monkeypatch.setitem(sys.modules, "tensorflow", tf)
            seen = os.environ.get(onednn.VARIABLE)
        return seen, options

    return importing


def of(monkeypatch, tmp_path, cpuinfo):
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo)
    monkeypatch.setattr(onednn, "_CPUINFO", file)


def test_it_is_switched_on_where_tensorflow_leaves_it_off(
    monkeypatch, tmp_path, caplog, before_tensorflow
):
    of(monkeypatch, tmp_path, ZEN3)
    caplog.set_level("INFO")
    assert before_tensorflow() == ("1", [{"remapping": False}])
    assert onednn.VARIABLE not in os.environ  # programs that are started later do not inherit it
    assert "TF_ENABLE_ONEDNN_OPTS=0 in the environment switches it off" in caplog.text


@pytest.mark.parametrize("cpuinfo", [ZEN4, OLD, ARM, ""])
def test_other_processors_keep_what_tensorflow_chooses(
    monkeypatch, tmp_path, caplog, before_tensorflow, cpuinfo
):
    of(monkeypatch, tmp_path, cpuinfo)
    caplog.set_level("INFO")
    assert before_tensorflow() == (None, [])
    assert not caplog.text


def test_without_proc_nothing_changes(monkeypatch, tmp_path, before_tensorflow):
    monkeypatch.setattr(onednn, "_CPUINFO", tmp_path / "none")
    assert before_tensorflow() == (None, [])


@pytest.mark.parametrize("asked", ["0", "1"])
def test_who_set_the_variable_gets_what_they_asked_for(
    monkeypatch, tmp_path, before_tensorflow, asked
):
    of(monkeypatch, tmp_path, ZEN3)
    monkeypatch.setenv(onednn.VARIABLE, asked)
    assert before_tensorflow() == (asked, [])
    assert os.environ[onednn.VARIABLE] == asked


def test_after_the_import_it_would_change_nothing_and_is_left(
    monkeypatch, tmp_path, before_tensorflow
):
    of(monkeypatch, tmp_path, ZEN3)
    monkeypatch.setitem(sys.modules, "tensorflow", tf)
    assert before_tensorflow() == (None, [])


def test_a_program_without_tensorflow_is_left_in_peace(monkeypatch, tmp_path, before_tensorflow):
    of(monkeypatch, tmp_path, ZEN3)
    with onednn.onednn_for_training():
        pass
    assert onednn.VARIABLE not in os.environ


def enabled(code):
    """Whether TensorFlow, imported by some lines, has oneDNN on."""
    program = f"""{code}
from tensorflow.python.util import _pywrap_util_port as port
print("on" if port.IsMklEnabled() else "off")"""
    environment = {name: value for name, value in os.environ.items() if name != onednn.VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.split()[-1] == "on"


def test_tensorflow_agrees_on_which_processors_it_takes_it():
    if not onednn._CPUINFO.exists() or "avx2" not in onednn._CPUINFO.read_text():
        pytest.skip("needs Linux and a processor with AVX2")
    assert enabled("import tensorflow") != onednn._left_out()
    assert enabled("""
from algorithm.training.devices.onednn import onednn_for_training
with onednn_for_training():
    import tensorflow""")
