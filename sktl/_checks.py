"""Checks of what comes in beside X: targets, sample weights, the device, names of features."""

from __future__ import annotations

import math
import numbers
from typing import Any, Protocol

import numpy as np

from sktl._limits import LARGEST_NUMBER
from sktl._types import AnyArray, ArrayLike, FloatArray
from sktl._warnings import warn_caller
from sktl.exceptions import InputError


class NamedRows(Protocol):
    """Rows of X that messages can name, such as `Materials`."""

    def __len__(self) -> int: ...

    def name_row(self, row: int) -> str: ...


def check_integer(name: str, value: Any, low: int) -> None:
    """Raise unless the parameter called `name` is an integer of at least `low`."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < low:
        raise InputError(f"Got {name}={value!r}, expected an integer of at least {low}.")


def check_numbers(X: NamedRows, y: ArrayLike | None, *, estimator: str) -> FloatArray:
    """Return numeric targets as a float64 array (n,) or (n, k).

    Parameters
    ----------
    X : Materials, n rows
        Names the rows in messages.
    y : array-like (n,) or (n, k)
        Targets; text that is no number, NaN and infinity are errors.
    estimator : str
        Name for messages.

    Raises
    ------
    InputError
        y is missing, of another length, or holds a value that is no finite number.
    """
    y = _target_array(X, y, estimator)
    if y.dtype.kind not in "fiub":
        for row, value in enumerate(y.tolist()):
            if not all(_is_number(part) for part in np.ravel(value)):
                raise InputError(f"Got y={value!r} in {X.name_row(row)}, expected a number.")
    if y.dtype.kind in "mM":
        raise InputError(f"Got y of type {y.dtype}, expected numbers.")
    if np.iscomplexobj(y):
        raise InputError("Complex data not supported: got complex y, expected real numbers.")
    y = y.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(y.reshape(len(y), -1)).all(axis=1))
    if len(bad):
        raise InputError(
            f"Input y contains NaN or infinity: got y={y[bad[0]]} in {X.name_row(bad[0])}, "
            f"expected a finite number ({len(bad)} such rows)."
        )
    return y


def check_squares(X: NamedRows, y: FloatArray) -> None:
    """Raise for targets (n,) whose squares overflow: nothing could be learned of their spread.

    Raises
    ------
    InputError
        The message names the row and the value, and says to use another unit.
    """
    row = int(np.abs(y).argmax())
    if abs(y[row]) > LARGEST_NUMBER:
        raise InputError(
            f"Got y={y[row]} in {X.name_row(row)}, expected numbers of at most "
            f"{LARGEST_NUMBER:g}: use another unit, or a logarithm."
        )


def one_target(y: AnyArray) -> AnyArray:
    """Return targets (n,) or (n, 1) as (n,), with a warning for a column.

    Raises
    ------
    InputError
        There are several columns.
    """
    if y.ndim == 1:
        return y
    if y.shape[1] != 1:
        raise InputError(f"y should be a 1d array: got shape {y.shape}, expected one target (n,).")
    from sklearn.exceptions import DataConversionWarning

    warn_caller(
        "A column-vector y was passed when a 1d array was expected. Please change the shape of y "
        "to (n_samples,), for example using ravel().",
        DataConversionWarning,
    )
    return y[:, 0]


def check_labels(X: NamedRows, y: ArrayLike | None, *, estimator: str) -> AnyArray:
    """Return class labels as an array (n,); see `check_numbers` for the errors."""
    from sklearn.utils.multiclass import check_classification_targets

    labels = _target_array(X, y, estimator)
    if labels.ndim == 2:
        labels = one_target(labels)
    for row, value in enumerate(labels.tolist()):
        if _is_missing(value):
            raise InputError(
                f"Input y contains NaN or infinity: got y={value!r} in {X.name_row(row)}, "
                "expected a label."
            )
    try:
        np.unique(labels)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in labels})
        raise InputError(f"Got labels of types {kinds} in y, expected one type.") from error
    try:
        check_classification_targets(labels)
    except ValueError as error:
        raise InputError(str(error)) from error
    return labels


def _target_array(X: NamedRows, y: ArrayLike | None, estimator: str) -> AnyArray:
    if y is None:
        raise InputError(
            f"This {estimator} estimator requires y to be passed, but the target y is None."
        )
    try:
        y = np.asarray(y)
    except ValueError as error:
        raise InputError(f"Got y that is no array: {error}.") from error
    if y.ndim not in (1, 2) or (y.ndim == 2 and y.shape[1] == 0):
        raise InputError(f"y should be a 1d array or (n, k): got an array of shape {y.shape}.")
    if len(y) != len(X):
        raise InputError(
            f"Got {len(X)} rows in X and {len(y)} in y: inconsistent numbers of samples."
        )
    return y


def _is_number(value: Any) -> bool:
    read = float if isinstance(value, str) else complex  # numbers that are not real are told of
    try:
        read(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return isinstance(value, str | numbers.Number)


def _is_missing(label: object) -> bool:
    if isinstance(label, float):
        return not math.isfinite(label)
    return label is None or type(label).__name__ == "NAType"  # pandas.NA, without importing pandas


def check_weights(X: NamedRows, weights: ArrayLike | None) -> FloatArray:
    """Return sample weights of the n rows of X as float64 (n,); None gives ones.

    Raises
    ------
    InputError
        A weight is negative or not finite, all are zero, or there are not n of them.
    """
    n = len(X)
    if weights is None:
        return np.ones(n)
    try:
        weights = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"Got sample_weight that are not numbers: {error}.") from error
    if weights.ndim == 0:
        weights = np.full(n, weights)
    if weights.shape != (n,):
        raise InputError(
            f"Sample weights must be 1D array or scalar: got shape {weights.shape}, expected "
            f"({n},)."
        )
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise InputError(
            f"Got sample_weight={weights[bad[0]]} in {X.name_row(bad[0])}, expected a finite "
            "number >= 0."
        )
    most = np.finfo(np.float64).max / n
    if (weights > most).any():
        raise InputError(
            f"Got sample_weight={weights.max()}, expected at most {most:.3g}, so that the sum is "
            "finite: divide all weights by one number."
        )
    if not weights.any():
        raise InputError("Got only zeros in sample_weight, expected at least one positive weight.")
    return weights


def check_predictions(X: NamedRows, said: AnyArray, what: str = "a prediction") -> None:
    """Raise unless all that a model says of the n rows of X, (n, ...), is finite.

    Raises
    ------
    InputError
        The message names the first row and what to do.
    """
    bad = np.flatnonzero(~np.isfinite(said.reshape(len(said), -1)).all(axis=1))
    if len(bad):
        raise InputError(
            f"Got {what} of {said[bad[0]]} for {X.name_row(bad[0])}, expected a finite number "
            f"({len(bad)} such rows): fit the model again, on targets of a usual size and with the "
            "default learning rate. If it came from elsewhere, do not use its file."
        )


def resolve_device(device: str) -> str:
    """Return "cpu" or a CUDA device for the parameter `device`; "auto" prefers CUDA."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        found = None
    if (
        found is None
        or found.type not in ("cpu", "cuda")
        or (found.type == "cpu" and found.index not in (None, 0))
    ):
        raise InputError(f"Got device={device!r}, expected 'auto', 'cpu', 'cuda' or 'cuda:0'.")
    if found.type == "cuda" and not (found.index or 0) < torch.cuda.device_count():
        raise InputError(f"Got device={device!r}, but this machine has no such CUDA device.")
    return device


def check_feature_names(estimator: Any, input_features: Any) -> None:
    """Compare the argument of ``get_feature_names_out`` with the input seen in fit.

    Raises
    ------
    InputError
        Names of another number, or other names, than in fit.
    """
    if input_features is None:
        return
    if len(input_features) != estimator.n_features_in_:
        raise InputError(
            "input_features should have length equal to number of features "
            f"({estimator.n_features_in_}), got {len(input_features)}"
        )
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and list(names) != list(input_features):
        raise InputError("input_features is not equal to feature_names_in_")
