"""Threads and worker processes that share a model; clocks that are set back."""

import shutil
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context

import libfaketime
import numpy as np
import torch
from _kills import CONFIG, write_csv
from _processes import (
    PATIENCE,
    make_rows,
    make_source,
    run,
    run_and_kill,
    sktl_command,
    timed,
)
from pymatgen.core import Lattice, Structure

from sktl import (
    PropertyTable,
    TransferClassifier,
    TransferRegressor,
    TransferStackRegressor,
    load_model,
    pretrain,
)
from sktl.sources import read_tensors
from sktl.studies import Run, collect, do_runs

N_THREADS, N_WORKERS = 8, 2
_FAST = {"max_epochs": 1, "random_state": 0}


def share_with_threads(times, folder, generator):
    """Let 8 threads predict with one model at the same time, and compare with one thread, bit for
    bit: a regressor, a classifier, a stack and a regressor on crystals in turn."""
    failures, seen = [], {}
    for name, (work, rows) in _models().items():
        with ThreadPoolExecutor(N_THREADS) as pool:
            for i in range(times):
                orders = [np.random.default_rng((i, k)).permutation(len(rows)) for k in range(8)]
                parts = [[rows[j] for j in order] for order in orders]
                expected = list(map(work, parts))
                for found, alone in zip(pool.map(work, parts), expected, strict=True):
                    if not np.array_equal(found, alone):
                        apart = np.abs(found - alone).max()
                        failures.append(f"round {i}, {name}: apart by {apart:.2g}")
        seen[f"predictions of a {name}"] = times * N_THREADS
    return failures, seen


def share_with_workers(times, folder, generator):
    """Predict in worker processes, forked and spawned in turn, with a model of the parent, which
    has predicted before on two threads; compare with the parent, bit for bit."""
    models = _models()
    torch.set_num_threads(2)
    failures, seen = [], {"forked": 0, "spawned": 0}
    for i in range(times):
        name = list(models)[i // 2 % len(models)]
        work, rows = models[name]
        expected = work(rows)
        start = "spawn" if i % 2 else "fork"
        seen["spawned" if i % 2 else "forked"] += N_WORKERS
        pool = ProcessPoolExecutor(N_WORKERS, mp_context=get_context(start))
        try:
            for found in pool.map(work, [rows] * N_WORKERS, timeout=PATIENCE):
                if not np.array_equal(found, expected):
                    failures.append(f"round {i}, {start}, {name}: other predictions")
        except Exception as error:
            failures.append(f"round {i}, {start}, {name}: {error!r}")
            for process in list((pool._processes or {}).values()):
                process.kill()
        pool.shutdown(cancel_futures=True)
    torch.set_num_threads(1)
    return failures, seen


def set_clock_back(times, folder, generator):
    """Kill a pretraining, set the clock back by up to three years (for the process, with
    libfaketime) and go on; go on with half a benchmark and save a model under that clock, then
    collect and load them under the right one."""
    formulas, y = make_rows(200)
    write_csv(folder / "toy.csv", formulas, y)
    (folder / "toy.toml").write_text(CONFIG)
    output = folder / "toy.safetensors"
    command = "pretrain", folder / "toy.toml", "-o", output, "--no-progress"
    seconds = timed(sktl_command, *command)
    expected, _ = read_tensors(output)
    model = TransferRegressor(make_source(), **_FAST).fit(formulas[:60], y[:60])
    failures, resumed = [], 0
    for i in range(times):
        output.unlink(missing_ok=True)
        moment = datetime.now() - timedelta(days=float(generator.uniform(0, 1000)))
        run_and_kill(sktl_command, command, float(generator.uniform(0.3, 1)) * seconds)
        resumed += output.with_suffix(".checkpoint").exists()
        place = folder / f"run{i}"
        do_runs(_RUNS[:3], _stamp, place / "runs")
        ended = run(_under, moment, command, model, place)
        tensors = read_tensors(output)[0] if output.exists() else {}
        same = all(tensors[k].equal(expected[k]) for k in expected) if tensors else False
        if ended.code != 0 or not same:
            failures.append(f"run {i}: pretraining: {ended.output[-300:]}")
        rows = collect(place / "runs", place / "t.csv", place / "t.npz")
        if len(rows) != len(_RUNS) or do_runs(_RUNS, _stamp, place / "runs"):
            failures.append(f"run {i}: {len(rows)} of {len(_RUNS)} runs")
        if not np.array_equal(
            load_model(place / "m.sktl").predict(formulas), model.predict(formulas)
        ):
            failures.append(f"run {i}: other predictions")
        shutil.rmtree(place)
    return failures, {"resumed from a checkpoint": resumed}


_RUNS = [Run("a", "stamp", "", seed) for seed in range(6)]


def _stamp(task):
    """Return a row with the time of this process, and a prediction."""
    finished = datetime.now().isoformat(timespec="seconds")
    return {"test_mae": 0.0, "finished": finished}, np.zeros(3)


def _under(moment, command, model, place):
    """Go on with everything in a process whose clock shows another time."""
    with libfaketime.fake_time(moment, only_main_thread=False):
        assert abs(time.time() - moment.timestamp()) < 60, "the clock was not set back"
        code = sktl_command(*command)
        failed = do_runs(_RUNS, _stamp, place / "runs")
        model.save(place / "m.sktl")
    return 1 if code or failed else 0


def _models():
    """Return a function to predict with, and rows, for each kind of model."""
    formulas, y = make_rows(120)
    source = make_source()
    X, z = formulas[:60], y[:60]
    stack = TransferStackRegressor(source, n_members=2, random_state=0)
    crystals, energies = _crystals(40)
    table = PropertyTable("toy", crystals, energies, "eV")
    small = {"hidden": 8, "n_alignn": 1, "n_gcn": 1, "expansion_width": 8}
    small |= {"n_distances": 8, "n_angles": 8}
    reader = pretrain(
        table,
        id="toy.crystals@1",
        title="Toy crystals",
        network="alignn",
        network_arguments=small,
        epochs=1,
        progress=False,
    )
    return {
        "regressor": (TransferRegressor(source, **_FAST).fit(X, z).predict, formulas),
        "classifier": (
            TransferClassifier(source, **_FAST).fit(X, z > np.median(z)).predict_proba,
            formulas,
        ),
        "stack": (stack.fit(X, z).predict, formulas),
        "regressor on crystals": (
            TransferRegressor(reader, **_FAST).fit(crystals, energies).predict,
            crystals,
        ),
    }


def _crystals(n):
    """Return crystals with the structure of caesium chloride, and a number for each."""
    generator = np.random.default_rng(0)
    structures, energies = [], []
    for _ in range(n):
        pair = generator.choice(["Li", "Na", "K", "Mg", "O", "S", "F"], 2, replace=False)
        side = float(generator.uniform(2.5, 5))
        structures.append(Structure(Lattice.cubic(side), pair, [[0, 0, 0], [0.5, 0.5, 0.5]]))
        energies.append(-1 / side)
    return structures, np.array(energies)
