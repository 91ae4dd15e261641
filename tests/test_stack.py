"""TransferStackRegressor: mixes what helps, on rows that no member was trained on."""

import dataclasses
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error
from sklearn.pipeline import make_pipeline

from sktl import (
    MatminerTransformer,
    Source,
    TransferRegressor,
    TransferStackRegressor,
    load_source,
)
from sktl.estimators.stack._bases import BaseModel, make_bases
from sktl.estimators.stack._sources import stack_sources
from sktl.estimators.stack._svr import LogarithmicTarget
from sktl.exceptions import (
    FormulaError,
    InputError,
    SourceNotFoundError,
    TransferWarning,
    UnseenElementError,
)


class Recorder(RegressorMixin, BaseEstimator):
    """Predict zero, and keep the rows of fit."""

    def fit(self, X, y):
        self.n_features_in_ = 1
        self.X_ = X
        return self

    def predict(self, X):
        return np.zeros(len(X))


@pytest.fixture(scope="module")
def rows(toy_rows):
    formulas, energies, volumes = toy_rows(150, seed=5)
    return formulas, energies + volumes


@pytest.fixture(scope="module")
def fitted(rows, tiny_source):
    return TransferStackRegressor(tiny_source, n_members=3, random_state=0).fit(*rows)


@pytest.fixture(scope="module")
def columns():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(400, 4))
    return X, X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * generator.normal(size=400)


def linear(**more):
    bases = [("linear", LinearRegression()), ("mean", DummyRegressor()), *more.items()]
    return TransferStackRegressor(estimators=bases, random_state=0)


def test_base_models_of_a_source(fitted, tiny_source, toy_rows):
    assert list(fitted.members_) == [
        "fine-tuned toy.all@1",
        "extra trees",
        "boosted trees",
        "SVR",
    ]
    assert fitted.sources_ == {"toy.all@1": tiny_source.sha256}
    assert all(len(members) == 3 for members in fitted.members_.values())
    formulas, energies, volumes = toy_rows(200, seed=6)
    truth = energies + volumes
    error = mean_absolute_error(truth, fitted.predict(formulas))
    assert error < 0.7 * np.abs(truth - np.median(truth)).mean()


def test_shares_are_a_mixture_that_prefers_the_better(columns):
    model = linear().fit(*columns)
    assert model.weights_["linear"] > 0.95
    assert sum(model.weights_.values()) == pytest.approx(1)
    assert min(model.weights_.values()) >= 0
    assert model.validation_mae_["linear"] < 0.2 < model.validation_mae_["mean"]


def test_shares_of_two_that_err_in_opposite_ways():
    X = np.linspace(0, 1, 60)[:, None]
    bases = [
        (name, DummyRegressor(strategy="constant", constant=v))
        for name, v in (("a", 0.0), ("b", 2.0))
    ]
    model = TransferStackRegressor(estimators=bases).fit(X, np.ones(60))
    assert model.weights_ == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.02)
    np.testing.assert_allclose(model.predict(X), 1, atol=0.05)


def test_a_wild_member_does_not_move_predictions(columns):
    X, y = columns
    model = linear().fit(X, y)
    before = model.predict(X)
    model.members_["linear"][0].intercept_ = 1e6
    assert np.abs(model.predict(X) - before).max() < 0.1


def test_rows_held_back_are_not_trained_on_and_compositions_stay_together():
    formulas = [f"Na{i}Cl" for i in range(1, 31)] + [f"Cl2Na{2 * i}" for i in range(1, 31)]
    model = TransferStackRegressor(estimators=[("recorder", Recorder())], n_members=4)
    members = model.fit(formulas, np.arange(60.0)).members_["recorder"]
    assert len(members) == 4
    compositions = {text: i % 30 for i, text in enumerate(formulas)}
    held = [set(formulas) - set(member.X_) for member in members]
    assert all(4 <= len(part) <= 9 for part in held)
    for i, member in enumerate(members):
        kept = {compositions[text] for text in member.X_}
        assert not kept & {compositions[text] for text in held[i]}
        assert not any(held[i] & other for other in held[i + 1 :])


def test_order_of_rows_and_seed(columns, fitted, rows, tiny_source):
    X, y = columns
    order = np.random.default_rng(1).permutation(len(y))
    boosting = HistGradientBoostingRegressor(max_iter=20)
    first = linear(boosting=boosting).fit(X, y).predict(X)
    np.testing.assert_allclose(linear(boosting=boosting).fit(X[order], y[order]).predict(X), first)
    np.testing.assert_array_equal(
        clone(fitted).fit(*rows).predict(rows[0]), fitted.predict(rows[0])
    )


