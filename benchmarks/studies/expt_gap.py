"""Repeat the comparison on measured band gaps over splits: ``python benchmarks/expt_gap.py``.

Each seed splits the measurements anew, a quarter of the compositions to test on, and fits every
model at its defaults. The result, a row for each model and seed, goes to
``benchmarks/results/expt_gap.json``; README's table is made of it by ``readme_tables.py``.
"""

import json
import time
from importlib.metadata import version
from itertools import product
from pathlib import Path

from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from tqdm import tqdm

import sktl
from sktl import MatminerTransformer, TransferRegressor
from sktl.datasets import load_expt_gap
from sktl.representations import parse_formulas

RESULT = Path(__file__).parent / "results" / "expt_gap.json"
SEEDS = (0, 1, 2)


def models(seed):
    """Return the unfitted models by name."""
    forest = RandomForestRegressor(n_jobs=-1, random_state=seed)
    return {
        'TransferRegressor(source="mpt")': TransferRegressor("mpt", random_state=seed),
        'TransferRegressor(source="oqmd")': TransferRegressor("oqmd", random_state=seed),
        "TransferRegressor(source=None)": TransferRegressor(None, random_state=seed),
        "random forest on Magpie attributes": make_pipeline(
            MatminerTransformer("magpie", missing="impute"), forest
        ),
    }


def run():
    """Return a row for each model and seed: test MAE (eV), seconds, numbers of rows."""
    frame = load_expt_gap().frame
    X, y = frame["Composition"].to_numpy(), frame["Eg"].to_numpy()
    groups = parse_formulas(X).keys()
    rows = []
    for seed, name in tqdm(list(product(SEEDS, models(0)))):
        splitter = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=seed)
        train, test = next(splitter.split(X, groups=groups))
        start = time.perf_counter()
        model = models(seed)[name].fit(X[train], y[train])
        seconds = time.perf_counter() - start
        mae = mean_absolute_error(y[test], model.predict(X[test]))
        rows.append(
            {
                "model": name,
                "seed": seed,
                "n_train": len(train),
                "n_test": len(test),
                "test_mae": mae,
                "fit_seconds": seconds,
            }
        )
    return rows


def main():
    """Run and write the result."""
    names = ("torch", "skorch", "scikit-learn", "matminer", "numpy")
    result = {
        "rows": run(),
        "unit": "eV",
        "sources": {name: sktl.load_source(name).sha256 for name in ("mpt", "oqmd")},
        "versions": {"sktl": sktl.__version__} | {name: version(name) for name in names},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result["rows"], indent=1))


if __name__ == "__main__":
    main()
