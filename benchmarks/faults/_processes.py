"""Processes that `provoke.py` starts, kills and looks at; small things for them to work on."""

import contextlib
import io
import multiprocessing
import os
import time
import traceback
from dataclasses import dataclass

import numpy as np

FORK = multiprocessing.get_context("fork")
PATIENCE = 300
"""Seconds after which a child counts as hanging."""

ELEMENTS = "Li B N O F Na Mg Al Si P S Cl K Ca Ti V Mn Fe Co Ni Cu Zn Ga Ge As Se Sr Y".split()
TINY_NETWORK = {"width": 8, "hidden": 8, "n_heads": 1, "n_attention": 1, "trunk_width": 8}
TINY_NETWORK |= {"n_trunk": 1}


@dataclass
class Ended:
    """How a child process ended: its exit code, None if it hung, and what it printed."""

    code: int | None
    output: str


def make_rows(n, seed=0):
    """Return n formulas and a synthetic number for each."""
    generator = np.random.default_rng(seed)
    values = dict(zip(ELEMENTS, generator.uniform(0, 4, len(ELEMENTS)), strict=True))
    formulas, y = [], []
    for _ in range(n):
        chosen = generator.choice(ELEMENTS, 3, replace=False)
        amounts = generator.integers(1, 5, 3)
        formulas.append("".join(f"{e}{a}" for e, a in zip(chosen, amounts, strict=True)))
        y.append(float(amounts @ [values[e] for e in chosen] / amounts.sum()))
    return formulas, np.array(y)


def make_source(n=300, epochs=2):
    """Return a source that was pretrained within a second."""
    from sktl import PropertyTable, pretrain

    formulas, y = make_rows(n)
    table = PropertyTable("toy", formulas, y, "eV")
    settings = {"network_arguments": TINY_NETWORK, "epochs": epochs, "progress": False}
    return pretrain(table, id="toy.toy@1", title="A toy", **settings)


def sktl_command(*arguments):
    """Run a command of sktl in this process and return its exit code; print as it does."""
    from sktl.cli import main

    try:
        main([str(each) for each in arguments], prog_name="sktl")
    except SystemExit as end:
        return end.code or 0
    return 0


def begin(work, *arguments):
    """Start a function in a forked process; return the process and a pipe for its output."""
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_work, args=(sender, work, arguments))
    process.start()
    sender.close()
    return process, receiver


def finish(process, receiver):
    """Wait for a process of `begin` and return how it ended."""
    output = receiver.recv() if receiver.poll(PATIENCE) and not receiver.closed else ""
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        process.join()
        return Ended(None, output)
    return Ended(process.exitcode, output)


def run(work, *arguments):
    """Run a function in a forked process; it returns an exit code or None."""
    return finish(*begin(work, *arguments))


def run_and_kill(work, arguments, seconds):
    """Start a function in a process, and kill it with SIGKILL after some seconds."""
    process, receiver = begin(work, *arguments)
    time.sleep(seconds)
    process.kill()
    process.join()
    receiver.close()


def timed(work, *arguments):
    """Return the seconds that a function takes in a process; it must succeed.

    It runs here before, so that this process has imported what its children will need.
    """
    work(*arguments)
    start = time.perf_counter()
    ended = run(work, *arguments)
    if ended.code != 0:
        raise RuntimeError(f"The undisturbed run failed:\n{ended.output}")
    return time.perf_counter() - start


def parts_in(folder):
    """Return the temporary files of interrupted writing below a folder."""
    return sorted(folder.rglob(".*.part"))


def _work(sender, work, arguments):
    """Run in the child: send what is printed, and end with the exit code."""
    text = io.StringIO()
    code = 70
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            code = work(*arguments) or 0
        except BaseException:
            traceback.print_exc()
    sender.send(text.getvalue())
    sender.close()
    os._exit(code)
