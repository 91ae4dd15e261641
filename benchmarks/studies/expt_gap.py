"""Repeat the comparison on measured band gaps over splits.

    python benchmarks/studies/expt_gap.py

Each seed splits the measurements anew, a quarter of the compositions to test on, and fits every
model at its defaults. The result, a row for each model and seed, goes to
``benchmarks/results/expt_gap.json``; README's table is made of it by ``pages/readme.py``.
"""

import json
from importlib.metadata import version
from itertools import product
from pathlib import Path

from sklearn.model_selection import GroupShuffleSplit
from tqdm import tqdm

import sktl
from sktl.datasets import load_expt_gap
from sktl.evaluation import FOREST, SCRATCH, TRANSFER, fit_and_score, make_model
from sktl.representations import parse_formulas

RESULT = Path(__file__).parents[1] / "results" / "expt_gap.json"
SEEDS = (0, 1, 2)
MODELS = {
    'TransferRegressor(source="mpt")': (TRANSFER, "mpt"),
    'TransferRegressor(source="oqmd")': (TRANSFER, "oqmd"),
    "TransferRegressor(source=None)": (SCRATCH, "mpt"),
    "random forest on Magpie attributes": (FOREST, "mpt"),
}


def run():
    """Return a row for each model and seed: test MAE (eV), seconds, numbers of rows."""
    frame = load_expt_gap().frame
    X, y = frame["Composition"].to_numpy(), frame["Eg"].to_numpy()
    groups = parse_formulas(X).keys()
    rows = []
    for seed, name in tqdm(list(product(SEEDS, MODELS))):
        splitter = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=seed)
        train, test = next(splitter.split(X, groups=groups))
        model = make_model(*MODELS[name], seed=seed)
        found = fit_and_score(model, X[train], y[train], X[test], y[test])
        rows.append(
            {
                "model": name,
                "seed": seed,
                "n_train": len(train),
                "n_test": len(test),
                "test_mae": found.scores.mae,
                "fit_seconds": found.fit_seconds,
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
