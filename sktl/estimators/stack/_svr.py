"""Support vector regressors on features of materials, and the scales that they work on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from sktl._state import stored
from sktl._types import AnyArray, FloatArray

RESPONSE = "response of "
"""Begins the name of the features that a potential gives."""

_PLAIN, _LED, _TREND = "SVR", "SVR, led by source predictions", "SVR, linear trend"
_ON_RESPONSE = ", with the response"
_REACH = 0.33  # of the kernel: gamma times the number of columns
_REACH_BESIDE = 1.0  # the same, where columns stand beside the material
_LENGTH = 2.0  # of the kernel on crystals, over the root of the sum of squared weights
_TELLING = 3.0  # weight of a source's predictions and of the response: few columns that tell much
_LEADING = 20.0  # weight of the predictions where they lead


@stored("logarithmic-target/1")
class LogarithmicTarget(TransformerMixin, BaseEstimator):
    """Put targets that are not negative on a logarithmic scale, and others on a linear one.

    z is log(1 + y / m), with the median m of the positive targets, and is centred and divided by
    its standard deviation. What is turned back stays within the range of the training targets.
    """

    def fit(self, y: FloatArray) -> Self:
        """Learn the scale of targets (n, 1)."""
        above = y[y > 0]
        self.unit_ = float(np.median(above)) if len(above) and (y >= 0).all() else None
        self.range_ = float(y.min()), float(y.max())
        scaled = self._scale(y)
        self.center_, self.width_ = float(scaled.mean()), float(scaled.std()) or 1.0
        return self

    def transform(self, y: FloatArray) -> FloatArray:
        """Return targets (n, 1) as z."""
        return (self._scale(y) - self.center_) / self.width_

    def inverse_transform(self, z: FloatArray) -> FloatArray:
        """Return z (n, 1) as targets."""
        scaled = z * self.width_ + self.center_
        if self.unit_ is not None:
            scaled = self.unit_ * np.expm1(
                np.minimum(scaled, np.log1p(self.range_[1] / self.unit_))
            )
        return np.clip(scaled, *self.range_)

    def _scale(self, y: FloatArray) -> FloatArray:
        return y if self.unit_ is None else np.log1p(y / self.unit_)


@stored("column-weights/1")
class ColumnWeights(TransformerMixin, BaseEstimator):
    """Multiply columns by weights (d,)."""

    def __init__(self, weights: FloatArray) -> None:
        self.weights = weights

    def fit(self, X: AnyArray, y: object = None) -> Self:
        """Learn nothing."""
        return self

    def transform(self, X: AnyArray) -> AnyArray:
        """Return the columns X (n, d), each times its weight."""
        return X * self.weights

    def __sklearn_is_fitted__(self) -> bool:
        return True


def svr_on_compositions(n_columns: int, n_beside: int) -> dict[str, TransformedTargetRegressor]:
    """Return the support vector regressor on features of compositions, by name.

    Parameters
    ----------
    n_columns : int
        Number of features of the compositions.
    n_beside : int
        Number of columns beside the material, which follow them: few that tell much.
    """
    reach = _REACH_BESIDE if n_beside else _REACH
    regressor = SVR(C=10.0, epsilon=0.01, gamma=reach / (n_columns + _TELLING**2 * n_beside))
    steps: list[BaseEstimator] = [StandardScaler(), regressor]
    if n_beside:
        weights = np.array([1.0] * n_columns + [_TELLING] * n_beside)
        imputer = SimpleImputer(strategy="median", keep_empty_features=True)
        steps = [imputer, StandardScaler(), ColumnWeights(weights), regressor]
    kernel = make_pipeline(*steps)
    return {_PLAIN: TransformedTargetRegressor(kernel, transformer=StandardScaler())}


def svrs_on_crystals(
    names: Sequence[str],
    beside: Sequence[str],
    properties: Collection[str],
    embedded: Sequence[str],
) -> dict[str, TransformedTargetRegressor]:
    """Return support vector regressors on features of crystals, by name.

    Each reads one embedding: two in one kernel are worse than the better one.

    Parameters
    ----------
    names : list of str
        Names of the features: where they are from, and what.
    beside : list of str
        Names of the columns beside the material, which follow them.
    properties : set of str
        What the sources predict.
    embedded : list of str
        Ids of the sources whose embeddings are among the features.
    """
    parts = [name.rpartition("__") for name in names]
    is_response = np.array([origin.startswith(RESPONSE) for origin, _, _ in parts])
    is_prediction = np.array([name in properties for _, _, name in parts]) & ~is_response
    origins = np.array([origin for origin, _, _ in parts])
    found = {}
    readers = {"": 0.0, _ON_RESPONSE: _TELLING} if is_response.any() else {"": 0.0}
    for (suffix, response), own in product(readers.items(), embedded):
        others = [each for each in embedded if each != own]
        is_unread = np.isin(origins, others) & ~is_prediction
        which = f" on {own}" if others else ""
        for name, prediction, trend in (
            (_PLAIN, _TELLING, False),
            (_LED, _LEADING, False),
            (_TREND, _TELLING, True),
        ):
            kinds = [is_unread, is_response, is_prediction]
            weights = np.select(kinds, [0.0, response, prediction], 1.0)
            weights = np.append(weights, [_TELLING] * len(beside))
            svr = _weighted_svr(weights, trend, has_missing=bool(beside))
            found[name + which + suffix] = svr
    return found


def _weighted_svr(
    weights: FloatArray, trend: bool, has_missing: bool
) -> TransformedTargetRegressor:
    """Return an SVR with a kernel and a scale of the target for few, unlike crystals.

    Far from all training rows it predicts the middle, or with a `trend` a linear function.
    """
    norm = np.linalg.norm(weights)
    kernel = Matern(length_scale=_LENGTH * norm, nu=1.5)
    if trend:
        kernel += ConstantKernel(1 / norm**2) * DotProduct(0.0, "fixed")
    regressor = SVR(kernel=kernel, C=10.0, epsilon=0.01)
    imputers = [SimpleImputer(strategy="median", keep_empty_features=True)] if has_missing else []
    regressor = make_pipeline(*imputers, StandardScaler(), ColumnWeights(weights), regressor)
    return TransformedTargetRegressor(regressor, transformer=LogarithmicTarget())