def test_in_two_processes_as_in_one(columns):
    expected = linear().fit(*columns).predict(columns[0])
    found = linear().set_params(n_jobs=2).fit(*columns).predict(columns[0])
    np.testing.assert_array_equal(found, expected)


def test_uncertainty(fitted, rows, toy_rows):
    formulas, energies, volumes = toy_rows(300, seed=8)
    predictions, std = fitted.predict(formulas, return_std=True)
    np.testing.assert_allclose(predictions, fitted.predict(formulas))
    assert std.shape == (300,) and (std > 0).all()
    low, high = fitted.predict_interval(formulas, coverage=0.8).T
    truth = energies + volumes
    assert 0.65 < ((low <= truth) & (truth <= high)).mean() < 0.95


def test_standard_deviations_are_larger_where_measurements_scatter(toy_rows):
    formulas, _, volumes = toy_rows(300, seed=5)
    generator = np.random.default_rng(0)
    scatter = np.where(volumes > np.median(volumes), 1.0, 0.02)
    forest = make_pipeline(MatminerTransformer("magpie"), ExtraTreesRegressor(50))
    bases = [("forest", forest), ("mean", DummyRegressor())]
    stack = TransferStackRegressor(estimators=bases, random_state=0)
    stack.fit(formulas, volumes + scatter * generator.normal(size=300))
    others, _, volumes = toy_rows(200, seed=8)
    _, std = stack.predict(others, return_std=True)
    scatters = volumes > np.median(volumes)
    assert std[scatters].mean() > 1.2 * std[~scatters].mean()


def test_a_target_without_negative_values_has_no_negative_prediction(columns):
    X, y = columns
    model = linear().fit(X, np.maximum(y, 0))
    assert model.predict(X).min() == 0
    assert model.predict_interval(X).min() == 0


def test_pickle(fitted, rows):
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict(rows[0]), fitted.predict(rows[0]))


def test_mistakes(columns, tiny_source):
    X, y = columns
    with pytest.raises(InputError, match="n_members=1, expected 'auto' or an integer from 2 to 10"):
        linear().set_params(n_members=1).fit(X, y)
    with pytest.raises(InputError, match="expected one target"):
        linear().fit(X, np.column_stack([y, y]))
    with pytest.raises(InputError, match=r"Got y=.*e\+300 in .*: use another unit"):
        linear().fit(X, np.asarray(y) * 1e300)
    with pytest.raises(InputError, match="all of one composition"):
        linear().fit(["NaCl", "Na2Cl2"], [1.0, 2.0])
    with pytest.raises(FormulaError, match="row 1"):
        TransferStackRegressor(tiny_source).fit(["NaCl", "Nacl", "KCl"], [1.0, 2.0, 3.0])
    with pytest.raises(UnseenElementError, match="row 2 .'FmO2'"):
        TransferStackRegressor(tiny_source).fit(["NaCl", "KCl", "FmO2"], [3.0, 2.0, 1.0])
    with pytest.raises(InputError, match="estimators=.*expected 'auto' or a list"):
        TransferStackRegressor(estimators=[LinearRegression()]).fit(X, y)
    with pytest.raises(InputError, match="names of their own"):
        TransferStackRegressor(estimators=[("a", LinearRegression())] * 2).fit(X, y)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e4])
def test_a_logarithmic_target_has_no_unit(factor):
    y = np.array([[0.0], [1.0], [2.0], [5.0], [400.0]])
    target = LogarithmicTarget().fit(factor * y)
    np.testing.assert_allclose(
        target.transform(factor * y), LogarithmicTarget().fit(y).transform(y)
    )
    np.testing.assert_allclose(target.inverse_transform(target.transform(factor * y)), factor * y)
    assert target.inverse_transform(np.array([[50.0]])) == factor * 400.0  # not e to the 50th
    assert target.inverse_transform(np.array([[-50.0]])) == 0.0


def test_a_target_with_negative_values_stays_linear():
    y = np.array([[-3.0], [0.0], [1.0], [2.0]])
    target = LogarithmicTarget().fit(y)
    np.testing.assert_allclose(np.diff(target.transform(y), axis=0)[1:], 1 / y.std())
    np.testing.assert_allclose(target.inverse_transform(target.transform(y)), y)


