"""Time models of many members: ``python benchmarks/speed/stack.py --beside FOLDER``.

`TransferStackRegressor`, and `TransferRegressor` with eight members, with one job, are fitted to
measured band gaps chosen at random, and predict others; with ``--beside`` the package in another
checkout fits the stack, or one member, in turn. Seconds are those of fit and of predict, wall and
processor time, and the memory is the peak of the process. The result goes to
``benchmarks/results/stack_speed.json``.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

from _measuring import judge

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "benchmarks" / "results" / "stack_speed.json"
SIZES = (500, 3685)
MODELS = {  # now and before, and the most that the time may be of that before
    "stack": (
        "TransferStackRegressor(random_state=0)",
        "TransferStackRegressor(random_state=0)",
        0.25,
    ),
    "eight members": (
        "TransferRegressor(n_members=8, random_state=0)",
        "TransferRegressor(random_state=0)",
        1.5,
    ),
}
MOST_OF_ERROR, MOST_GIGABYTES = 1.0, 2.0
CODE = """
import json, resource, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
from sktl import TransferRegressor, TransferStackRegressor
from sktl.datasets import load_expt_gap
size, seed, made = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
data = load_expt_gap(as_frame=False)
formulas, gaps = np.array(data.data, dtype=object), np.asarray(data.target, dtype=float)
order = np.random.default_rng(seed).permutation(len(gaps))
known, new = order[:size], order[size:][:2000]
clocks = time.perf_counter, time.process_time
before = [clock() for clock in clocks]
model = eval(made).fit(list(formulas[known]), gaps[known])
fitted = [clock() for clock in clocks]
found = model.predict(list(formulas[new]))
done = [clock() for clock in clocks]
print(json.dumps({
    "fit seconds": fitted[0] - before[0],
    "fit processor seconds": fitted[1] - before[1],
    "predict seconds": done[0] - fitted[0],
    "predicted formulas": len(new),
    "mae": float(np.abs(found - gaps[new]).mean()),
    "peak gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
}))
"""


def measure(package, made, size, seed):
    """Return what a new process finds, with the package of a checkout and a model made so."""
    environment = os.environ | {"PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(size), str(seed), made],
        cwd=package,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def compare(now, before, most):
    """Return the ratios of two measurements, judged."""
    ratios = {key: now[key] / before[key] for key in ("fit processor seconds", "mae")}
    return {
        "time": judge(ratios["fit processor seconds"], "at most", most),
        "error": judge(ratios["mae"], "at most", MOST_OF_ERROR),
        "memory": judge(now["peak gigabytes"], "at most", MOST_GIGABYTES),
    }


def main():
    """Measure all sizes and write after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", type=Path, help="another checkout to time in turn")
    parser.add_argument("--model", choices=MODELS, action="append", help="time this one only")
    parser.add_argument("--size", type=int, action="append", help="training rows")
    parser.add_argument("--seed", type=int, default=0, help="chooses the training rows")
    arguments = parser.parse_args()
    packages = [ROOT] + ([arguments.beside] if arguments.beside else [])
    found = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for name, size in product(arguments.model or MODELS, arguments.size or SIZES):
        *made, most = MODELS[name]
        row = {
            which: measure(package.resolve(), how, size, arguments.seed)
            for which, package, how in zip(("now", "before"), packages, made, strict=False)
        }
        if "before" in row:
            row["bars"] = compare(row["now"], row["before"], most)
        row["date"] = datetime.date.today().isoformat()
        found[f"{name}, {size} rows, seed {arguments.seed}"] = row
        RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(row, indent=1), flush=True)


if __name__ == "__main__":
    main()
