"""The cross-property study, end to end on tables of a few rows."""

import json
import warnings

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import mean_absolute_error
from sklearn.utils import Bunch

from sktl.cli import main
from sktl.datasets import list_cross_property
from sktl.evaluation import BUDGET, Budget, TunedRegressor
from sktl.exceptions import InputError
from sktl.studies import Run, read_rows
from sktl.studies.cross_property import QUICK, _study, do_run, list_runs
from sktl.studies.cross_property._study import split_rows

FORMULAS = [
    f"{a}{n if n > 1 else ''}O{m}" for a in ("Fe", "Ti", "Si") for n in (1, 2) for m in (2, 3, 5)
]
SMALL = Budget(n_trials=3, seconds=60.0, trial_seconds=30.0)


def has_hyperopt():
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import hpsklearn
            import xgboost
    except ImportError:
        return False
    return bool(hpsklearn and xgboost)


needs_hyperopt = pytest.mark.skipif(
    not has_hyperopt(), reason='hyperopt-sklearn or xgboost is missing: install ".[benchmark]"'
)


@pytest.fixture
def tables(monkeypatch):
    def fetch(name, *, subset):
        formulas = FORMULAS if subset == "train" else FORMULAS[:4]
        y = np.array([len(name) + formula.count("Fe") for formula in formulas], dtype=float)
        return Bunch(formulas=formulas, y=y, unit="eV", sha256={f"{name}/{subset}": subset * 3})

    monkeypatch.setattr(_study, "fetch_cross_property", fetch)


def test_the_quick_sets_are_known_and_smaller_ones_come_first():
    assert set(QUICK) < set(list_cross_property())
    runs = list_runs(QUICK, ["Base"])
    assert [run.dataset for run in runs[:2]] == ["exfoliation_energy", "piezo_max_dij"]
    assert runs[-1].dataset == "eps"
    assert len(list_runs(None, ["SC:ML(PA)"], ["XGBoost"], [0, 1])) == 82


@pytest.mark.parametrize("place", ["datasets", "configurations", "variants"])
def test_an_unknown_name_is_an_error(place):
    with pytest.raises(InputError, match="Got .*='gold', expected one of: "):
        list_runs(**{place: ["gold"]})


def test_the_split_depends_on_rows_and_seed_only():
    order, n_fit = split_rows(90, 0)
    assert (sorted(order), n_fit) == (list(range(90)), 80)
    assert (split_rows(90, 0)[0] == order).all() and (split_rows(90, 1)[0] != order).any()


def test_one_run(tables):
    row, predictions = do_run(Run("eps", "Base", "mean", 0))
    y = np.array([3 + formula.count("Fe") for formula in FORMULAS], dtype=float)
    order, n_fit = split_rows(len(y), 0)
    held_out = np.abs(y[order][n_fit:] - y[order][:n_fit].mean()).mean()
    assert predictions == pytest.approx(np.full(4, y.mean()))
    assert row["test_mae"] == pytest.approx(mean_absolute_error(y[:4], predictions))
    assert row["validation_mae"] == pytest.approx(held_out)
    assert (row["n_train"], row["n_test"], row["train_sha256"]) == (18, 4, "traintraintrain")
    assert "numpy" in json.loads(row["versions"])


def test_the_command_runs_resumes_and_collects(tables, tmp_path):
    arguments = [*("benchmark", "cross-property"), "--datasets", "eps,slme", "--output", tmp_path]
    arguments += [*("--configurations", "Base"), *("--configurations", "SC:ML(EF)")]
    arguments += [*("--variants", "mean"), *("--variants", "ExtraTrees"), "--results", tmp_path]
    first = CliRunner().invoke(main, [str(each) for each in arguments])
    assert (first.exit_code, "4 rows" in first.output) == (0, True), first.output
    again = CliRunner().invoke(main, [str(each) for each in arguments])
    assert again.output.startswith("Wrote "), again.output
    rows = read_rows(tmp_path / "cross_property.csv")
    assert {row["variant"] for row in rows} == {"mean", "ExtraTrees"}
    assert all(float(row["validation_mae"]) >= 0 for row in rows)


def test_a_failed_fit_gives_exit_code_1(tables, tmp_path, monkeypatch):
    monkeypatch.setattr(_study, "fetch_cross_property", lambda name, subset: 1 / 0)
    arguments = ["benchmark", "cross-property", "--datasets", "eps", "--configurations", "Base"]
    run = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path)])
    assert run.exit_code == 1
    assert "FAILED eps, Base, mean, 0. ZeroDivisionError" in run.output


def regression(n=60):
    X = np.random.default_rng(0).normal(size=(n, 4))
    return X, X[:, 0] + 0.1 * X[:, 1]


@needs_hyperopt
@pytest.mark.parametrize("learner", ["random forest", "XGBoost"])
def test_tuning_validates_on_exactly_the_last_rows(learner):
    from sklearn.base import clone

    X, y = regression()
    model = TunedRegressor(learner, n_validation=7, budget=SMALL).fit(X, y)
    assert (model.detail_["trials"], model.detail_["defaults"]) == (3, False)
    best = clone(model.model_).fit(X[:-7], y[:-7])
    assert mean_absolute_error(y[-7:], best.predict(X[-7:])) == pytest.approx(model.validation_mae_)
    assert (model.predict(X) == clone(model.model_).fit(X, y).predict(X)).all()


@needs_hyperopt
def test_tuning_works_in_a_process_of_joblib():
    from joblib import Parallel, delayed

    X, y = regression()
    model = TunedRegressor("XGBoost", n_validation=7, budget=SMALL)
    here = model.fit(X, y).detail_
    there = Parallel(2)(delayed(model.fit)(X, y) for _ in range(2))
    assert [each.detail_ for each in there] == [here, here]


@needs_hyperopt
def test_tuning_repeats_with_its_seed():
    X, y = regression()
    first, again, other = (
        TunedRegressor("XGBoost", n_validation=7, budget=SMALL, random_state=seed).fit(X, y).detail_
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first["parameters"] != other["parameters"]


@needs_hyperopt
def test_without_time_for_a_trial_the_defaults_are_taken():
    X, y = regression()
    budget = Budget(n_trials=2, seconds=0.001, trial_seconds=0.001)
    model = TunedRegressor("random forest", n_validation=7, budget=budget).fit(X, y)
    assert (model.detail_["trials"], model.detail_["defaults"]) == (0, True)
    assert model.validation_mae_ > 0


@needs_hyperopt
def test_a_tuned_run_records_what_it_found(tables):
    row, _ = do_run(Run("eps", "SC:ML(PA)", "XGBoost", 0), SMALL)
    assert json.loads(row["detail"])["trials"] == 3
    assert row["validation_mae"] is not None


def test_the_budget_is_the_stated_one():
    assert (BUDGET.n_trials, BUDGET.seconds, BUDGET.trial_seconds) == (12, 150.0, 75.0)


def test_tuning_names_wrong_parameters():
    X, y = regression()
    with pytest.raises(InputError, match="Got learner='oak'"):
        TunedRegressor("oak").fit(X, y)
    with pytest.raises(InputError, match="Got n_validation=60 and 60 rows"):
        TunedRegressor(n_validation=60).fit(X, y)
