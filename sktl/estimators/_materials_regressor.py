"""What all regressors of materials share: predictions, standard deviations, intervals."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal, overload

import numpy as np
from sklearn.base import RegressorMixin

from sktl._checks import check_predictions
from sktl._types import FloatArray, MaterialsLike
from sktl.estimators._base import MaterialsModel
from sktl.estimators._input import read_materials
from sktl.estimators._uncertainty import Features
from sktl.exceptions import InputError
from sktl.representations import Materials


class MaterialsRegressor(RegressorMixin, MaterialsModel):
    """A regressor of materials that knows how large its errors are.

    Its ``uncertainty_`` is what held-out rows teach, or None where there were none.
    """

    @abstractmethod
    def _shaped(self, values: FloatArray) -> FloatArray:
        """Return values (n, k) without the axis of a single output."""

    @abstractmethod
    def _lowest(self) -> float:
        """Return the number that no prediction is below."""

    @overload
    def predict(self, X: MaterialsLike) -> FloatArray: ...

    @overload
    def predict(
        self, X: MaterialsLike, return_std: Literal[True]
    ) -> tuple[FloatArray, FloatArray]: ...

    @overload
    def predict(self, X: MaterialsLike, *, coverage: float) -> tuple[FloatArray, FloatArray]: ...

    @overload
    def predict(
        self, X: MaterialsLike, return_std: bool = False, coverage: float | None = None
    ) -> FloatArray | tuple[FloatArray, ...]: ...

    def predict(
        self, X: MaterialsLike, return_std: bool = False, coverage: float | None = None
    ) -> FloatArray | tuple[FloatArray, ...]:
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
            A standard deviation or an interval is wanted and no rows were held out in `fit`, or
            too few for this coverage; or a prediction is no finite number.
        """
        materials = read_materials(self, X, fitting=False)
        if not return_std and coverage is None:
            return self._shaped(self._say(materials)[0])
        predictions, features = self._say(materials, True)
        spread = self._spread(materials, predictions, features, coverage)
        deviations, *ends = map(self._shaped, spread)
        found = [self._shaped(predictions), *([deviations] if return_std else [])]
        return tuple(found) if coverage is None else (*found, np.stack(ends, axis=-1))

    def predict_interval(self, X: MaterialsLike, coverage: float = 0.9) -> FloatArray:
        """Predict an interval that holds the measured value with a given probability.

        Split conformal prediction: the half width is the expected size of the error of the row
        times a quantile of the errors, each over its expected size, on rows that were not trained
        on. For new rows drawn like the training rows the intervals hold the share `coverage` of
        the values; for other chemistry they may hold less. Beyond the range of a column beside the
        material they widen in proportion to the distance from it, in its standard deviations.

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
            `coverage` is not between 0 and 1, too high for the number of rows held out in `fit`,
            or none were held out.

        References
        ----------
        Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018), doi:10.1080/01621459.2017.1307116.
        """
        if coverage is None:
            raise InputError("Got coverage=None, expected 0 < coverage < 1.")
        return self.predict(X, coverage=coverage)[1]

    def _screen(
        self, materials: Materials, coverage: float | None
    ) -> tuple[dict[str, Any], Features]:
        predictions, features = self._say(materials, True)
        found = [predictions]
        if self.uncertainty_ is not None:
            found += self._spread(materials, predictions, features, coverage)
        names = ["prediction", "standard_deviation", "interval_low", "interval_high"]
        columns: dict[str, Any] = {}
        for name, part in zip(names[: len(found)], map(self._shaped, found), strict=True):
            columns |= _named(name, part)
        return columns, features

    def _deviations(self, materials: Materials) -> FloatArray:
        """Return the standard deviations of predictions, (n, k)."""
        return self._spread(materials, *self._say(materials, True), None)[0]

    def _spread(
        self, materials: Materials, predictions: FloatArray, features: Features, coverage: Any
    ) -> list[FloatArray]:
        """Return standard deviations of predictions (n, k), and with `coverage` two ends each."""
        if self.uncertainty_ is None:
            raise InputError(
                f"Got a {type(self).__name__} without held-out rows, expected some for standard "
                "deviations and intervals: fit on more rows (50 or more, of several compositions), "
                "with a validation_fraction above 0."
            )
        wider = 1.0 + self._beyond(materials)[0]
        with np.errstate(over="ignore", invalid="ignore"):
            deviations, half_widths = self.uncertainty_.spread(features, coverage, wider)
        check_predictions(materials, deviations, "a standard deviation")
        if half_widths is None:
            return [deviations]
        low = np.maximum(predictions - half_widths, self._lowest())
        return [deviations, low, predictions + half_widths]


def _named(name: str, values: FloatArray) -> dict[str, FloatArray]:
    """Return values (n,) by a name, or the columns of values (n, k) by the name and a number."""
    if values.ndim == 1:
        return {name: values}
    return {f"{name}_{i + 1}": values[:, i] for i in range(values.shape[1])}
