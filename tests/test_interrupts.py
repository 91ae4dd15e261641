"""Ctrl-C and SIGTERM end a command at once, with the exit code that says so and no half file."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from click.testing import CliRunner

from sktl import load_model
from sktl.cli import main

# Adds a command that says when it has begun, and then does what a test gives it.
BEGIN = """
import os, sys, time
from sktl.cli import main
from sktl._store import atomic_write

@main.command()
def work():
    def begun(file=None):
        print("begun", flush=True)
    {body}

sys.argv = ["sktl", "work"]
main()
"""
BODIES = {
    "python": "begun()\ntime.sleep(60)",
    "swallowed": """begun()
while True:
    try:
        time.sleep(60)
    except BaseException:
        pass""",
    "half a file": """def write(file):
    file.write(b"half")
    begun()
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
atomic_write("out.csv", write)""",
    "workers": """from joblib import Parallel, delayed
begun()
Parallel(2)(delayed(time.sleep)(60) for _ in range(2))""",
}


def stop(number, place, *command):
    """Start a command, send it a signal once it says a line, and return its exit code and words."""
    process = subprocess.Popen(
        command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "begun\n", process.stderr.read()
        process.send_signal(number)
        _, words = process.communicate(timeout=50)  # of the sixty seconds that the work takes
    finally:
        process.kill()
    return process.returncode, words


@pytest.mark.parametrize(
    ("number", "body"),
    [(signal.SIGINT, body) for body in BODIES] + [(signal.SIGTERM, "python")],
)
def test_a_signal_ends_a_command(tmp_path, number, body):
    text = textwrap.indent(BODIES[body], "    ").strip()
    code, words = stop(number, tmp_path, sys.executable, "-c", BEGIN.replace("{body}", text))
    assert code == 128 + number
    assert "Stopped." in words and "Traceback" not in words
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def fit(tmp_path, tiny_source, toy_rows):
    """Function of the body of a training -> the command that fits by it, beside its input."""
    tiny_source.save(tmp_path / "toy.safetensors")
    formulas, energies, _ = toy_rows(60, seed=4)
    rows = [f"{f},{e:.4f}" for f, e in zip(formulas, energies, strict=True)]
    (tmp_path / "data.csv").write_text("\n".join(["formula,energy", *rows]) + "\n")
    code = "import sktl.cli, sktl.training._loop as loop; real = loop.NeuralNet.partial_fit\n"
    code += "def train(*a, **k):\n print('begun', flush=True)\n BODY\n"
    code += "loop.NeuralNet.partial_fit = train; sktl.cli.main()"

    def command(body, output):
        asked = f"fit data.csv --target energy --source toy.safetensors --save {output}"
        return [sys.executable, "-c", code.replace("BODY", body), *asked.split()]

    return command


def test_a_real_command_leaves_no_half_model(tmp_path, fit):
    forever = fit("while True: real(*a, **k)", "m.sktl")
    found, words = stop(signal.SIGINT, tmp_path, *forever)
    assert (found, words.strip().splitlines()[-1]) == (130, "Stopped.")
    assert {path.name for path in tmp_path.iterdir()} == {"toy.safetensors", "data.csv"}


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP here")
def test_a_command_that_was_stopped_goes_on(tmp_path, fit):
    command = fit("return real(*a, epochs=2)", "m.sktl")
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        assert not (tmp_path / "m.sktl").exists()
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=100)
    finally:
        process.kill()
    assert process.returncode == 0
    assert np.isfinite(load_model(tmp_path / "m.sktl").predict(["NaCl", "GaAs"])).all()


def test_a_command_gives_the_signals_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert CliRunner().invoke(main, ["--version"]).exit_code == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_signal_to_a_fork_is_its_own(tmp_path):
    body = """child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    os.kill(child, 15)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -15
    time.sleep(1.5)
    begun()"""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN.replace("{body}", body)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "begun\n"), done.stderr
