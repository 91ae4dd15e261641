"""Why the defaults of TransferRegressor are what they are: ``python benchmarks/defaults.py``.

Each candidate is fitted to 100 and to 1,000 training rows of six of the cross-property sets and
scored on a fifth of the compositions of the same training part, which it did not see; no published
test row is read. The result, a row for each set, candidate, number of rows and seed, goes to
``benchmarks/results/defaults.csv``. A run that was stopped goes on where it was.
"""

from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from sktl import TransferRegressor
from sktl.benchmark import Cell, collect, fit_and_score, run_cells
from sktl.datasets import fetch_cross_property
from sktl.representations import parse_formulas

FOLDER = Path("sktl-defaults")
RESULTS = Path(__file__).parent / "results"
DATASETS = ("expt_deltae", "slme", "expt_bandgap", "etc12", "nem300k", "magmom_outcar")
SEEDS = (0, 1)
ROWS = (100, 1000)
CANDIDATES = {
    "defaults": {},
    "source oqmd": {"source": "oqmd"},
    "source none": {"source": None},
    "6 epochs": {"max_epochs": 6},
    "12 epochs": {"max_epochs": 12},
    "24 epochs": {"max_epochs": 24},
    "rate 3e-4, 20 epochs": {"learning_rate": 3e-4, "max_epochs": 20},
    "rate 1e-3": {"learning_rate": 1e-3},
    "3 members": {"n_members": 3},
    "no gate": {"zero_inflated": False},
    "no validation rows": {"validation_fraction": 0.0},
    "3 groups frozen": {"freeze_depth": 3},
}


def run_one(cell):
    """Fit a candidate and score it on compositions of the training part that it did not see."""
    data = fetch_cross_property(cell.dataset, subset="train")
    X, y = np.array(data.formulas, dtype=object), data.y
    groups = parse_formulas(data.formulas).keys()
    splitter = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=cell.seed)
    kept, judged = next(splitter.split(X, groups=groups))
    candidate, _, n_rows = cell.variant.removesuffix(" rows").rpartition(", ")
    kept = np.random.default_rng(cell.seed).permutation(kept)[: int(n_rows)]
    model = TransferRegressor(**CANDIDATES[candidate], random_state=cell.seed)
    row, predictions = fit_and_score(model, X[kept], y[kept], X[judged], y[judged])
    (digest,) = data.sha256.values()
    row |= {
        "unit": data.unit,
        "source": model.source_.id if model.source_ else "",
        "source_sha256": model.source_sha256_ or "",
        "train_sha256": digest,
    }
    return row, predictions


def main():
    """Run what is not done yet, and write the result."""
    table = RESULTS / "defaults.csv"
    cells = [
        Cell(dataset, "inner split of train", f"{candidate}, {n_rows} rows", seed)
        for n_rows in ROWS
        for seed in SEEDS
        for candidate in CANDIDATES
        for dataset in DATASETS
    ]
    failures = run_cells(cells, run_one, FOLDER, table=table, n_jobs=-1)
    for cell, error in failures.items():
        print("FAILED", *cell, error)
    rows = collect(FOLDER, table, FOLDER / "predictions.npz")
    errors = {}
    for row in rows:
        key = row["dataset"], row["variant"]
        errors.setdefault(key, []).append(float(row["test_mae"]))
    for n_rows in ROWS:
        for candidate in CANDIDATES:
            ratios = [
                np.mean(errors[name, f"{candidate}, {n_rows} rows"])
                / np.mean(errors[name, f"defaults, {n_rows} rows"])
                for name in DATASETS
                if (name, f"{candidate}, {n_rows} rows") in errors
            ]
            ratio = np.exp(np.mean(np.log(ratios)))
            print(f"{n_rows:5d} rows, {candidate:22s} {ratio:.3f} x the defaults' MAE")


if __name__ == "__main__":
    main()
