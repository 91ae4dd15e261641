"""Tell metals from the rest: measured band gaps, five folds, rows of one composition together.

    python benchmarks/studies/classes.py [--model classifier]

The forest and XGBoost read Magpie attributes; "tuned" is by hyperopt-sklearn for log loss, on a
fifth of the training compositions. All else is at its defaults. A row for each fold and model goes
to ``benchmarks/results/classes.json`` as soon as it is known; what is there is not fitted again
unless ``--again`` is given.
"""

import argparse
import json
import time
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GroupKFold

import sktl
from sktl import MatminerTransformer, TransferClassifier, TransferStackClassifier
from sktl.datasets import load_expt_gap
from sktl.representations import parse_formulas

RESULT = Path(__file__).parents[1] / "results" / "classes.json"
N_FOLDS, N_TRIALS, N_BINS = 5, 25, 10


class Trees:
    """A classifier on Magpie attributes, its settings as they are or searched."""

    def __init__(self, model=None, learner=None):
        self.model, self.learner = model, learner

    def fit(self, X, y):
        """Tune if wanted, and fit."""
        self.attributes = MatminerTransformer("magpie", missing="impute").fit(X)
        features = self.attributes.transform(X)
        if self.learner:
            self.model = search(self.learner, X, features, y)
        self.model.fit(features, y)
        return self

    def predict_proba(self, X):
        """Return class probabilities."""
        return self.model.predict_proba(self.attributes.transform(X))


def flat_log_loss(y, chances):
    """Return the log loss of probabilities that hpsklearn has put in one row."""
    return log_loss(y, np.reshape(chances, (len(y), -1)))


def search(learner, X, features, y):
    """Return the learner with the settings that have the lowest log loss on a fifth of the rows."""
    import hpsklearn
    from hyperopt import tpe

    groups = parse_formulas(list(X)).keys()
    split = GroupKFold(5, shuffle=True, random_state=0).split(X, groups=groups)
    train, valid = next(split)
    order = np.concatenate([train, valid])

    def suggest(ids, domain, trials, seed):
        return tpe.suggest(ids, domain, trials, len(trials.trials), n_startup_jobs=5)

    estimator = hpsklearn.HyperoptEstimator(
        classifier=getattr(hpsklearn, learner)("learner", n_jobs=1, random_state=0),
        preprocessing=[],
        algo=suggest,
        loss_fn=flat_log_loss,
        continuous_loss_fn=True,
        max_evals=N_TRIALS,
        trial_timeout=60,
        n_jobs=1,
        refit=False,
    )
    share = 1 - (len(train) + 0.5) / len(y)
    estimator.fit(features[order], y[order], valid_size=share, cv_shuffle=False)
    return estimator.best_model()["learner"]


MODELS = {
    "forest": lambda: Trees(RandomForestClassifier(300, random_state=0)),
    "forest, tuned": lambda: Trees(learner="random_forest_classifier"),
    "xgboost, tuned": lambda: Trees(learner="xgboost_classification"),
    "classifier": lambda: TransferClassifier(random_state=0),
    "stack": lambda: TransferStackClassifier(random_state=0),
}


def read():
    """Return formulas, whether each has a gap, and the five folds."""
    data = load_expt_gap()
    formulas = np.array(data.data, dtype=object).ravel()
    y = (np.asarray(data.target) > 0).astype(int)
    groups = parse_formulas(formulas.tolist()).keys()
    folds = GroupKFold(N_FOLDS, shuffle=True, random_state=0).split(formulas, groups=groups)
    return formulas, y, list(folds)


def calibration_error(y, chances):
    """Return the expected calibration error: of ten bins, the mean gap weighted by their rows."""
    bins = np.minimum((chances * N_BINS).astype(int), N_BINS - 1)
    gaps = [abs((y - chances)[bins == each].sum()) for each in range(N_BINS)]
    return sum(gaps) / len(y)


def fit(name, fold):
    """Return the row of a model and a fold, with what it says of each test row."""
    formulas, y, folds = read()
    train, test = folds[fold]
    start = time.process_time()
    model = MODELS[name]().fit(formulas[train].tolist(), y[train])
    seconds = time.process_time() - start
    chances = model.predict_proba(formulas[test].tolist())[:, 1]
    return {
        "model": name,
        "fold": fold,
        "auc": round(float(roc_auc_score(y[test], chances)), 5),
        "log_loss": round(float(log_loss(y[test], chances)), 5),
        "seconds": round(seconds, 1),
        "chances": np.round(chances, 4).tolist(),
    }


def summary(rows):
    """Return what each model with all its folds scores: AUC by folds, the rest on all rows."""
    _, y, folds = read()
    found = {}
    for name in MODELS:
        own = [row for row in rows if row["model"] == name]
        if len(own) < N_FOLDS:
            continue
        told = np.empty(len(y))
        for row in own:
            told[folds[row["fold"]][1]] = row["chances"]
        found[name] = {
            "auc": round(float(np.mean([row["auc"] for row in own])), 4),
            "log_loss": round(float(np.mean([row["log_loss"] for row in own])), 4),
            "calibration_error": round(float(calibration_error(y, told)), 4),
            "seconds": round(float(np.mean([row["seconds"] for row in own])), 1),
        }
    return found


def main():
    """Fit what is missing, and write after each fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, action="append")
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    rows = json.loads(RESULT.read_text())["rows"] if RESULT.exists() else []
    for name, fold in product(arguments.model or MODELS, range(N_FOLDS)):
        known = [(row["model"], row["fold"]) for row in rows]
        if (name, fold) in known and not arguments.again:
            continue
        row = fit(name, fold)
        rows = [old for old, place in zip(rows, known, strict=True) if place != (name, fold)]
        rows = sorted([*rows, row], key=lambda each: (each["model"], each["fold"]))
        names = ("torch", "scikit-learn", "numpy", "hyperopt-sklearn")
        result = {
            "scores": summary(rows),
            "rows": rows,
            "versions": {"sktl": sktl.__version__} | {each: version(each) for each in names},
        }
        RESULT.write_text(json.dumps(result) + "\n", encoding="utf-8")
        print({key: value for key, value in row.items() if key != "chances"}, flush=True)
    print(json.dumps(summary(rows), indent=1))


if __name__ == "__main__":
    main()
