"""How models are scored: fit, predict held-out rows, and measure errors, intervals and time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from sklearn.metrics import mean_absolute_error, r2_score

from sktl.exceptions import InputError

if TYPE_CHECKING:
    from sktl._types import FloatArray, MaterialsLike
    from sktl.estimators import TransferRegressor, TransferStackRegressor


class Regressor(Protocol):
    """What `fit_and_score` needs of a model."""

    def fit(self, X: Any, y: Any, *arguments: Any, **keywords: Any) -> Any: ...

    def predict(self, X: Any) -> Any: ...


class Scores(NamedTuple):
    """Errors of predictions.

    Attributes
    ----------
    mae : float
        Mean absolute error, in the unit of y.
    r2 : float
        Coefficient of determination; NaN for a single row, which has none.
    """

    mae: float
    r2: float


class IntervalScores(NamedTuple):
    """How well intervals are calibrated.

    Attributes
    ----------
    coverage : float
        Share of the measured values inside their interval.
    mean_width : float
        In the unit of y.
    """

    coverage: float
    mean_width: float


class FitResult(NamedTuple):
    """A fitted model on held-out rows.

    Attributes
    ----------
    predictions : float64 array (n_test,)
        In the unit of y.
    scores : Scores
        Of these predictions.
    fit_seconds, predict_seconds : float
        Wall time.
    """

    predictions: FloatArray
    scores: Scores
    fit_seconds: float
    predict_seconds: float


def fit_and_score(
    model: Regressor,
    X: MaterialsLike,
    y: FloatArray,
    X_test: MaterialsLike,
    y_test: FloatArray,
    **fit_arguments: Any,
) -> FitResult:
    """Fit a model to some rows, predict others, score the predictions and time both.

    Parameters
    ----------
    model : regressor or Pipeline
        Fitted in place.
    X, X_test : sequences, length n and n_test
        Input of the training rows and of the held-out rows.
    y, y_test : float arrays (n,) and (n_test,)
        Their measured values.
    **fit_arguments
        Further arguments of the model's `fit`.

    Returns
    -------
    FitResult
    """
    start = time.perf_counter()
    model.fit(X, y, **fit_arguments)
    fitted = time.perf_counter()
    predictions = np.asarray(model.predict(X_test), dtype=np.float64)
    seconds = fitted - start, time.perf_counter() - fitted
    return FitResult(predictions, score_predictions(y_test, predictions), *seconds)


def score_predictions(y: FloatArray, predictions: FloatArray) -> Scores:
    """Return the `Scores` of predictions (n,) for measured values y (n,)."""
    r2 = r2_score(y, predictions) if len(y) > 1 else np.nan
    return Scores(float(mean_absolute_error(y, predictions)), float(r2))


def score_intervals(y: FloatArray, intervals: FloatArray) -> IntervalScores:
    """Return the `IntervalScores` of intervals (..., n, 2) for measured values y (n,).

    Rows whose interval is NaN do not count.
    """
    low, high = intervals[..., 0], intervals[..., 1]
    known = np.isfinite(low)
    inside = (low <= y) & (y <= high)
    return IntervalScores(float(inside[known].mean()), float((high - low)[known].mean()))


def predict_intervals(
    model: TransferRegressor | TransferStackRegressor,
    X: MaterialsLike,
    coverages: Sequence[float],
) -> dict[float, FloatArray]:
    """Predict the intervals of each coverage that a model can give.

    Parameters
    ----------
    model : TransferRegressor or TransferStackRegressor
        Fitted.
    X : sequence, length n
        As in its `fit`.
    coverages : sequence of float
        In ascending order.

    Returns
    -------
    dict of float to ndarray (n, 2)
        By coverage, in the unit of y.
    """
    found = {}
    for coverage in coverages:
        try:
            found[coverage] = model.predict_interval(X, coverage=coverage)
        except InputError:  # too few rows were held out for this coverage
            break
    return found