def test_crystals_are_read_by_trees_and_vectors(tiny_source, tiny_crystal_source, toy_crystals):
    structures, energies, volumes = toy_crystals(100, seed=5)
    y = np.exp(energies * np.sqrt(volumes) / 50)
    pair = TransferStackRegressor([tiny_source, tiny_crystal_source], n_members=2, random_state=0)
    pair.fit(structures[:60], y[:60])
    assert list(pair.members_) == [
        "fine-tuned toy.all@1",
        "extra trees",
        "boosted trees",
        "SVR",
        "SVR, led by source predictions",
        "SVR, linear trend",
    ]
    assert len(pair.sources_) == 2
    names = pair.features_.get_feature_names_out()
    assert len(names) > 145 + tiny_crystal_source.network.embedding_size
    found = pair.predict(structures[60:])
    assert mean_absolute_error(y[60:], found) < np.abs(y[60:] - np.median(y[:60])).mean()


def test_each_support_vector_regressor_reads_one_embedding(tiny_crystal_source, toy_crystals):
    structures, energies, _ = toy_crystals(24, seed=5)
    card = dataclasses.replace(tiny_crystal_source.card, id="toy.other@1")
    other = Source(card, tiny_crystal_source.network)
    stack = TransferStackRegressor([tiny_crystal_source, other], n_members=2, random_state=0)
    stack.fit(structures, energies)
    names = stack.features_.get_feature_names_out()
    weights = {
        name: dict(zip(names, members[0].regressor_["columnweights"].weights, strict=True))
        for name, members in stack.members_.items()
        if name.startswith("SVR")
    }
    assert len(weights) == 6  # three for each embedding
    for name, own in weights.items():
        unread = {each.partition("__")[0] for each, weight in own.items() if weight == 0}
        assert len(unread) == 1 and not name.endswith(unread.pop())
    assert np.isfinite(stack.predict(structures[:5])).all()


def test_the_default_sources_depend_on_what_the_materials_are(monkeypatch):
    asked = []

    def load(name):
        asked.append(name)
        if name == "nequix-omat":
            raise SourceNotFoundError("It cannot be fetched.")
        return name

    monkeypatch.setattr("sktl.estimators.stack._sources.load_source", load)
    assert stack_sources("auto", "formulas") == ["mpt"]
    with pytest.warns(TransferWarning, match="nequix-omat.*cannot be fetched"):
        assert stack_sources("auto", "structures") == ["oqmd", "mpt-structure"]
    with pytest.raises(SourceNotFoundError):  # what is named is never left out
        stack_sources(["oqmd", "nequix-omat"], "structures")


def test_a_stack_for_squared_errors_predicts_means():
    generator = np.random.default_rng(3)
    X, y = generator.normal(size=(400, 2)), generator.exponential(size=400) ** 3
    bases = [("mean", DummyRegressor()), ("median", DummyRegressor(strategy="median"))]
    told = {}
    for criterion in ("absolute_error", "squared_error"):
        model = TransferStackRegressor(estimators=bases, criterion=criterion, random_state=0)
        told[criterion] = model.fit(X, y).weights_
    assert told["squared_error"]["mean"] > 0.9 > 0.1 > told["absolute_error"]["mean"]
    trees = TransferStackRegressor(criterion="mse")
    with pytest.raises(InputError, match="criterion='mse'"):
        trees.fit(X, y)


def test_networks_and_boosted_trees_follow_the_criterion(rows, tiny_source):
    model = TransferStackRegressor(
        tiny_source, criterion="squared_error", n_members=2, random_state=0
    ).fit(*rows)
    assert model.members_["fine-tuned toy.all@1"][0].criterion == "squared_error"
    assert model.members_["boosted trees"][0].loss == "squared_error"


def test_no_member_is_trained_alone_where_others_are_trained_at_once(tiny_source):
    base = BaseModel("network", TransferRegressor(tiny_source), "materials", at_once=True)
    for n_members in range(2, 11):
        groups = [list(range(n_members))[group] for group in base.groups(n_members)]
        assert sum(groups, []) == list(range(n_members))
        assert all(2 <= len(group) <= 5 for group in groups)


def test_networks_that_are_not_joined_take_more_epochs_for_few_rows(tiny_source):
    joined, alone = (
        make_bases([source], ["a"], [], 100, True)[f"fine-tuned {source.card.id}"]
        for source in (tiny_source, load_source("oqmd-elemnet"))
    )
    assert (joined.at_once, joined.estimator.max_epochs) == (True, "auto")
    assert (alone.at_once, alone.estimator.max_epochs) == (False, 24)
