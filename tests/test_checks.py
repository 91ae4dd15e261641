"""The boundary where y, sample weights and devices come in."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sktl._checks import (
    check_feature_names,
    check_labels,
    check_numbers,
    check_predictions,
    check_squares,
    check_weights,
    resolve_device,
)
from sktl.exceptions import InputError
from sktl.representations import Materials

FORMULAS = Materials.read(["NaCl", "Fe2O3", "GaAs"])


@pytest.mark.parametrize(
    "y",
    [
        [1, 2, 3],
        [True, False, True],
        ["1", "2.5", "-3e2"],
        [1.5, "2", 3],
        pl.Series([1.5, 2.0, 3.0]),
        pa.chunked_array([[1, 2, 3]]),
        pd.Series([1.0, 2.0, 3.0], dtype="float64[pyarrow]"),
    ],
    ids=lambda y: type(y).__name__,
)
def test_numbers_as_float64(y):
    found = check_numbers(FORMULAS, y, estimator="E")
    assert found.dtype == np.float64 and found.shape == (3,)
    np.testing.assert_array_equal(found, np.asarray(y, dtype=object).astype(float))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, np.nan, np.nan], r"got y=nan in row 1 \('Fe2O3'\).*2 such rows"),
        ([1.0, 2.0, -np.inf], r"got y=-inf in row 2 \('GaAs'\)"),
        ([1.0, None, 2.0], r"Got y=None in row 1 \('Fe2O3'\), expected a number"),
        ([1.0, "high", 2.0], r"Got y='high' in row 1 \('Fe2O3'\), expected a number"),
        (["1", "2", "n/a"], r"Got y='n/a' in row 2 \('GaAs'\), expected a number"),
        ([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]], r"row 1 \('Fe2O3'\)"),
        (np.array([1, 10**400, 2], object), r"y=1000.* in row 1 \('Fe2O3'\), expected a number"),
        (["1", "2j", "3"], r"y='2j' in row 1 \('Fe2O3'\), expected a number"),
        ([1.0, 2.0], "3 rows in X and 2 in y"),
        ([1.0, 2.0, 3j], "real numbers"),
        (pd.date_range("2020", periods=3), "y of type datetime64"),
        ([[1], [2, 3], [4]], "y that is no array"),
        (np.zeros((3, 0)), r"shape \(3, 0\)"),
        (np.zeros((3, 1, 1)), r"shape \(3, 1, 1\)"),
        (5.0, r"shape \(\)"),
        (None, "requires y"),
    ],
)
def test_unusable_numbers(y, message):
    with pytest.raises(InputError, match=message):
        check_numbers(FORMULAS, y, estimator="E")


def test_rows_of_numeric_columns_are_named_by_number():
    with pytest.raises(InputError, match=r"got y=nan in row 2, expected"):
        check_numbers(Materials.read(np.eye(3)), [1.0, 2.0, np.nan], estimator="E")


def test_numbers_whose_squares_overflow():
    check_squares(FORMULAS, np.array([1e100, -1e100, 0.0]))
    with pytest.raises(InputError, match=r"y=-1e\+101 in row 1 \('Fe2O3'\).*another unit"):
        check_squares(FORMULAS, np.array([1e100, -1e101, 0.0]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_predictions_are_finite(shape, value):
    said = np.ones(shape)
    check_predictions(FORMULAS, said)
    said[1:] = value
    with pytest.raises(InputError, match=r"row 1 \('Fe2O3'\), expected a finite .*2 such rows"):
        check_predictions(FORMULAS, said)


@pytest.mark.parametrize("y", [["a", "b", "a"], [0, 1, 2], [True, False, True], [[1], [2], [2]]])
@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_labels(y):
    np.testing.assert_array_equal(check_labels(FORMULAS, y, estimator="E"), np.ravel(y))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", None, "b"], r"y=None in row 1 \('Fe2O3'\), expected a label"),
        ([0, 1, np.nan], r"y=nan in row 2 \('GaAs'\), expected a label"),
        (pd.array([0, pd.NA, 1]), r"row 1 \('Fe2O3'\), expected a label"),
        (pd.array(["a", "b", pd.NA]), r"y=<NA> in row 2 \('GaAs'\), expected a label"),
        ([0, 1], "3 rows in X and 2 in y"),
        ([0.5, 1.5, 2.25], "Unknown label type: continuous"),
    ],
)
def test_unusable_labels(y, message):
    with pytest.raises(InputError, match=message):
        check_labels(FORMULAS, y, estimator="E")


def test_weights():
    np.testing.assert_array_equal(check_weights(FORMULAS, None), np.ones(3))
    np.testing.assert_array_equal(check_weights(FORMULAS, 2), np.full(3, 2.0))
    np.testing.assert_array_equal(check_weights(FORMULAS, pd.Series([1, 0, 2])), [1.0, 0.0, 2.0])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -1, 1], r"sample_weight=-1.0 in row 1 \('Fe2O3'\)"),
        ([1, 1, np.nan], r"sample_weight=nan in row 2 \('GaAs'\)"),
        ([0, 0, 0], "Got only zeros"),
        ([1, 1], r"shape \(2,\), expected \(3,\)"),
        ([[1], [1], [1]], r"shape \(3, 1\), expected \(3,\)"),
        (-1.0, "sample_weight=-1.0"),
        (float("nan"), "sample_weight=nan"),
        (0, "Got only zeros"),
        (["a", "b", "c"], "sample_weight"),
        ([1e308] * 3, "Got sample_weight=1e.308, expected at most 5.99e.307"),
    ],
)
def test_unusable_weights(weights, message):
    with pytest.raises(InputError, match=message):
        check_weights(FORMULAS, weights)


def test_devices():
    import torch

    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    for device in ("gpu", None, 3.5, "mps", "meta", "cpu:99"):
        with pytest.raises(InputError, match="expected 'auto', 'cpu', 'cuda' or"):
            resolve_device(device)
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no such CUDA device"):
            resolve_device("cuda")


def test_feature_names():
    class Fitted:
        n_features_in_ = 2
        feature_names_in_ = np.array(["a", "b"], dtype=object)

    check_feature_names(Fitted(), None)
    check_feature_names(Fitted(), ["a", "b"])
    with pytest.raises(InputError, match="not equal to feature_names_in_"):
        check_feature_names(Fitted(), ["b", "a"])
    with pytest.raises(InputError, match="length equal to number of features"):
        check_feature_names(Fitted(), ["a"])
