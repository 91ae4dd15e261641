"""Trees beside a fine-tuned network: they take part where held-out rows show that this helps."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error

from sktl import TransferRegressor, TransferStackRegressor, load_model
from sktl.estimators._trees import choose_share
from sktl.representations import parse_formulas

QUICK = dict(max_epochs=1, random_state=0, device="cpu")


@pytest.fixture(scope="module")
def rows(toy_rows):
    """Formulas, and targets that follow the heaviest element, of which the source knows nothing."""
    formulas = toy_rows(240, seed=5)[0]
    batch = parse_formulas(formulas)
    heaviest = [batch.numbers[batch.rows == row].max() for row in range(len(formulas))]
    return formulas, np.round(100.0 * np.sin(np.array(heaviest, dtype=float)))


@pytest.fixture(scope="module")
def guarded(tiny_source, rows):
    return TransferRegressor(tiny_source, **QUICK).fit(*rows)


def test_trees_take_part_where_the_source_does_not_help(guarded, tiny_source, rows):
    formulas, y = rows
    alone = TransferRegressor(tiny_source, trees=False, **QUICK).fit(formulas, y)
    assert guarded.trees_.share >= 0.5 and alone.trees_ is None
    errors = [mean_absolute_error(y, model.predict(formulas)) for model in (guarded, alone)]
    assert errors[0] < 0.7 * errors[1]
    assert f"{guarded.trees_.share:.0%} trees" in guarded.transfer_report_
    assert "On 23 held-out rows" in guarded.transfer_report_
    assert f"{guarded.uncertainty_.mae[0]:.4g}." in guarded.transfer_report_
    assert "trees=False" in alone.transfer_report_


def test_the_network_predicts_alone_where_the_source_helps(tiny_source, toy_rows):
    formulas, energies, _ = toy_rows(240, seed=5)
    model = TransferRegressor(tiny_source, **QUICK | {"max_epochs": 4}).fit(formulas, energies)
    assert model.trees_ is None and "trees would not help" in model.transfer_report_
    alone = clone(model).set_params(trees=False).fit(formulas, energies)
    np.testing.assert_array_equal(model.predict(formulas), alone.predict(formulas))


def test_a_mixture_is_saved_judged_and_screened_as_a_network_is(guarded, rows, tmp_path):
    formulas, _ = rows
    guarded.save(tmp_path / "m.sktl")
    again = load_model(tmp_path / "m.sktl")
    np.testing.assert_array_equal(again.predict(formulas), guarded.predict(formulas))
    assert again.transfer_report_ == guarded.transfer_report_
    one = [guarded.predict([formula])[0] for formula in formulas[:5]]
    np.testing.assert_allclose(one, guarded.predict(formulas)[:5], rtol=1e-6)
    low, high = guarded.predict_interval(formulas).T
    screened = guarded.screen(formulas)
    np.testing.assert_array_equal(screened["prediction"], guarded.predict(formulas))
    assert (low < guarded.predict(formulas)).all() and (guarded.predict(formulas) < high).all()
    json.dumps(guarded.transfer_report_)


@pytest.mark.parametrize("scale", [2.0**-30, 2.0**500])
def test_targets_of_any_size_are_mixed_alike(guarded, tiny_source, rows, scale):
    formulas, y = rows
    model = TransferRegressor(tiny_source, **QUICK).fit(formulas, scale * y)
    assert model.trees_.share == guarded.trees_.share
    np.testing.assert_allclose(
        model.predict(formulas) / scale, guarded.predict(formulas), rtol=1e-6
    )


def test_no_prediction_is_below_what_a_target_can_be(tiny_source, rows):
    formulas, y = rows
    model = TransferRegressor(tiny_source, **QUICK).fit(formulas, np.maximum(y, 0.0))
    assert model.target_.rules and model.trees_ is not None
    model.trees_.origin -= 50.0  # trees that say too little
    assert model.predict(formulas).min() == 0.0


def test_trees_read_the_columns_beside_the_material(tiny_source, rows):
    formulas, _ = rows
    kind = np.where(np.arange(len(formulas)) % 2, "cast", "rolled")
    X = pd.DataFrame({"formula": formulas, "kind": kind})
    y = np.where(kind == "cast", 50.0, 10.0)
    model = TransferRegressor(tiny_source, **QUICK).fit(X, y)
    assert model.trees_.share > 0.9
    swapped = X.assign(kind=np.where(kind == "cast", "rolled", "cast"))
    difference = np.abs(model.predict(swapped) - model.predict(X))
    assert difference.min() > 25


def test_what_is_not_compared_with_trees(tiny_source, rows):
    formulas, y = rows
    model = TransferRegressor(tiny_source, **QUICK)
    both = np.column_stack([y, y])
    few = clone(model).fit(formulas[:30], y[:30])
    limits = clone(model).fit(formulas, y, bounds=np.where(np.arange(len(y)) % 5, 0, 1))
    scratch = clone(model).set_params(source=None).fit(formulas, y)
    targets = clone(model).fit(formulas, both)
    for fitted, why in (
        (few, "too few rows"),
        (limits, "limits"),
        (targets, "several targets"),
        (scratch, "Nothing was transferred"),
    ):
        assert fitted.trees_ is None and why in fitted.transfer_report_
    column = clone(model).fit(formulas, y[:, None])
    assert column.trees_.share and column.predict(formulas).shape == (len(y), 1)


def test_each_network_has_trees_that_have_not_seen_its_held_out_rows(tiny_source, rows):
    model = TransferRegressor(tiny_source, n_members=3, **QUICK).fit(*rows)
    assert len(model.trees_.models) == 6
    seen = mean_absolute_error(rows[1], model.predict(rows[0]))
    assert model.uncertainty_.mae[0] > seen  # else it was learned from rows that trees have seen


def test_networks_of_a_stack_have_none_of_their_own(tiny_source, rows, few_steps):
    with few_steps():
        model = TransferStackRegressor(tiny_source, n_members=2, random_state=0).fit(*rows)
    networks = [each for each in sum(model.members_.values(), []) if hasattr(each, "networks_")]
    assert networks and all(each.trees_ is None for each in networks)


def test_the_share_follows_the_held_out_rows():
    y = np.random.default_rng(0).normal(size=200)
    near, far, ones = y + 0.1, y + np.tile([1.0, -1.0], 100), np.ones(200)
    assert choose_share(near, far, y, ones, squared=False) == 0.0
    assert choose_share(far, near, y, ones, squared=False) > 0.9
    assert choose_share(y - 0.5, y + 0.5, y, ones, squared=True) == 0.5
    assert choose_share(y, near, y, ones, squared=False) == 0.0
    wild = y.copy()
    wild[:4] += 30.0  # four rows are far off: few for medians, all for means
    assert choose_share(wild, y + 0.3, y, ones, squared=True) > 0.9
    weights = np.where(np.arange(200) < 4, 1e-12, 1.0)
    assert choose_share(wild, y + 0.3, y, weights, squared=True) == 0.0
