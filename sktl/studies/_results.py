"""What every benchmark measures of a model: errors, time, intervals, sources and choices."""

import json
import platform
import time
from datetime import UTC, datetime

import numpy as np
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.pipeline import Pipeline

from sktl._version import __version__, installed_version
from sktl.estimators import TransferStackRegressor
from sktl.exceptions import InputError

COVERAGE = 0.9
_PACKAGES = (
    *("numpy", "scikit-learn", "torch", "skorch", "matminer", "pymatgen"),
    *("xgboost", "hyperopt", "hyperopt-sklearn"),
)


def score(model, X, y, X_test, y_test):
    """Fit a model and return all that is known of it on other rows.

    Parameters
    ----------
    model : regressor or Pipeline
        Fitted in place.
    X, X_test, y, y_test
        As in `fit_and_score`.

    Returns
    -------
    row : dict
        Those of the `COLUMNS` that do not depend on the benchmark.
    predictions : ndarray (n_test,) or (2, n_test)
        In the unit of y; their standard deviations below them if the model knows them.
    """
    row, predictions = fit_and_score(model, X, y, X_test, y_test)
    std, interval_facts = _uncertainty(model, X_test, y_test)
    row |= interval_facts | _facts(model)
    return row, predictions if std is None else np.stack([predictions, std])


def versions():
    """Return the versions of all that a result depends on, as compact JSON."""
    found = {"sktl": __version__, "python": platform.python_version()}
    installed = {package: installed_version(package) for package in _PACKAGES}
    found |= {package: number for package, number in installed.items() if number is not None}
    return json.dumps(found, separators=(",", ":"))


def fit_and_score(model, X, y, X_test, y_test):
    """Fit a model to some rows, predict others, and time both.

    Parameters
    ----------
    model : regressor
        Fitted in place.
    X, X_test : sequences, length n and n_test
        Input of the rows to train on and of the rows to predict.
    y, y_test : float arrays (n,) and (n_test,)
        Their targets.

    Returns
    -------
    row : dict
        Those of the `COLUMNS` that are known of any model.
    predictions : ndarray (n_test,)
        In the unit of y.
    """
    start = time.perf_counter()
    model.fit(X, y)
    fitted = time.perf_counter()
    predictions = model.predict(X_test)
    predicted = time.perf_counter()
    row = {
        "n_train": len(y),
        "n_test": len(y_test),
        "test_mae": rounded(mean_absolute_error(y_test, predictions)),
        "test_r2": rounded(r2_score(y_test, predictions)),
        "fit_seconds": round(fitted - start, 2),
        "predict_seconds": round(predicted - fitted, 3),
        "versions": versions(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return row, predictions


def rounded(value):
    """Return seven digits, which is what the predictions have, or None."""
    return None if value is None else float(f"{value:.7g}")


def _uncertainty(model, X, y):
    """Return the standard deviations (n,) or None, and coverage and mean width of the intervals."""
    last = steps_of(model)[-1]
    if getattr(last, "uncertainty_", None) is None:
        return None, {}
    features = model[:-1].transform(X) if isinstance(model, Pipeline) else X
    std = last.predict(features, return_std=True)[1]
    try:
        low, high = last.predict_interval(features, coverage=COVERAGE).T
    except InputError:  # too few rows were held back for this coverage
        return std, {}
    covered = np.mean((low <= y) & (y <= high))
    return std, {"coverage_90": rounded(covered), "interval_width": rounded(np.mean(high - low))}


def _facts(model):
    """Return the sources of a fitted model and what its steps chose."""
    sources, detail = {}, {}
    for step in steps_of(model):
        if getattr(step, "source_", None) is not None:
            sources[step.source_.id] = step.source_sha256_
        sources |= getattr(step, "sources_", {})
        detail |= getattr(step, "detail_", {})
        if isinstance(step, TransferStackRegressor):
            chosen = {"weights": step.weights_, "validation_mae": step.validation_mae_}
            detail |= {
                key: {name: rounded(value) for name, value in values.items()}
                for key, values in chosen.items()
            }
    return {
        "source": " ".join(sources),
        "source_sha256": " ".join(digest or "" for digest in sources.values()),
        "detail": json.dumps(detail, separators=(",", ":"), sort_keys=True) if detail else "",
    }


def steps_of(model):
    """Return the steps of a pipeline, or the model alone, in a list."""
    return [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
