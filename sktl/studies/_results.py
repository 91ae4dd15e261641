"""What every study records of a model: errors, time, intervals, sources and choices."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline

from sktl._version import versions
from sktl.estimators import TransferStackRegressor
from sktl.evaluation import fit_and_score, predict_intervals, score_intervals

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from sktl._types import FloatArray, MaterialsLike

COVERAGE = 0.9
_PACKAGES = (
    *("numpy", "scikit-learn", "torch", "skorch", "matminer", "pymatgen"),
    *("xgboost", "hyperopt", "hyperopt-sklearn"),
)


def make_result(
    model: BaseEstimator,
    X: MaterialsLike,
    y: FloatArray,
    X_test: MaterialsLike,
    y_test: FloatArray,
) -> tuple[dict[str, Any], FloatArray]:
    """Fit a model and return all that is known of it on the test rows.

    Parameters
    ----------
    model : regressor or Pipeline
        Fitted in place.
    X, y, X_test, y_test
        As in `sktl.evaluation.fit_and_score`.

    Returns
    -------
    row : dict
        Those of the `COLUMNS` that do not depend on the study.
    predictions : ndarray (n_test,) or (2, n_test)
        In the unit of y; their standard deviations below them if the model knows them.
    """
    found = fit_and_score(model, X, y, X_test, y_test)
    row = {
        "n_train": len(y),
        "n_test": len(y_test),
        "test_mae": rounded(found.scores.mae),
        "test_r2": rounded(found.scores.r2),
        "fit_seconds": round(found.fit_seconds, 2),
        "predict_seconds": round(found.predict_seconds, 3),
        "versions": _versions(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    std, interval_facts = _uncertainty(model, X_test, y_test)
    row |= interval_facts | _facts(model)
    return row, found.predictions if std is None else np.stack([found.predictions, std])


def rounded(value: float | None) -> float | None:
    """Return seven digits, which is what the predictions have, or None."""
    return None if value is None else float(f"{value:.7g}")


def steps_of(model: BaseEstimator) -> list[BaseEstimator]:
    """Return the steps of a pipeline, or the model alone, in a list."""
    return [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]


def _versions() -> str:
    """Return the versions of all that a result depends on, as compact JSON."""
    found = {name: number for name, number in versions(*_PACKAGES).items() if number is not None}
    return json.dumps(found, separators=(",", ":"))


def _uncertainty(
    model: BaseEstimator, X: MaterialsLike, y: FloatArray
) -> tuple[FloatArray | None, dict[str, Any]]:
    """Return the standard deviations (n,) or None, and coverage and mean width of the intervals."""
    last = steps_of(model)[-1]
    if getattr(last, "uncertainty_", None) is None:
        return None, {}
    features = model[:-1].transform(X) if isinstance(model, Pipeline) else X
    std = last.predict(features, return_std=True)[1]
    intervals = predict_intervals(last, features, [COVERAGE])
    if not intervals:
        return std, {}
    covered, width = score_intervals(y, intervals[COVERAGE])
    return std, {"coverage_90": rounded(covered), "interval_width": rounded(width)}


def _facts(model: BaseEstimator) -> dict[str, Any]:
    """Return the sources of a fitted model and what its steps chose."""
    sources: dict[str, str | None] = {}
    detail: dict[str, Any] = {}
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
