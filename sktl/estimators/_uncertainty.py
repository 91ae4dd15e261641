"""Uncertainty: the expected size of an error, and conformal intervals on its scale."""

import math
import numbers

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sktl._state import stored
from sktl.estimators._input import read_input
from sktl.exceptions import InputError

_PENALTIES = np.logspace(1, 6, 11)
_FOLDS = 10
_FEWEST_ROWS = 2 * _FOLDS
_FLOOR = 0.1
_SPREAD = 0.48
_ROWS_FOR_SPREAD = 100
_BLOCK = 1024


@stored("error-model/1")
class ErrorModel:
    """Predict the size of the error of a model from what the model makes of a row.

    A linear model of the logarithm of the absolute error, its penalty chosen by leave-one-out;
    where errors have nothing to do with the features, it is nearly a constant. Predicted sizes stay
    within the middle 96 % of those seen, and, under 100 rows, the nearer to their median the fewer
    rows there are; under 20 rows they are constant.

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

    def __init__(self, features, errors):
        floor = _FLOOR * float(np.median(errors)) or _FLOOR * float(np.mean(errors))
        self.exact = floor == 0.0
        if self.exact:
            self.scores = np.zeros(len(errors))
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

    def size(self, features):
        """Return the expected size of the error for features (n, d), shape (n,)."""
        if self.exact:
            return np.zeros(len(features))
        blocks = range(0, len(features), _BLOCK)  # a float64 copy of all would cost more than this
        found = [features[start : start + _BLOCK] @ self.weights for start in blocks]
        return self._size(np.concatenate(found) + self.bias)

    def _size(self, logarithm):
        return np.exp(np.clip(logarithm, *self.bounds))


@stored("calibration/1")
class Calibration:
    """What errors on rows not trained on say of the scale of an `ErrorModel`.

    Parameters
    ----------
    scores : float array (n,)
        Absolute error over its expected size.
    weights : float array (n,)
        Row weights.
    """

    def __init__(self, scores, weights):
        order = np.argsort(scores, kind="stable")
        self.scores = scores[order]
        self.weights = weights[order]

    @property
    def spread(self):
        """Root mean square score: what turns an expected size into a standard deviation."""
        return math.sqrt(np.average(self.scores**2, weights=self.weights))

    def quantile(self, coverage):
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
    """The errors of one or several models on rows that they were not trained on, and their lesson.

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
        The features mean the same for all models, so that one `ErrorModel` learns from all rows.

    Attributes
    ----------
    mae : float array (k,)
        Mean absolute error on these rows.
    """

    def __init__(self, features, errors, weights, alike=False):
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

    def std(self, sizes):
        """Return standard deviations (n, k) for expected sizes of errors (n, k)."""
        return sizes * [each.spread for each in self.calibrations]

    def half_width(self, sizes, coverage):
        """Return half the width of intervals, (n, k), for expected sizes of errors (n, k)."""
        return sizes * [each.quantile(coverage) for each in self.calibrations]

    def sizes(self, features):
        """Return the expected sizes of errors (n, k) for features of each model (m, n, d)."""
        columns = []
        for models in self.models:
            models = models * len(features) if self.alike else models
            sizes = [model.size(part) for model, part in zip(models, features, strict=True)]
            columns.append(np.mean(sizes, axis=0))
        return np.stack(columns, axis=1)


class UncertainPredictions:
    """Predictions with standard deviations and intervals, for regressors that know their errors.

    A subclass gives ``_predict_rows(data, with_features)``, predictions (n, k) and the features (m,
    n, d) of its `uncertainty_`, and ``_shaped(values)``, which drops the axis of a single output.
    """

    def predict(self, X, return_std=False, coverage=None):
        """Predict the property.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `fit`.
        return_std : bool, default=False
            Return the standard deviation of each prediction too.
        coverage : float, optional
            Return intervals too, those of `predict_interval`. To ask for all at once costs no more
            than to ask for one.

        Returns
        -------
        predictions : ndarray (n,) or (n, k), float64
            In the unit of the `y` passed to `fit`.
        std : ndarray of the same shape
            Expected root mean square error, in the same unit, learned from rows that were not
            trained on. Only with ``return_std=True``.
        intervals : ndarray (n, 2) or (n, k, 2), float64
            Lower and upper end, in the same unit. Only with `coverage`.

        Raises
        ------
        InputError
            A standard deviation or an interval is wanted and no rows were held back in `fit`, or
            too few for this coverage.
        """
        data = read_input(self, X, fitting=False)
        predictions, features = self._predict_rows(data, return_std or coverage is not None)
        if features is None:
            return self._shaped(predictions)
        deviations, *ends = map(self._shaped, self._spread(predictions, features, coverage))
        found = [self._shaped(predictions), *([deviations] if return_std else [])]
        return tuple(found) if coverage is None else (*found, np.stack(ends, axis=-1))

    def predict_interval(self, X, coverage=0.9):
        """Predict an interval that holds the measured value with a given probability.

        Split conformal prediction: the half width is the expected size of the error of the row
        times a quantile of the errors, each over its expected size, on rows that were not trained
        on. For new rows drawn like the training rows the intervals hold the share `coverage` of
        the values; for other chemistry they may hold less.

        Parameters
        ----------
        X : sequence of formulas or structures, or float array (n, d)
            As in `fit`.
        coverage : float, default=0.9
            Share of the values that the intervals are to hold.

        Returns
        -------
        ndarray (n, 2) or (n, k, 2), float64
            Lower and upper end, in the unit of the `y` passed to `fit`.

        Raises
        ------
        InputError
            `coverage` is not between 0 and 1, too high for the number of rows held back in `fit`,
            or none were held back.

        References
        ----------
        Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018), doi:10.1080/01621459.2017.1307116.
        """
        if coverage is None:
            raise InputError("Got coverage=None, expected 0 < coverage < 1.")
        return self.predict(X, coverage=coverage)[1]

    def _spread(self, predictions, features, coverage):
        """Return standard deviations of predictions (n, k), and with `coverage` two ends each."""
        known = self._known()
        sizes = known.sizes(features)
        if coverage is None:
            return [known.std(sizes)]
        half = known.half_width(sizes, coverage)
        low = np.maximum(predictions - half, self._lowest())
        return [known.std(sizes), low, predictions + half]

    def _screen(self, data, coverage):
        predictions, features = self._predict_rows(data, True)
        found = [predictions]
        if self.uncertainty_ is not None:
            found += self._spread(predictions, features, coverage)
        names = ["prediction", "standard_deviation", "interval_low", "interval_high"]
        columns = {}
        for name, part in zip(names[: len(found)], map(self._shaped, found), strict=True):
            columns |= _named(name, part)
        return columns, features

    def _known(self):
        if self.uncertainty_ is None:
            raise InputError(
                f"Got a {type(self).__name__} without validation rows, expected some for "
                "standard deviations and intervals: fit on more rows (50 or more), with "
                "validation_fraction above 0."
            )
        return self.uncertainty_


def _named(name, values):
    """Return values (n,) by a name, or the columns of values (n, k) by the name and a number."""
    if values.ndim == 1:
        return {name: values}
    return {f"{name}_{i}": column for i, column in enumerate(values.T, start=1)}
