"""Applicability: near and far, elements never seen, and neighbours one can look up."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.dummy import DummyRegressor

from sktl import TransferClassifier, TransferRegressor, TransferStackRegressor, load_model
from sktl.datasets import load_expt_gap
from sktl.exceptions import FormulaError, InputError, TransferWarning, UnseenElementError


@pytest.fixture(scope="module")
def rows(toy_rows):
    formulas, energies, _ = toy_rows(150, seed=7)
    return formulas, energies


@pytest.fixture(scope="module")
def fitted(rows, tiny_source):
    return TransferRegressor(tiny_source, random_state=0).fit(*rows)


@pytest.fixture(scope="module")
def stack(rows, tiny_source, few_steps):
    with few_steps():
        return TransferStackRegressor(tiny_source, n_members=2, random_state=0).fit(*rows)


def test_neighbours_are_training_rows(fitted, rows):
    formulas, y = rows
    found = fitted.applicability(formulas[:20])
    assert list(found.columns) == [
        "distance",
        "outside",
        "unseen_in_training",
        "unseen_in_pretraining",
        "nearest",
        "nearest_values",
        "nearest_rows",
        "expected_error",
    ]
    for row in range(20):
        near = list(found["nearest_rows"][row])
        assert formulas[row] in [formulas[i] for i in near]  # a row is its own neighbour
        assert found["nearest"][row] == tuple(formulas[i] for i in near)
        np.testing.assert_array_equal(found["nearest_values"][row], np.asarray(y)[near])
    assert len(fitted.applicability(formulas[:1], n_neighbors=3)["nearest"][0]) == 3


def test_most_of_what_is_like_the_training_rows_is_inside(fitted, toy_rows):
    new = fitted.applicability(toy_rows(200, seed=8)[0])
    assert 0.005 < (new["distance"] > fitted.domain_.limit).mean() < 0.2
    assert 0.5 < new["distance"].median() < 2.0


def test_elements_never_seen_are_named_and_outside(tiny_source, rows):
    formulas, y = (np.array(part) for part in rows)
    known = tiny_source.card.elements
    without = np.array([("Na" not in formula) for formula in formulas])
    assert 11 in known and not without.all()
    model = TransferRegressor(tiny_source, max_epochs=2, random_state=0)
    model.fit(formulas[without], y[without])
    sodium = formulas[~without][0]
    found = model.applicability([sodium, "FmO", formulas[without][0]])
    assert found["unseen_in_training"].tolist() == [("Na",), ("Fm",), ()]
    assert found["unseen_in_pretraining"].tolist() == [(), ("Fm",), ()]
    assert found["outside"].tolist()[:2] == [True, True]
    with pytest.raises(UnseenElementError, match="Og"):
        model.applicability(["OgO"])


def test_another_chemistry_is_further_away():
    rows = load_expt_gap().frame.sample(1500, random_state=0)
    oxides = rows["Composition"].str.contains("O(?![a-z])")
    known, near, far = rows[oxides][:150], rows[oxides][150:250], rows[~oxides][:100]
    model = TransferRegressor("oqmd", max_epochs=8, random_state=0)
    model.fit(known["Composition"], known["Eg"])
    near, far = (model.applicability(part["Composition"]) for part in (near, far))
    assert far["distance"].median() > 1.2 * near["distance"].median()
    assert far["outside"].mean() > 2 * near["outside"].mean()


def test_the_order_and_the_unit_do_not_matter(fitted, rows, tiny_source):
    formulas, y = rows
    turned = TransferRegressor(tiny_source, random_state=0).fit(
        formulas[::-1], 1000 * np.asarray(y)[::-1]
    )
    found = [model.applicability(formulas[:30])["distance"] for model in (fitted, turned)]
    np.testing.assert_allclose(*found, rtol=0.02)


def test_errors_are_expected_to_grow_with_distance(fitted, toy_rows):
    formulas = toy_rows(60, seed=8)[0]
    found = fitted.applicability([*formulas, "FmO"])
    std = fitted.predict(formulas, return_std=True)[1]
    near = found["distance"][:60] <= 1
    np.testing.assert_allclose(found["expected_error"][:60][near], std[near])
    assert (found["expected_error"][:60][~near] > std[~near]).all() and near.any()
    assert np.isnan(found["expected_error"][60])
    assert "expected_error" not in fitted.applicability(formulas, with_errors=False)


def test_a_classifier_shows_labels(rows, tiny_source):
    formulas, y = rows
    labels = np.where(np.asarray(y) > np.median(y), "high", "low")
    quick = {"n_members": 2, "max_epochs": 2, "random_state": 0}
    model = TransferClassifier(tiny_source, **quick).fit(formulas, labels)
    found = model.applicability(formulas[:5])
    for near, values in zip(found["nearest_rows"], found["nearest_values"], strict=True):
        assert list(values) == labels[list(near)].tolist()


def test_a_stack_judges_by_all_rows(stack, rows, tmp_path):
    formulas, _ = rows
    found = stack.applicability(formulas)
    for row, near in enumerate(found["nearest_rows"]):  # those held back by the member as well
        assert formulas[row] in [formulas[i] for i in near]
    stack.save(tmp_path / "stack.sktl")
    again = load_model(tmp_path / "stack.sktl").applicability(formulas)
    assert again.equals(found)


def test_numeric_columns_have_neighbours_and_no_elements():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(60, 3))
    model = TransferRegressor(source=None, max_epochs=2, random_state=0).fit(X, X[:, 0])
    found = model.applicability(X[:2] + 0.001)
    assert found["unseen_in_training"].tolist() == [(), ()]
    assert found["nearest"][0][0] == "row 0" and found["nearest_rows"][1][0] == 1


def test_two_materials_are_enough(tiny_source):
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0).fit(
        ["NaCl", "K2O"], [1, 2]
    )
    found = model.applicability(["NaCl", "LiF"], n_neighbors=2)
    assert np.isfinite(found["distance"]).all()
    assert found["unseen_in_training"][0] == () and set(found["unseen_in_training"][1]) == {
        "F",
        "Li",
    }


@pytest.mark.parametrize("kind", ["network", "two outputs", "stack"])
def test_screen_gives_what_the_single_calls_give(kind, request, rows, tiny_source):
    formulas, y = rows
    if kind == "two outputs":
        model = TransferRegressor(tiny_source, max_epochs=2, random_state=0)
        model.fit(formulas, np.column_stack([y, y]))
    else:
        model = request.getfixturevalue("stack" if kind == "stack" else "fitted")
    table = model.screen(formulas[:30], coverage=0.8)
    values, deviations, ends = model.predict(formulas[:30], return_std=True, coverage=0.8)
    numbers = ["_1", "_2"] if kind == "two outputs" else [""]
    for name, found in (
        ("prediction", values),
        ("standard_deviation", deviations),
        ("interval_low", ends[..., 0]),
        ("interval_high", ends[..., 1]),
    ):
        columns = table[[name + number for number in numbers]].to_numpy()
        np.testing.assert_allclose(columns, found.reshape(30, -1), rtol=1e-6, atol=1e-6)
    near = model.applicability(formulas[:30], with_errors=False)
    assert list(table.columns[-3:]) == ["distance", "outside", "nearest"]
    np.testing.assert_allclose(table["distance"], near["distance"], rtol=1e-5, atol=1e-6)
    assert table[["outside", "nearest"]].equals(near[["outside", "nearest"]])


@pytest.mark.parametrize("kind", ["network", "stack"])
def test_screen_of_many_rows_goes_part_by_part(kind, request, rows, monkeypatch):
    formulas, _ = rows
    model = request.getfixturevalue("stack" if kind == "stack" else "fitted")
    monkeypatch.setattr("sktl.estimators._base.ROWS_AT_A_TIME", 7)
    table = model.screen(formulas[:30])
    assert table.index.tolist() == list(range(30))
    np.testing.assert_allclose(table["prediction"], model.predict(formulas[:30]), rtol=1e-5)
    near = model.applicability(formulas[:30], with_errors=False)
    assert table[["outside", "nearest"]].equals(near[["outside", "nearest"]])
    with pytest.raises(UnseenElementError, match="Fm in 2 of 32 rows, first in row 30") as caught:
        model.screen([*formulas[:30], "FmO", "FmS"])
    assert caught.value.rows == [30, 31]


def test_screen_of_many_rows_warns_once(rows, tiny_source, monkeypatch):
    monkeypatch.setattr("sktl.estimators._base.ROWS_AT_A_TIME", 7)
    model = TransferRegressor(tiny_source, max_epochs=1, unseen_elements="warn").fit(*rows)
    with pytest.warns(TransferWarning, match="row 20") as caught:
        model.screen([*rows[0][:20], "UO2", *rows[0][:20]])
    assert len(caught) == 1


def test_screen_shows_a_bar_in_a_terminal_if_asked(fitted, rows, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    for name, seconds in (("DELAY", 0.0), ("TICK", 0.01)):
        monkeypatch.setattr(f"sktl._progress.{name}", seconds)
    fitted.screen(rows[0][:5])
    assert capsys.readouterr().err == ""
    fitted.screen(rows[0] * 200, progress=True)
    assert "Predicting" in capsys.readouterr().err


def test_screen_without_rows_held_back_gives_no_deviations(rows, tiny_source):
    formulas, y = (part[:3] for part in rows)
    model = TransferRegressor(tiny_source, max_epochs=1, random_state=0).fit(formulas, y)
    columns = list(model.screen(formulas).columns)
    assert columns == ["prediction", "distance", "outside", "nearest"]


def test_the_index_of_x_is_kept(fitted, rows):
    index = pd.MultiIndex.from_tuples([("b", 2), ("a", 1), ("b", 2)])
    series = pd.Series(rows[0][:3], index=index)
    for X in (series, series.to_frame("formula")):
        for found in (fitted.screen(X), fitted.applicability(X)):
            assert found.index.equals(index)
            assert found["distance"].notna().all()
    for X in (series.tolist(), series.to_numpy(), pl.Series(series.tolist())):
        assert fitted.screen(X).index.equals(pd.RangeIndex(3))


def test_screen_of_a_classifier_gives_chances(rows, tiny_source):
    formulas, y = rows
    labels = (np.asarray(y) > np.median(y)).astype(int)
    quick = {"n_members": 2, "max_epochs": 2, "random_state": 0}
    model = TransferClassifier(tiny_source, **quick).fit(formulas, labels)
    table = model.screen(formulas[:5])
    np.testing.assert_array_equal(table["prediction"], model.predict(formulas[:5]))
    chances = table[["probability_0", "probability_1"]].to_numpy()
    np.testing.assert_allclose(chances, model.predict_proba(formulas[:5]), rtol=1e-6)
    assert {"distance", "outside", "nearest"} <= set(table.columns)


def test_mistakes(fitted, rows):
    with pytest.raises(FormulaError, match="row 1"):
        fitted.applicability(["NaCl", "3-Feb"])
    for wrong in (0, 1000, 2.5):
        with pytest.raises(InputError, match=f"Got n_neighbors={wrong}"):
            fitted.applicability(["NaCl"], n_neighbors=wrong)
    formulas, y = rows
    bases = [("median", DummyRegressor())]
    stack = TransferStackRegressor(estimators=bases, n_members=2).fit(formulas, y)
    with pytest.raises(InputError, match="none of its base models is a fine-tuned network"):
        stack.applicability(["NaCl"])
