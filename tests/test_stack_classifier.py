"""TransferStackClassifier: networks and trees for classes, and what attributes add to networks."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sktl import TransferClassifier, TransferStackClassifier, load_model
from sktl.exceptions import FormulaError, InputError
from sktl.training import ClassTarget


@pytest.fixture(scope="module")
def rows(toy_rows):
    formulas, _, volumes = toy_rows(90, seed=4)
    return formulas, np.digitize(volumes, np.quantile(volumes, [1 / 3, 2 / 3]))


@pytest.fixture(scope="module")
def fitted(rows, tiny_source, few_steps):
    labels = np.array(["large", "mid", "small"])[rows[1]]
    with few_steps():
        return TransferStackClassifier(tiny_source, n_members=2, random_state=0).fit(
            rows[0], labels
        )


@pytest.fixture(scope="module")
def columns():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(600, 3))
    return X, (X[:, 0] + 0.5 * generator.normal(size=600) > 0).astype(int)


def given(*more):
    bases = [("logistic", LogisticRegression()), ("shares", DummyClassifier()), *more]
    return TransferStackClassifier(estimators=bases, random_state=0)


def test_base_models_of_a_source(fitted, tiny_source, toy_rows):
    names = ["fine-tuned toy.all@1", "extra trees", "random forest", "boosted trees"]
    assert list(fitted.members_) == names == list(fitted.base_log_losses_)
    assert fitted.sources_ == {"toy.all@1": tiny_source.sha256}
    chances = fitted.predict_proba(toy_rows(20, seed=9)[0])
    assert chances.shape == (20, 3)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert fitted.validation_log_loss_ < np.log(3)
    assert fitted.validation_log_loss_ <= min(fitted.base_log_losses_.values()) + 1e-3


def test_screening_and_applicability(fitted, rows):
    frame = fitted.screen(rows[0][:4])
    np.testing.assert_allclose(frame["probability_mid"], fitted.predict_proba(rows[0][:4])[:, 1])
    assert frame["prediction"].tolist() == fitted.predict(rows[0][:4]).tolist()
    assert set(fitted.applicability(rows[0][:4])["nearest_values"][0]) <= set(fitted.classes_)


def test_a_saved_stack_says_the_same(fitted, rows, tmp_path):
    fitted.save(tmp_path / "kinds.sktl", target="kind")
    again = load_model(tmp_path / "kinds.sktl")
    np.testing.assert_allclose(again.predict_proba(rows[0]), fitted.predict_proba(rows[0]))


def test_the_better_model_gets_the_share(columns):
    model = given().fit(*columns)
    assert model.weights_["logistic"] > 0.9
    assert sum(model.weights_.values()) == pytest.approx(1)


def test_a_model_too_sure_of_itself_is_calibrated(columns):
    X, y = columns
    sure = [("sure", LogisticRegression(C=1e6, fit_intercept=False))]
    wide = X * [1.0, 0.0, 0.0] + np.random.default_rng(1).normal(size=X.shape) * [0, 9, 9]
    X = np.hstack([wide] + [np.random.default_rng(2).normal(size=(600, 200))])
    stack = TransferStackClassifier(estimators=sure, random_state=0).fit(X[:300], y[:300])
    alone = sure[0][1].fit(X[:300], y[:300])
    told = [log_loss(y[300:], each.predict_proba(X[300:])) for each in (stack, alone)]
    assert stack.temperature_ > 1.2 and told[0] < 0.8 * told[1]


def test_a_class_that_some_members_never_saw():
    X = np.arange(40.0)[:, None]
    y = np.array(["a"] * 20 + ["b"] * 19 + ["c"])
    model = given().fit(X, y)
    chances = model.predict_proba(X)
    assert chances.shape == (40, 3)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert {len(member.classes_) for member in model.members_["logistic"]} == {2, 3}


def test_two_classes_must_stay_when_rows_are_held_out():
    formulas = ["NaCl", "KCl", "LiF", "MgO", "Cu"]
    with pytest.raises(InputError, match="in the class 'ionic'.*two or more compositions"):
        given().set_params(estimators=[("shares", DummyClassifier())]).fit(
            formulas, ["ionic"] * 4 + ["metal"]
        )
    with pytest.raises(InputError, match="Got one class, 'ionic'"):
        given().fit(formulas, ["ionic"] * 5)


def test_a_bad_formula_is_named(fitted):
    with pytest.raises(FormulaError, match="row 1"):
        fitted.predict_proba(["NaCl", "Xx2O"])


def test_columns_beside_the_formula(rows, tiny_source, few_steps):
    formulas, _ = rows
    hot = np.arange(len(formulas)) % 2
    X = pd.DataFrame({"formula": formulas, "T (K)": 300.0 + 500 * hot})
    with few_steps():
        model = TransferStackClassifier(tiny_source, n_members=2, random_state=0).fit(X, hot)
    assert model.score(X, hot) > 0.95
    assert model.conditions_.names == ["T (K)"]


@pytest.mark.parametrize("kind", [TransferClassifier, TransferStackClassifier])
def test_conditions_and_attributes_are_saved_together(kind, rows, tiny_source, few_steps, tmp_path):
    X = pd.DataFrame({"formula": rows[0], "T (K)": np.arange(len(rows[0])) % 7})
    with few_steps():
        model = kind(tiny_source, n_members=2, random_state=0).fit(X, rows[1])
    model.save(tmp_path / "m.sktl")
    again = load_model(tmp_path / "m.sktl")
    np.testing.assert_allclose(again.predict_proba(X), model.predict_proba(X), atol=1e-6)
    again.save(tmp_path / "again.sktl")


def test_attributes_stand_beside_the_embedding(rows, tiny_source):
    model = TransferClassifier(tiny_source, n_members=1, max_epochs=2, random_state=0)
    read = clone(model).fit(*rows)
    unread = clone(model).set_params(physical_attributes=False).fit(*rows)
    assert not np.allclose(read.predict_proba(rows[0]), unread.predict_proba(rows[0]))
    network = read.networks_[0]
    size = network.network.embedding_size
    assert network.material_size == size < network.embedding_size
    assert read.domain_.points.shape[1] == unread.domain_.points.shape[1] == size


def test_the_head_starts_from_logistic_regression(rows, tiny_source):
    still = TransferClassifier(tiny_source, n_members=1, max_epochs=1, learning_rate=1e-12)
    assert still.fit(*rows).score(*rows) > 0.6


def test_a_class_without_rows_starts_far_below():
    head = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    from torch import nn

    layer = nn.Linear(2, 3)
    place = np.array([0, 2] * 6)[:, None]
    ClassTarget(3).start_head(layer, head, place, np.ones(12))
    assert layer.bias[1] < layer.bias[[0, 2]].min() - 5


def test_temperature_of_several_networks_is_milder():
    target, outputs = ClassTarget(2), np.array([[[0.0, 8.0]]])
    target.temperature = 4.0
    alone, together = target.decode(outputs), target.decode(np.repeat(outputs, 3, axis=0))
    np.testing.assert_allclose(alone[0, 1], 1 / (1 + np.exp(-2)))
    np.testing.assert_allclose(together[0, 1], 1 / (1 + np.exp(-4)))


def test_attributes_of_many_rows_are_encoded_later(rows, tiny_source, monkeypatch):
    model = TransferClassifier(tiny_source, n_members=1, max_epochs=1, random_state=0)
    expected = clone(model).fit(*rows).predict_proba(rows[0])
    monkeypatch.setattr("sktl.representations._conditioned.MOST_AT_ONCE", 20)
    found = clone(model).fit(*rows).predict_proba(rows[0])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
