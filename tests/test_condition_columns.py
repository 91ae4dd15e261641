"""How columns beside the material are read: what is one number, what is missing, what is told."""

import warnings

import numpy as np
import pandas as pd
import pytest

import sktl
from sktl import TransferRegressor
from sktl.exceptions import InputError, TransferWarning
from sktl.representations import ConditionColumns, Conditions, Materials

OXIDES = [f"{metal}{n}O" for metal in ("Fe", "Ni", "Al", "Ti") for n in (1, 2, 3)]


def columns_of(**cells):
    """Return the columns as training rows have them."""
    return ConditionColumns(Conditions.read(cells))


def excess(columns, **cells):
    """Return how far rows are beyond the training rows."""
    return columns.beyond(columns.check(Conditions.read(cells)))[0]


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e5])
@pytest.mark.parametrize("n", [10, 72])
def test_a_constant_number_is_constant_in_every_unit(unit, n):
    columns = columns_of(x=np.full(n, 0.1) * unit)
    assert columns.told == []
    assert excess(columns, x=np.array([0.1, 0.2]) * unit) == pytest.approx([0, 1])
    assert excess(columns, x=np.array([0.1 * unit], dtype=np.float32)).tolist() == [0]


def test_a_constant_zero_has_the_unit_of_the_column():
    assert excess(columns_of(x=np.zeros(5)), x=[0.0, 2.0]).tolist() == [0, 2]


def test_numbers_that_differ_in_the_last_bits_are_one():
    noisy = columns_of(x=[0.1, 0.2, 0.3, 0.1, 0.2, 0.1 + 0.2])
    clean = columns_of(x=[0.1, 0.2, 0.3, 0.1, 0.2, 0.3])
    cells = {"x": [0.3, 0.1 + 0.2, 0.25]}
    assert np.diff(noisy.columns["x"].edges).min() > 1e-3
    assert len(noisy.columns["x"].edges) == len(clean.columns["x"].edges)
    encoded = noisy.encode(Conditions.read(cells))
    np.testing.assert_allclose(encoded, clean.encode(Conditions.read(cells)), atol=1e-5)
    np.testing.assert_allclose(encoded[0], encoded[1], atol=1e-6)
    assert columns_of(x=[0.3, 0.1 + 0.2] * 3).told == []


def test_numbers_of_many_sizes_stay_apart():
    cells = 10.0 ** np.arange(15, 25)
    assert len(columns_of(x=cells).columns["x"].edges) >= len(cells)
    assert columns_of(x=[0.0, 1e-17, 0.1, 0.2]).columns["x"].edges[1] > 1e-3


def test_the_range_holds_its_ends_in_single_precision():
    ends = np.array([0.1, 0.7, 298.15])
    columns = columns_of(x=ends)
    assert excess(columns, x=ends.astype(np.float32)).tolist() == [0, 0, 0]
    assert excess(columns_of(x=ends.astype(np.float32)), x=ends).tolist() == [0, 0, 0]
    assert (excess(columns, x=[0.0999, 298.16]) > 0).all()


def test_an_empty_column_of_fit_takes_anything_later():
    columns = columns_of(grain=[None, None, None], T=[1.0, 2.0, 3.0])
    assert columns.told == ["T"]
    for given in ([5.0, np.nan], ["fine", None]):
        conditions = columns.check(Conditions.read({"grain": given, "T": [1.0, 2.0]}))
        assert columns.beyond(conditions)[1] == [("grain",), ()]
        assert np.isfinite(columns.encode(conditions)).all()
        with pytest.warns(TransferWarning, match="'grain'.*row 0: no training row has any"):
            columns.tell_unseen(conditions, "warn")


def test_a_missing_number_that_no_training_row_lacks_is_the_mean():
    columns = columns_of(T=[300.0, 500.0, 700.0], mode=["a", "b", "a"])
    gone = Conditions.read({"T": [np.nan, 500.0], "mode": ["a", "a"]})
    encoded = columns.encode(gone)
    np.testing.assert_array_equal(encoded[0], encoded[1])
    assert columns.beyond(gone)[0][0] == 1
    with pytest.warns(TransferWarning, match="no value in 1 of 2 rows of .* 'T'.*row 0.*mean"):
        columns.tell_unseen(gone, "warn")
    with pytest.raises(InputError, match="no value in 1 of 2 rows of .* 'T'.*expected one"):
        columns.tell_unseen(gone, "error")
    words = columns.check(Conditions.read({"T": [300.0, 500.0], "mode": [None, "a"]}))
    with pytest.warns(TransferWarning, match="no value in 1 of 2 rows of .* 'mode'.*none of"):
        columns.tell_unseen(words, "warn")


@pytest.mark.filterwarnings("error")
def test_missing_cells_as_in_fit_are_read_as_before():
    columns = columns_of(T=[300.0, 500.0, np.nan], mode=["a", None, "b"])
    gone = columns.check(Conditions.read({"T": [np.nan], "mode": [None]}))
    columns.tell_unseen(gone, "error")
    width = columns.columns["T"].encode(np.array([np.nan])).shape[1]
    assert columns.encode(gone)[0].tolist() == [0.0] * (width - 1) + [1.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("odd", ["n/a", "300 K"])
def test_words_among_numbers_are_told_of_in_fit_alone(odd, tiny_source, tmp_path):
    texts = [*map(str, range(300, 311)), odd]
    frame = pd.DataFrame({"formula": OXIDES, "T": texts})
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0)
    with pytest.warns(TransferWarning, match=f"11 of 12.*row 11 there is the first of '{odd}'"):
        model.fit(frame, np.arange(12.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(frame)
        model.save(tmp_path / "m.sktl")
        sktl.load_model(tmp_path / "m.sktl").predict(frame)


@pytest.mark.filterwarnings("error")
def test_names_that_are_declared_or_seldom_numbers_are_not_told_of():
    frame = pd.DataFrame({"formula": ["Fe", "Ni", "Al"], "steel": ["304", "316", "316L"]})
    frame["steel"] = frame["steel"].astype("category")
    assert Materials.read(frame, "auto").conditions.columns["steel"].tolist()[2] == "316L"
    Conditions.read({"steel": ["304", "316L", "17-4PH"]})


def test_a_text_where_fit_had_numbers_is_named():
    columns = columns_of(T=[300.0, 500.0])
    with pytest.raises(InputError, match="'n/a' in row 1, expected numbers"):
        columns.check(Conditions.read({"T": ["300", "n/a"]}, tell=False))
