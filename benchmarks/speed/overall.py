"""Time sktl beside its peers in one run, as ratios: ``python benchmarks/speed/overall.py``.

Parsing and physical attributes stand beside pymatgen and matminer; importing, fitting and
predicting are measured on all cores at default settings. The result goes to
``benchmarks/results/speed.json``.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import time
from functools import reduce
from importlib.metadata import version
from operator import getitem
from pathlib import Path

import magpie
import numpy as np
import parser as formula_parser
from _measuring import judge

import sktl
from sktl import TransferRegressor
from sktl.datasets import load_expt_gap

RESULT = Path(__file__).parents[1] / "results" / "speed.json"
BARS = {
    "parser.parse_over_pymatgen": ("at least", 5),
    "parser.dense_over_matminer": ("at least", 20),
    "magpie.sktl_over_matminer": ("at least", 100),
    "import_seconds": ("at most", 0.3),
    "fit_seconds": ("at most", 180),
    "predict_per_second": ("at least", 20_000),
    "million_peak_gb": ("at most", 2),
}


def random_formulas(n, seed=0):
    """Return n distinct formulas of one to five elements, three in most, as databases have them."""
    symbols = np.array(
        "H Li Be B C N O F Na Mg Al Si P S Cl K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Rb "
        "Sr Y Zr Nb Mo Ru Rh Pd Ag Cd In Sn Sb Te I Cs Ba La Ce Nd Sm Gd Dy Er Yb Hf Ta W Re Os "
        "Ir Pt Au Hg Tl Pb Bi".split()
    )
    rng = np.random.default_rng(seed)
    found = {}
    while len(found) < n:
        size = rng.choice([2, 3, 4, 5], p=[0.07, 0.70, 0.20, 0.03])
        chosen = rng.choice(symbols, size, replace=False)
        amounts = rng.integers(1, 13, size)
        found["".join(f"{s}{a}" for s, a in zip(chosen, amounts, strict=True))] = None
    return list(found)


def import_seconds(repeats=7):
    """Return the shortest time in which a new process imports sktl."""
    code = "import time; t = time.perf_counter(); import sktl; print(time.perf_counter() - t)"
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(repeats)
    ]
    return min(runs)


def fit_seconds(n_rows=3_683):
    """Return the seconds of a fit with default settings, and the model."""
    gaps = load_expt_gap()
    frame = gaps.frame.sample(n_rows, random_state=0)
    start = time.perf_counter()
    model = TransferRegressor(random_state=0).fit(frame["Composition"], frame["Eg"])
    return time.perf_counter() - start, model


def predict_rate(model, n=100_000, repeats=3):
    """Return the highest number of formulas predicted in a second, strings to numbers."""
    formulas = random_formulas(n)
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        model.predict(formulas)
        rates.append(n / (time.perf_counter() - start))
    return max(rates)


def predict_million():
    """Predict a million formulas in this process; print seconds and peak memory as JSON."""
    gaps = load_expt_gap().frame.head(200)
    model = TransferRegressor(max_epochs=1, random_state=0).fit(gaps["Composition"], gaps["Eg"])
    formulas = random_formulas(1_000_000)
    start = time.perf_counter()
    model.predict(formulas)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"million_seconds": seconds, "million_peak_gb": peak / 1e9}))


def main():
    """Measure everything and write the result."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--million", action="store_true", help=argparse.SUPPRESS)
    if arguments.parse_args().million:
        predict_million()
        return
    child = [sys.executable, __file__, "--million"]
    million = json.loads(subprocess.run(child, capture_output=True, check=True).stdout)
    seconds, model = fit_seconds()
    found = {
        "import_seconds": import_seconds(),
        "fit_seconds": seconds,
        "predict_per_second": predict_rate(model),
        **million,
        "parser": formula_parser.run(),
        "magpie": magpie.run(),
        "settings": {"n_members": model.n_members, "max_epochs": model.max_epochs},
        "source": model.source_.id,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
        },
        "versions": {
            name: version(name)
            for name in ("scikit-learn", "skorch", "torch", "matminer", "pymatgen", "numpy")
        }
        | {"sktl": sktl.__version__},
        "date": datetime.date.today().isoformat(),
    }
    found["bars"] = {
        name: judge(reduce(getitem, name.split("."), found), *bar) for name, bar in BARS.items()
    }
    text = json.dumps(found, indent=1, sort_keys=True)
    RESULT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
