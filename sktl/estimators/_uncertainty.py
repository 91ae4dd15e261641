"""Uncertainty: the expected size of an error, and conformal intervals on its scale."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktl._state import stored
from sktl._types import AnyArray, FloatArray
from sktl.exceptions import InputError

_PENALTIES = np.logspace(1, 6, 11)
_FOLDS = 10
_FEWEST_ROWS = 2 * _FOLDS
_FLOOR = 0.1
_SPREAD = 0.48
_ROWS_FOR_SPREAD = 100
_BLOCK = 1024

Features: TypeAlias = Sequence[AnyArray] | AnyArray
"""What each of m models makes of n rows: m arrays (n, d)."""


@stored("error-model/1")
class ErrorModel:
    """Predict the size of the error of a model from what the model makes of a row.

    A linear model of the logarithm of the absolute error, its penalty chosen by leave-one-out.
    If errors do not depend on the features, it is nearly constant. Predicted sizes stay within the
    middle 96 % of those seen. Under 100 rows they are shrunk towards their median, and under 20
    rows they are constant.

    Parameters
    ----------
    features : float array (n, d)
        Features of rows that the model was not trained on, such as their embedding.
    errors : float array (n,)
        Absolute errors on these rows.

    Attributes
    ----------
    scores : float array (n,)
        Each error over its size as predicted without it (out of fold), at least 0.
    """

    def __init__(self, features: AnyArray, errors: FloatArray) -> None:
        floor = _FLOOR * float(np.median(errors)) or _FLOOR * float(np.mean(errors))
        self.exact = floor == 0.0
        if self.exact:
            self.scores: FloatArray = np.zeros(len(errors))
            return
        sizes = np.log(errors + floor)
        spread = _SPREAD * min(1.0, len(errors) / _ROWS_FOR_SPREAD)
        self.bounds = tuple(np.quantile(sizes, [0.5 - spread, 0.5 + spread]))
        if len(errors) < _FEWEST_ROWS:
            self.weights, self.bias = np.zeros(features.shape[1]), float(np.median(sizes))
            self.scores = errors / self.size(features)
            return
        regression = make_pipeline(StandardScaler(), RidgeCV(_PENALTIES))
        found = cross_val_predict(regression, features, sizes, cv=_FOLDS)
        self.scores = errors / self._size(found)
        regression.fit(features, sizes)
        scaler, ridge = regression[0], regression[1]
        self.weights = ridge.coef_ / scaler.scale_
        self.bias = float(ridge.intercept_ - scaler.mean_ @ self.weights)

    def size(self, features: AnyArray) -> FloatArray:
        """Return the expected size of the error for features (n, d), shape (n,)."""
        if self.exact:
            return np.zeros(len(features))
        blocks = range(0, len(features), _BLOCK)  # a float64 copy of all would cost more than this
        found = [features[start : start + _BLOCK] @ self.weights for start in blocks]
        return self._size(np.concatenate(found) + self.bias)

    def _size(self, logarithm: FloatArray) -> FloatArray:
        return np.exp(np.clip(logarithm, *self.bounds))


@stored("calibration/1")
class Calibration:
    """The scale of an `ErrorModel`, from errors on held-out rows.

    Parameters
    ----------
    scores : float array (n,)
        Absolute error over its expected size.
    weights : float array (n,)
        Row weights.
    """

    def __init__(self, scores: FloatArray, weights: FloatArray) -> None:
        order = np.argsort(scores, kind="stable")
        self.scores = scores[order]
        self.weights = weights[order]

    @property
    def spread(self) -> float:
        """Root mean square score: what turns an expected size into a standard deviation."""
        return math.sqrt(np.average(self.scores**2, weights=self.weights))

    def quantile(self, coverage: float) -> float:
        """Return the score below which a new one stays with probability `coverage`.

        Raises
        ------
        InputError
            `coverage` is not between 0 and 1, or too high for the number of rows.
        """
        if not isinstance(coverage, numbers.Real) or not 0 < coverage < 1:
            raise InputError(f"Got coverage={coverage!r}, expected 0 < coverage < 1.")
        n = len(self.scores)
        running = np.cumsum(self.weights)
        wanted = coverage * (1 + 1 / n) * running[-1]
        if wanted > running[-1] * (1 + 1e-12):
            raise InputError(
                f"Got coverage={coverage!r}, expected at most {n / (n + 1):.3f}: the model was "
                f"calibrated on {n} rows that it was not trained on."
            )
        return float(self.scores[np.searchsorted(running, wanted * (1 - 1e-12))])


@stored("uncertainty/1")
class Uncertainty:
    """What is learned from the errors of one or several models on held-out rows.

    Each model and output has an `ErrorModel`; the size of an error of the mean of the models is
    taken as the mean of theirs. Each output has one `Calibration` on the rows of all models.

    Parameters
    ----------
    features : list of float array (n_m, d)
        For each model the features of its rows.
    errors : list of float array (n_m, k)
        For each model its absolute errors, for k outputs.
    weights : float array (n,)
        Row weights, the models one after the other.
    alike : bool, default=False
        The features have the same meaning for all models, so one `ErrorModel` learns from all rows.

    Attributes
    ----------
    mae : float array (k,)
        Mean absolute error on these rows.
    """

    def __init__(
        self,
        features: Features,
        errors: Sequence[FloatArray],
        weights: FloatArray,
        alike: bool = False,
    ) -> None:
        if alike:
            features, errors = [np.concatenate(features)], [np.concatenate(errors)]
        self.alike = alike
        self.models = [
            [ErrorModel(part, error[:, j]) for part, error in zip(features, errors, strict=True)]
            for j in range(errors[0].shape[1])
        ]
        self.calibrations = [
            Calibration(np.concatenate([model.scores for model in models]), weights)
            for models in self.models
        ]
        self.mae = np.average(np.concatenate(errors), axis=0, weights=weights)

    def spread(
        self, features: Features, coverage: float | None = None, wider: FloatArray | float = 1.0
    ) -> tuple[FloatArray, FloatArray | None]:
        """Return what errors to expect of predictions.

        Parameters
        ----------
        features : sequence of float array (n, d)
            What each model makes of the rows.
        coverage : float, optional
            Share of measurements that intervals are to hold.
        wider : float array (n,) or float, default=1
            Factor of the size of the error, for rows unlike those that it was learned from.

        Returns
        -------
        std : float array (n, k)
            Standard deviations.
        half_widths : float array (n, k) or None
            Half the widths of intervals, with `coverage`.
        """
        sizes = self.sizes(features) * np.reshape(wider, (-1, 1))
        deviations = sizes * [each.spread for each in self.calibrations]
        if coverage is None:
            return deviations, None
        return deviations, sizes * [each.quantile(coverage) for each in self.calibrations]

    def sizes(self, features: Features) -> FloatArray:
        """Return the expected sizes of errors (n, k) for features of each model (m, n, d)."""
        columns = []
        for models in self.models:
            models = models * len(features) if self.alike else models
            sizes = [model.size(part) for model, part in zip(models, features, strict=True)]
            columns.append(np.mean(sizes, axis=0))
        return np.stack(columns, axis=1)
