"""Every configuration can be made, and the parts that only the study has do what they say."""

import json

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor

from sktl import Policy, load_source
from sktl.estimators import TransferRegressor, TransferStackRegressor
from sktl.exceptions import InputError
from sktl.studies import Run
from sktl.studies.cross_property import (
    CONFIGURATIONS,
    QUICK,
    BestLayer,
    PretrainedHeadRegressor,
    Task,
    Variant,
    _study,
    do_run,
    list_runs,
)
from sktl.studies.cross_property._configurations import FREEZE_DEPTHS
from sktl.studies.cross_property._study import split_rows

CATIONS = [f"{element}{n}" for element in ("Fe", "Ti", "Si", "Al") for n in (1, 2, 3)]
FORMULAS = [cation + anion for cation in CATIONS for anion in ("O2", "O5", "S3", "N1")]
Y = np.array([formula.count("Fe") + 0.1 * int(formula[-1]) for formula in FORMULAS])


@pytest.fixture
def tables(monkeypatch):
    from sklearn.utils import Bunch

    def fetch(name, *, subset):
        rows = slice(0, 40) if subset == "train" else slice(40, None)
        return Bunch(formulas=FORMULAS[rows], y=Y[rows], unit="eV", sha256={name: subset})

    monkeypatch.setattr(_study, "fetch_cross_property", fetch)


def test_every_variant_can_be_made():
    made = [
        variant.make(Task(seed=3, n_validation=5))
        for variants in CONFIGURATIONS.values()
        for variant in variants.values()
    ]
    assert len(made) > 50
    for model in made:
        clone(model)
        seeds = [value for name, value in model.get_params().items() if "random_state" in name]
        assert set(seeds) <= {3}


def test_the_configurations_for_figures_have_few_runs():
    runs = list_runs(None, ["freeze depth"])
    assert {run.dataset for run in runs} == set(QUICK)
    groups = load_source("mpt").network.depth_groups
    assert max(FREEZE_DEPTHS) == len(groups) - 1
    curves = list_runs(["slme", "klu"], ["learning curve"])
    assert {run.dataset for run in curves} == {"slme"}
    assert {run.variant for run in curves if "XGBoost" in run.variant} == {
        f"XGBoost, {n} rows" for n in (100, 200, 400, 800, 1600)
    }


def test_fewer_rows_are_part_of_more_rows():
    some, n_fit = split_rows(1000, 7, 90)
    more, _ = split_rows(1000, 7, 180)
    assert (more[:90] == some).all() and (len(some), n_fit) == (90, 80)


def test_the_best_layer_is_that_with_the_lowest_error():
    model = BestLayer("oqmd", n_validation=8, max_rows=20).fit(FORMULAS, Y)
    layers, maes = zip(*model.detail_["layer_mae"], strict=True)
    assert layers == tuple(load_source("oqmd").network.body)
    assert model.detail_["layer"] == layers[int(np.argmin(maes))]
    assert model.features_.layers_ == (model.detail_["layer"],)
    assert model.transform(FORMULAS[:3]).shape == (3, model.features_.widths_[0])
    last = BestLayer("oqmd", layers="last").fit(FORMULAS, Y)
    assert last.detail_ == {"layer": layers[-1]}


def test_the_best_layer_needs_rows_to_judge():
    with pytest.raises(InputError, match="Got n_validation=48 and 48 rows"):
        BestLayer(n_validation=48).fit(FORMULAS, Y)


def test_a_pretrained_head_starts_as_the_source(monkeypatch):
    nothing = Policy(1, 1e-12, batch_size=32, head_rate_factor=1.0)
    monkeypatch.setattr(Policy, "resolve", lambda self, *rows, **settings: nothing)
    source = load_source("oqmd-elemnet")
    model = PretrainedHeadRegressor("oqmd-elemnet").fit(FORMULAS, 5 + 100 * Y)
    enthalpy = source.predict(FORMULAS)[:, 0]
    card = source.card.properties[0]
    expected = np.median(5 + 100 * Y) + np.std(100 * Y) * (enthalpy - card.center) / card.scale
    assert model.predict(FORMULAS) == pytest.approx(expected, rel=1e-3)
    assert model.source_sha256_ == source.sha256


@pytest.mark.parametrize(
    ("configuration", "variant"),
    [
        ("SC:DL(PA)", "ColumnNet"),
        ("TL:ML(FeatExtr)", "CompositionNet mpt, ExtraTrees"),
        ("TL:freezing", "CompositionNet mpt"),
        ("sktl:TransferRegressor", "defaults"),
    ],
)
def test_a_run(tables, configuration, variant):
    row, predictions = do_run(Run("eps", configuration, variant, 0))
    known = load_source("mpt")
    source = ("", "") if configuration.startswith("SC") else (known.card.id, known.sha256)
    if configuration.startswith(("SC", "TL")):
        assert (row["source"], row["source_sha256"]) == source
    assert np.atleast_2d(predictions)[0].shape == (8,)
    assert 0 < row["test_mae"] < 5
    if "FeatExtr" in configuration:
        assert len(json.loads(row["detail"])["layer_mae"]) == 8
        assert row["validation_mae"] > 0


def test_a_run_of_a_model_that_knows_its_errors(tables, monkeypatch):
    class Known(TransferRegressor):
        def fit(self, X, y):
            self.uncertainty_ = type("U", (), {"mae": np.array([0.25])})()
            return self

        def predict(self, X, return_std=False):
            zeros = np.zeros(len(X))
            return (zeros, zeros + 0.5) if return_std else zeros

        def predict_interval(self, X, coverage):
            assert coverage == 0.9
            return np.column_stack([np.zeros(len(X)), np.ones(len(X))])

    variant = Variant(lambda task: Known(), holdout=False)
    monkeypatch.setitem(CONFIGURATIONS["sktl:TransferRegressor"], "defaults", variant)
    row, predictions = do_run(Run("eps", "sktl:TransferRegressor", "defaults", 0))
    assert predictions.tolist() == [[0.0] * 8, [0.5] * 8]
    inside = np.mean([0 <= y <= 1 for y in Y[40:]])
    assert (row["validation_mae"], row["coverage_90"], row["interval_width"]) == (
        0.25,
        pytest.approx(inside),
        1.0,
    )


def test_a_run_of_a_stack_records_its_shares(tables, monkeypatch):
    bases = [("mean", DummyRegressor()), ("median", DummyRegressor(strategy="median"))]
    variant = Variant(
        lambda task: TransferStackRegressor(estimators=bases, n_members=2, random_state=task.seed),
        holdout=False,
    )
    name = "sktl:TransferStackRegressor"
    monkeypatch.setitem(CONFIGURATIONS[name], "defaults", variant)
    row, predictions = do_run(Run("eps", name, "defaults", 0))
    detail = json.loads(row["detail"])
    assert sum(detail["weights"].values()) == pytest.approx(1)
    assert set(detail["validation_mae"]) == {"mean", "median"}
    assert row["validation_mae"] > 0 and predictions.shape == (2, 8)
