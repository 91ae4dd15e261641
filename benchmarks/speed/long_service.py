"""200,000 predictions in one process: ``python benchmarks/speed/long_service.py``.

A fitted regressor predicts for 1 to 10 formulas at a time, drawn anew from public compositions, as
a service does. Memory and latency (p50, p99) of each tenth go to
``benchmarks/results/long_service.json``: both are to stay flat. ``--predictions N`` does fewer.
"""

import argparse
import datetime
import gc
import json
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
import torch

from sktl import TransferRegressor
from sktl.datasets import load_expt_gap

RESULT = Path(__file__).parents[1] / "results" / "long_service.json"
PARTS, WARM_UP = 10, 500
MOST_GROWTH, MOST_SLOWER = 0.02, 1.25


def measure(model, formulas, n):
    """Predict n times; return latency and memory of each tenth."""
    generator, process, rows = np.random.default_rng(0), psutil.Process(), []
    for part in range(PARTS):
        seconds, used = np.empty(n // PARTS), np.empty(n // PARTS)
        for i in range(len(seconds)):
            asked = generator.choice(formulas, int(generator.integers(1, 11))).tolist()
            start, begun = time.perf_counter(), time.process_time()
            model.predict(asked)
            seconds[i], used[i] = time.perf_counter() - start, time.process_time() - begun
        gc.collect()
        row = {"predictions": (part + 1) * len(seconds)}
        row |= {"p50_ms": _ms(seconds, 50), "p99_ms": _ms(seconds, 99)}
        row |= {"p50_cpu_ms": _ms(used, 50), "p99_cpu_ms": _ms(used, 99)}
        row["MB"] = round(process.memory_info().rss / 1e6, 1)
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def _ms(seconds, percent):
    return round(1000 * float(np.percentile(seconds, percent)), 3)


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--predictions", type=int, default=200_000)
    n = parser.parse_args().predictions
    torch.set_num_threads(1)
    formulas, gaps = load_expt_gap(return_X_y=True)
    model = TransferRegressor("oqmd", n_members=1, max_epochs=5, random_state=0)
    model.fit(formulas[:500], gaps[:500])
    for i in range(WARM_UP):
        model.predict(formulas[i : i + 5])
    rows = measure(model, np.array(formulas), n)
    grown = rows[-1]["MB"] / rows[0]["MB"] - 1
    slower = rows[-1]["p50_cpu_ms"] / rows[0]["p50_cpu_ms"]
    result = {"predictions": n, "rows": rows, "grown": round(grown, 4), "slower": round(slower, 3)}
    result["met"] = grown <= MOST_GROWTH and slower <= MOST_SLOWER
    result["versions"] = {name: version(name) for name in ("sktl", "numpy", "torch")}
    result |= {"threads": 1, "date": datetime.date.today().isoformat()}
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
