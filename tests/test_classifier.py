"""TransferClassifier: labels of any kind, probabilities, repeatable, clear on errors."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sktl import TransferClassifier, register_source
from sktl.exceptions import InputError

QUICK = dict(n_members=1, max_epochs=4, random_state=0, device="cpu")


@pytest.fixture(scope="module")
def rows(toy_rows):
    formulas, _, volumes = toy_rows(80, seed=11)
    return formulas, volumes


@pytest.fixture
def model(tiny_source):
    return TransferClassifier(tiny_source, **QUICK)


def thirds(volumes):
    return np.digitize(volumes, np.quantile(volumes, [1 / 3, 2 / 3]))


LABELS = {
    "text": np.array(["low", "mid", "high"]),
    "numbers": np.array([7, -1, 3]),
    "floats": np.array([0.0, 2.0, 1.0]),
    "objects": np.array(["a", "b", "c"], dtype=object),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind(model, rows, kind):
    formulas, volumes = rows
    y = LABELS[kind][thirds(volumes)]
    fitted = model.fit(formulas, y)
    np.testing.assert_array_equal(fitted.classes_, np.unique(LABELS[kind]))
    predictions, chances = fitted.predict(formulas), fitted.predict_proba(formulas)
    assert predictions.dtype == fitted.classes_.dtype and chances.shape == (80, 3)
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(predictions, fitted.classes_[chances.argmax(axis=1)])


def test_containers_of_labels_agree(model, rows):
    formulas, volumes = rows
    y = np.array(["low", "high"])[(volumes > np.median(volumes)).astype(int)]
    expected = model.fit(formulas, y).predict_proba(formulas)
    for labels in (
        y.tolist(),
        pd.Series(y, index=np.arange(80)[::-1]),
        pd.Series(y, dtype="category"),
        y.astype(object),
    ):
        np.testing.assert_array_equal(model.fit(formulas, labels).predict_proba(formulas), expected)
    booleans = model.fit(formulas, y == "low")
    assert booleans.predict(formulas).dtype == bool


def test_it_learns(model, rows):
    formulas, volumes = rows
    y = thirds(volumes)
    model.set_params(max_epochs=25, learning_rate=3e-3).fit(formulas[:60], y[:60])
    assert model.score(formulas[:60], y[:60]) > 0.7
    assert model.score(formulas[60:], y[60:]) > 0.5


def test_an_int_repeats_bit_for_bit(model, rows, global_generators_untouched):
    formulas, y = rows[0], thirds(rows[1])
    first = clone(model).fit(formulas, y).predict_proba(formulas)
    state = torch.get_rng_state()
    torch.manual_seed(99)
    np.testing.assert_array_equal(clone(model).fit(formulas, y).predict_proba(formulas), first)
    torch.set_rng_state(state)
    other = clone(model).set_params(random_state=1).fit(formulas, y)
    assert not np.array_equal(other.predict_proba(formulas), first)


def test_sample_weight_is_repeats(model, rows):
    formulas, y = rows[0], thirds(rows[1])
    weights = np.random.default_rng(0).integers(0, 4, len(y))
    repeated = np.repeat(np.arange(len(y)), weights)
    by_weight = clone(model).fit(formulas, y, sample_weight=weights)
    by_repeats = clone(model).fit([formulas[i] for i in repeated], y[repeated])
    np.testing.assert_allclose(
        by_weight.predict_proba(formulas), by_repeats.predict_proba(formulas), rtol=1e-6
    )


def test_order_of_rows_and_of_classes(model, rows):
    formulas, y = rows[0], thirds(rows[1])
    order = np.random.default_rng(1).permutation(len(y))
    expected = clone(model).fit(formulas, y).predict_proba(formulas)
    shuffled = clone(model).fit([formulas[i] for i in order], y[order])
    np.testing.assert_array_equal(shuffled.predict_proba(formulas), expected)


def test_members_are_averaged(model, rows):
    formulas, y = rows[0], thirds(rows[1])
    fitted = model.set_params(n_members=2).fit(formulas, y)
    fitted.target_.temperature = 1.0  # that of one network is not that of several
    together, networks = fitted.predict_proba(formulas), fitted.networks_
    each = []
    for network in networks:
        fitted.networks_ = [network]
        each.append(fitted.predict_proba(formulas))
    np.testing.assert_allclose(np.mean(each, axis=0), together, rtol=1e-6)


@pytest.mark.parametrize("n", [2, 5, 10])
def test_few_rows(tiny_source, rows, n):
    formulas = rows[0]
    for source in (tiny_source, None):
        fitted = TransferClassifier(source, max_epochs=1, device="cpu")
        chances = fitted.fit(formulas[:n], np.arange(n) % 2).predict_proba(formulas)
        assert chances.shape == (80, 2) and np.isfinite(chances).all()


def test_one_composition_in_two_classes(model):
    fitted = model.fit(["NaCl", "ClNa", "GaAs", "GaAs"], [0, 1, 1, 1])
    assert fitted.predict_proba(["NaCl"]).shape == (1, 2)


def test_a_class_of_weight_zero_stays_a_class(model, rows):
    formulas, y = rows[0], thirds(rows[1])
    fitted = model.fit(formulas, y, sample_weight=y != 2)
    assert fitted.classes_.tolist() == [0, 1, 2]
    assert fitted.predict_proba(formulas).shape == (80, 3)


def test_frozen_groups_stay_as_pretrained(model, tiny_source, rows):
    fitted = model.set_params(freeze_depth=4).fit(rows[0], thirds(rows[1]))
    for key, before in tiny_source.network.body.state_dict().items():
        assert torch.equal(before, fitted.networks_[0].network.body.state_dict()[key])
    with pytest.raises(InputError, match="the depth groups are embedding, attention1"):
        model.set_params(freeze_depth=5).fit(rows[0], thirds(rows[1]))


def test_a_source_by_name(model, tiny_source, rows):
    formulas, y = rows[0], thirds(rows[1])
    register_source(tiny_source, "tiny-for-classifier", overwrite=True)
    expected = clone(model).fit(formulas, y).predict_proba(formulas)
    named = model.set_params(source="tiny-for-classifier").fit(formulas, y)
    np.testing.assert_array_equal(named.predict_proba(formulas), expected)
    assert named.source_.id == "toy.all@1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: ["one"] * 80, "Got one class, 'one', expected at least two"),
        (lambda y: [None, *y[1:]], "y=None in row 0"),
        (lambda y: [*y[:3], float("nan"), *y[4:]], "y=nan in row 3"),
        (lambda y: y[:-1], "Got 80 rows in X and 79 in y"),
        (lambda y: y + 0.25, "Unknown label type: continuous"),
        (lambda y: np.array(["a", 1] * 40, dtype=object), r"labels of types \['int', 'str'\]"),
        (lambda y: np.column_stack([y, y]), "1d array"),
        (lambda y: None, "requires y"),
    ],
    ids=["one class", "None", "nan", "short", "continuous", "two types", "two columns", "none"],
)
def test_unusable_labels(model, rows, change, message):
    y = thirds(rows[1])
    with pytest.raises(ValueError, match=message):
        model.fit(rows[0], change(y))
    with pytest.raises(NotFittedError):
        model.predict(rows[0])
