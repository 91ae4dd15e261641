"""Predict what depends on more than the composition: strength and hardness of alloys.

    python benchmarks/studies/conditions.py [--target "hardness (HV)"] [--model forest]

Five folds, rows of one composition together. The columns beside the formula are the temperature and
the kind of the test and the processing. The forest and XGBoost read Magpie attributes and the same
columns, and are tuned by hyperopt-sklearn inside the training rows. All else is at its defaults. A
row for each fold and model goes to ``benchmarks/results/conditions.json`` as soon as it is known;
what is there is not fitted again unless ``--again`` is given.
"""

import argparse
import json
import time
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold

import sktl
from sktl import MatminerTransformer, TransferRegressor, TransferStackRegressor
from sktl.datasets import fetch_alloys
from sktl.evaluation import Budget, TunedRegressor
from sktl.representations import ConditionColumns, Conditions, parse_formulas

RESULT = Path(__file__).parents[1] / "results" / "conditions.json"
TARGETS = ("yield strength (MPa)", "hardness (HV)")
COLUMNS = ["test temperature (C)", "kind of test", "processing"]
SPACE = {"max_features": ("log", 0.05, 1.0), "min_samples_leaf": ("log int", 1, 10)}
BUDGET = Budget(n_trials=25, seconds=600.0)
N_FOLDS = 5


class Trees:
    """Trees on Magpie attributes and columns, tuned on a fifth of the training compositions."""

    def __init__(self, learner, columns):
        self.columns = columns
        self.space = SPACE if learner == "random forest" else None
        self.learner = learner

    def fit(self, X, y):
        """Tune and fit."""
        groups = parse_formulas(X["formula"].tolist()).keys()
        split = GroupKFold(5, shuffle=True, random_state=0).split(X, groups=groups)
        train, valid = next(split)
        self.attributes = MatminerTransformer("magpie", missing="impute").fit(X["formula"])
        self.beside = ConditionColumns(self._conditions(X)) if self.columns else None
        tuned = TunedRegressor(
            self.learner, n_validation=len(valid), space=self.space, budget=BUDGET
        )
        order = np.concatenate([train, valid])
        self.model = tuned.fit(self._features(X)[order], y[order])
        return self

    def predict(self, X):
        """Predict."""
        return self.model.predict(self._features(X))

    def _conditions(self, X):
        return Conditions.read({name: X[name].tolist() for name in self.columns})

    def _features(self, X):
        features = self.attributes.transform(X["formula"])
        if self.beside is None:
            return features
        # hyperopt-sklearn refuses NaN: a temperature that is not known becomes one far below all
        beside = np.nan_to_num(self.beside.plain(self._conditions(X)), nan=-500.0)
        return np.hstack([features, beside])


MODELS = {
    "forest": lambda: Trees("random forest", COLUMNS),
    "forest, formula alone": lambda: Trees("random forest", []),
    "xgboost": lambda: Trees("XGBoost", COLUMNS),
    "regressor": lambda: TransferRegressor(material="formula", random_state=0),
    "regressor, formula alone": lambda: TransferRegressor(random_state=0),
    "stack": lambda: TransferStackRegressor(material="formula", random_state=0),
}


def read(target):
    """Return X, y and the five folds of a target."""
    frame = fetch_alloys().frame
    frame = frame[frame[target].notna()].reset_index(drop=True)
    groups = parse_formulas(frame["formula"].tolist()).keys()
    folds = GroupKFold(N_FOLDS, shuffle=True, random_state=0).split(frame, groups=groups)
    return frame[["formula", *COLUMNS]], frame[target].to_numpy(), list(folds)


def fit(name, target, fold):
    """Return the row of a model and a fold."""
    X, y, folds = read(target)
    train, test = folds[fold]
    alone = name.endswith("formula alone") and not name.startswith("forest")
    X = X[["formula"]] if alone else X
    start = time.process_time()
    model = MODELS[name]().fit(X.iloc[train], y[train])
    seconds = time.process_time() - start
    errors = np.abs(model.predict(X.iloc[test]) - y[test])
    return {
        "target": target,
        "model": name,
        "fold": fold,
        "n_test": len(test),
        "mae": float(errors.mean()),
        "seconds": round(seconds, 1),
    }


def summary(rows):
    """Return the mean absolute error over all rows of each target and model with all its folds."""
    found = {}
    for target, name in product(TARGETS, MODELS):
        folds = [row for row in rows if row["target"] == target and row["model"] == name]
        if len(folds) == N_FOLDS:
            weights = [row["n_test"] for row in folds]
            mae = np.average([row["mae"] for row in folds], weights=weights)
            found.setdefault(target, {})[name] = round(float(mae), 2)
    return found


def main():
    """Fit what is missing, and write after each fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--model", choices=MODELS, action="append")
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    rows = json.loads(RESULT.read_text())["rows"] if RESULT.exists() else []
    for target, name in product(arguments.target or TARGETS, arguments.model or MODELS):
        for fold in range(N_FOLDS):
            key = target, name, fold
            known = [(row["target"], row["model"], row["fold"]) for row in rows]
            if key in known and not arguments.again:
                continue
            row = fit(name, target, fold)
            rows = [old for old, place in zip(rows, known, strict=True) if place != key] + [row]
            names = ("torch", "scikit-learn", "numpy", "hyperopt-sklearn")
            result = {
                "mae": summary(rows),
                "columns": COLUMNS,
                "rows": sorted(rows, key=lambda r: (r["target"], r["model"], r["fold"])),
                "versions": {"sktl": sktl.__version__} | {each: version(each) for each in names},
            }
            RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            print(row, flush=True)
    print(json.dumps(summary(rows), indent=1))


if __name__ == "__main__":
    main()
