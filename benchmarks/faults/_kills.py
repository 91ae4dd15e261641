"""Kill -9 at random moments: pretraining, a benchmark, a prediction, the writing of a model."""

import shutil
from pathlib import Path

import numpy as np
from _processes import (
    make_rows,
    make_source,
    parts_in,
    run,
    run_and_kill,
    sktl_command,
    timed,
)

from sktl import TransferRegressor, load_model
from sktl.sources import read_tensors
from sktl.studies import Run, collect, do_runs

EPOCHS = 40
CONFIG = f"""
id = "toy.toy@1"
title = "A toy"
epochs = {EPOCHS}
batch_size = 32
[network_arguments]
width = 8
hidden = 8
n_heads = 1
n_attention = 1
trunk_width = 8
n_trunk = 1
[[properties]]
name = "toy"
csv = "toy.csv"
formula = "formula"
target = "y"
unit = "eV"
"""
RUNS = [Run(name, "ridge", f"{seed}", seed) for name in "abcd" for seed in range(5)]


def kill_pretraining(times, folder, generator):
    """Kill ``sktl pretrain`` once at a random moment, then give the same command again."""
    formulas, y = make_rows(200)

    def fresh(name):
        place = folder / name
        place.mkdir()
        (place / "toy.toml").write_text(CONFIG)
        write_csv(place / "toy.csv", formulas, y)
        return "pretrain", place / "toy.toml", "-o", place / "toy.safetensors", "--no-progress"

    command = fresh("whole")
    seconds = timed(sktl_command, *command)
    expected, _ = read_tensors(folder / "whole" / "toy.safetensors")
    failures, resumed, in_writing = [], 0, 0
    for i in range(times):
        command, place = fresh(f"run{i}"), folder / f"run{i}"
        run_and_kill(sktl_command, command, float(generator.uniform(0, seconds)))
        resumed += (place / "toy.checkpoint").exists()
        in_writing += bool(parts_in(place))
        ended = run(sktl_command, *command)
        left = {path.name for path in place.iterdir()} - {path.name for path in parts_in(place)}
        if ended.code != 0:
            failures.append(f"run {i}: {ended.output[-300:]}")
        elif left != {"toy.toml", "toy.csv", "toy.safetensors"}:
            failures.append(f"run {i}: files left {sorted(left)}")
        elif not _same_tensors(read_tensors(place / "toy.safetensors")[0], expected):
            failures.append(f"run {i}: other weights")
        shutil.rmtree(place)
    return failures, {"resumed from a checkpoint": resumed, "killed while writing": in_writing}


def kill_benchmark(times, folder, generator):
    """Kill a benchmark of 20 small runs twice at random moments, then run it once more."""
    seconds = timed(_run_benchmark, folder / "whole")
    expected = _benchmark_results(folder / "whole")
    failures, partly, in_writing = [], 0, 0
    for i in range(times):
        place = folder / f"run{i}"
        for _ in range(2):
            run_and_kill(_run_benchmark, (place,), float(generator.uniform(0, seconds)))
        partly += 0 < len(list(place.glob("runs/*.json"))) < len(RUNS)
        in_writing += bool(place.exists() and parts_in(place))
        ended = run(_run_benchmark, place)
        if ended.code != 0:
            failures.append(f"run {i}: {ended.output[-300:]}")
        elif _benchmark_results(place) != expected:
            failures.append(f"run {i}: other results")
        shutil.rmtree(place)
    return failures, {"some runs were done": partly, "killed while writing": in_writing}


def kill_prediction(times, folder, generator):
    """Kill ``sktl predict`` at a random moment; every other time over an older output."""
    formulas, y = make_rows(4000)
    TransferRegressor(make_source(), max_epochs=1, random_state=0).fit(formulas[:60], y[:60]).save(
        folder / "m.sktl"
    )
    write_csv(folder / "new.csv", formulas, y)
    output = folder / "out.csv"
    command = "predict", folder / "m.sktl", folder / "new.csv", "-o", output
    seconds = timed(sktl_command, *command)
    whole, failures = output.read_bytes(), []
    seen = {"no output": 0, "older output": 0, "whole output": 0}
    for i in range(times):
        output.unlink(missing_ok=True)
        if i % 2:
            output.write_bytes(b"older\n")
        run_and_kill(sktl_command, command, float(generator.uniform(0, 1.1 * seconds)))
        found = output.read_bytes() if output.exists() else None
        if found not in (None, b"older\n", whole):
            failures.append(f"run {i}: {len(found)} of {len(whole)} bytes")
        else:
            what = {None: "no", b"older\n": "older"}.get(found, "whole")
            seen[f"{what} output"] += 1
    seen["killed while writing"] = len(parts_in(folder))
    return failures, seen


def kill_saving(times, folder, generator):
    """Kill a process that writes two models in turn to one file, at a random moment."""
    formulas, y = make_rows(60)
    source, path = make_source(), folder / "m.sktl"
    models = [
        TransferRegressor(source, max_epochs=1, random_state=seed).fit(formulas, y)
        for seed in (0, 1)
    ]
    expected = [model.predict(formulas) for model in models]
    models[0].save(path)
    failures, seen = [], {"first model": 0, "second model": 0}
    for i in range(times):
        run_and_kill(_save_forever, (models, path), float(generator.uniform(0, 1)))
        try:
            found = load_model(path).predict(formulas)
        except Exception as error:
            failures.append(f"run {i}: {error!r}")
            continue
        same = [np.array_equal(found, values) for values in expected]
        if any(same):
            seen[("first model", "second model")[same.index(True)]] += 1
        else:
            failures.append(f"run {i}: other predictions")
    seen["killed while writing"] = len(parts_in(folder))
    return failures, seen


def write_csv(path, formulas, y):
    """Write a table of formulas and numbers."""
    lines = [f"{f},{value:.6f}" for f, value in zip(formulas, y, strict=True)]
    Path(path).write_text("\n".join(["formula,y", *lines]) + "\n")


def fit_ridge(task):
    """Fit a ridge regression to random numbers; the stamp is always the same."""
    generator = np.random.default_rng(task.seed)
    X, y = generator.random((2000, 60)), generator.random(2000)
    for penalty in np.logspace(-3, 3, 20):
        shares = np.linalg.solve(X.T @ X + penalty * np.eye(60), X.T @ y)
    row = {"test_mae": float(np.abs(X @ shares - y).mean()), "finished": "2026-01-01T00:00:00"}
    return row, X @ shares


def _run_benchmark(place):
    failed = do_runs(RUNS, fit_ridge, place / "runs")
    collect(place / "runs", place / "toy.csv", place / "toy.npz")
    return 1 if failed else 0


def _benchmark_results(place):
    with np.load(place / "toy.npz") as arrays:
        predictions = {name: arrays[name].tobytes() for name in arrays.files}
    return (place / "toy.csv").read_bytes(), predictions


def _same_tensors(found, expected):
    return found.keys() == expected.keys() and all(
        found[name].equal(expected[name]) for name in expected
    )


def _save_forever(models, path):
    while True:
        for model in reversed(models):
            model.save(path)
