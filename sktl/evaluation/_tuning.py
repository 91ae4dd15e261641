"""Random forest and XGBoost, tuned by hyperopt-sklearn within a stated budget."""

from __future__ import annotations

import contextlib
import io
import math
import multiprocessing
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_absolute_error

from sktl.evaluation._folds import count_fit_rows
from sktl.evaluation._names import BOOSTING, FOREST
from sktl.exceptions import InputError, SktlError

if TYPE_CHECKING:
    from types import ModuleType

    from hpsklearn import HyperoptEstimator
    from hyperopt import Domain, Trials
    from hyperopt.pyll import Apply

    from sktl._types import FloatArray


@dataclass(frozen=True)
class Budget:
    """When a search ends: whichever comes first.

    Attributes
    ----------
    n_trials : int
        Settings that are tried.
    seconds : float
        Wall time of all trials; the refit on all rows comes on top.
    trial_seconds : float
        Wall time after which one trial is given up.
    """

    n_trials: int = 12
    seconds: float = 150.0
    trial_seconds: float = 75.0


BUDGET = Budget()

# What is searched: parameter to (kind, low, high), both ends included. All else is in `FIXED`.
SPACES: dict[str, dict[str, tuple[str, float, float]]] = {
    FOREST: {
        "max_features": ("log", 0.03, 0.33),  # a share; a core fits 25,000 rows in a minute
        "min_samples_leaf": ("log int", 1, 10),
    },
    BOOSTING: {
        "n_estimators": ("log int", 100, 1000),
        "max_depth": ("int", 3, 10),
        "learning_rate": ("log", 0.01, 0.3),
        "subsample": ("uniform", 0.5, 1.0),
        "colsample_bytree": ("uniform", 0.3, 1.0),
        "min_child_weight": ("log int", 1, 20),
        "reg_lambda": ("log", 0.1, 10.0),
    },
}
FIXED: dict[str, dict[str, Any]] = {
    FOREST: {
        "n_estimators": 100,
        "criterion": "squared_error",
        "max_depth": None,
        "max_leaf_nodes": None,
        "min_samples_split": 2,
        "min_impurity_decrease": 0,
        "bootstrap": True,
    },
    BOOSTING: {
        "tree_method": "hist",
        "base_score": None,
        "gamma": 0,
        "colsample_bylevel": 1.0,
        "reg_alpha": 0,
    },
}
# Trials at random before TPE proposes; hyperopt's own default, 20, is more than the whole budget.
RANDOM_TRIALS = 4


class TunedRegressor(RegressorMixin, BaseEstimator):
    """Search the settings of a learner with TPE, then fit the best ones on all rows.

    The last `n_validation` rows of X judge each trial by mean absolute error. They are not drawn at
    random, so that every model of a study can be judged on the same ones. Each trial is a
    process of its own, which ends when its time is over.

    Parameters
    ----------
    learner : {"random forest", "XGBoost"}
        What is tuned, in the space `SPACES`.
    n_validation : int
        Rows at the end of X that judge.
    space : dict or None, default=None
        What is searched, in place of ``SPACES[learner]``: parameter to (kind, low, high).
    budget : Budget
        Trials and seconds. If no trial ends in time, the learner's defaults are taken, for the
        random forest with the square root of the number of columns at each split.
    random_state : int
        Seed of the search and of the learner. A result repeats as long as the same number of
        trials fits into the time.

    Attributes
    ----------
    model_ : regressor
        The best settings, fitted on all rows.
    validation_mae_ : float
        Error of the best trial on the validation rows, in the unit of y.
    detail_ : dict
        The learner, the budget, trials that ended and that did not, whether the defaults had to be
        taken, and the parameters found.

    Raises
    ------
    SktlError
        If hyperopt-sklearn or xgboost is not installed.
    """

    def __init__(
        self,
        learner: str = FOREST,
        *,
        n_validation: int = 1,
        space: dict[str, tuple[str, float, float]] | None = None,
        budget: Budget = BUDGET,
        random_state: int = 0,
    ) -> None:
        self.learner = learner
        self.n_validation = n_validation
        self.space = space
        self.budget = budget
        self.random_state = random_state

    def fit(self, X: FloatArray, y: FloatArray) -> Self:
        """Search, and fit on all rows.

        Parameters
        ----------
        X : float array (n, d)
            Features; the last `n_validation` rows are for validation.
        y : float array (n,)
            Targets.

        Returns
        -------
        self
        """
        if self.learner not in SPACES:
            raise InputError(f"Got learner={self.learner!r}, expected one of {list(SPACES)}.")
        count_fit_rows(len(y), self.n_validation)
        with _quiet(), _processes():
            search, n_done, n_failed = self._search(X, y)
        self.model_, self.validation_mae_ = self._best(search, X, y)
        parameters = self.model_.get_params()
        self.detail_ = {
            "learner": self.learner,
            "budget": asdict(self.budget),
            "trials": n_done,
            "trials_given_up": n_failed,
            "defaults": n_done == 0,
            "parameters": {name: _plain(parameters[name]) for name in self._searched()},
        }
        self.model_.fit(X, y)
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Predict with the best settings.

        Parameters
        ----------
        X : float array (n, d)
            Features as in `fit`.

        Returns
        -------
        ndarray (n,)
            In the unit of the `y` passed to `fit`.
        """
        return self.model_.predict(X)

    def _search(self, X: FloatArray, y: FloatArray) -> tuple[HyperoptEstimator, int, int]:
        """Return the search after its last trial, and how many trials ended and did not."""
        hpsklearn, all_trials_failed = _load()
        search = hpsklearn.HyperoptEstimator(
            regressor=self._space(hpsklearn),
            preprocessing=[],
            algo=partial(_suggest, self.random_state),
            loss_fn=mean_absolute_error,
            n_jobs=1,
            refit=False,
        )
        # hpsklearn trains on the first int(n (1 - valid_size)) rows: half a row makes that exact
        share = 1 - (len(y) - self.n_validation + 0.5) / len(y)
        settings = {"valid_size": share, "cv_shuffle": False}
        steps = search.fit_iter(X, y, **settings)
        next(steps)
        deadline = time.monotonic() + self.budget.seconds
        while len(search.trials.trials) < self.budget.n_trials:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            search.trial_timeout = min(left, self.budget.trial_seconds)
            try:
                steps.send(1)
            except all_trials_failed:  # raised as long as no trial has ended in time
                steps = search.fit_iter(X, y, **settings, warm_start=True)
                next(steps)
        n_done = sum(status == "ok" for status in search.trials.statuses())
        return search, n_done, len(search.trials.trials) - n_done

    def _space(self, hpsklearn: ModuleType) -> Apply:
        """Return hpsklearn's learner with our space."""
        searched = {name: _dimension(name, *rest) for name, rest in self._searched().items()}
        arguments = (
            searched | FIXED[self.learner] | {"n_jobs": 1, "random_state": self.random_state}
        )
        if self.learner == FOREST:
            return hpsklearn.random_forest_regressor("forest", **arguments)
        return hpsklearn.xgboost_regression("boosting", **arguments)

    def _searched(self) -> dict[str, tuple[str, float, float]]:
        return SPACES[self.learner] if self.space is None else self.space

    def _best(
        self, search: HyperoptEstimator, X: FloatArray, y: FloatArray
    ) -> tuple[BaseEstimator, float]:
        """Return the unfitted best model and its validation error."""
        best = search.best_model()["learner"]
        if best is not None:
            return best, float(min(loss for loss in search.trials.losses() if loss is not None))
        n_fit = count_fit_rows(len(y), self.n_validation)
        model = self._default().fit(X[:n_fit], y[:n_fit])
        return self._default(), float(mean_absolute_error(y[n_fit:], model.predict(X[n_fit:])))

    def _default(self) -> BaseEstimator:
        if self.learner == FOREST:
            # all of 1,024 activations at each split would take an hour where no trial had the time
            return RandomForestRegressor(
                max_features="sqrt", n_jobs=1, random_state=self.random_state
            )
        from xgboost import XGBRegressor

        return XGBRegressor(n_jobs=1, random_state=self.random_state)


def _load() -> tuple[ModuleType, type[Exception]]:
    """Return hpsklearn, and hyperopt's error when no trial has succeeded."""
    try:
        import hpsklearn
        import xgboost
        from hyperopt.exceptions import AllTrialsFailed
    except ImportError as error:
        raise SktlError(
            f"Got no module {error.name!r}, expected the packages of the tuned baselines: "
            'pip install -c constraints.txt ".[benchmark]"'
        ) from error
    del xgboost  # hpsklearn says too late that it needs it
    return hpsklearn, AllTrialsFailed


def _suggest(
    seed: int, new_ids: list[int], domain: Domain, trials: Trials, _: int
) -> list[dict[str, Any]]:
    """Return TPE's next trial; hpsklearn hands no seed to hyperopt, so it comes from here."""
    from hyperopt import tpe

    number = seed * 1000 + len(trials.trials)
    return tpe.suggest(new_ids, domain, trials, number, n_startup_jobs=RANDOM_TRIALS)


def _dimension(name: str, kind: str, low: float, high: float) -> Apply:
    """Return hyperopt's expression for one searched parameter."""
    from hyperopt import hp
    from hyperopt.pyll import scope

    if kind == "uniform":
        return hp.uniform(name, low, high)
    if kind == "log":
        return hp.loguniform(name, math.log(low), math.log(high))
    if kind == "int":
        return scope.int(hp.uniform(name, low, high + 1))
    return scope.int(hp.loguniform(name, math.log(low), math.log(high + 1)))


def _plain(value: Any) -> Any:
    """Return a number that JSON can write."""
    value = value.item() if isinstance(value, np.generic) else value
    return float(f"{value:.6g}") if isinstance(value, float) else value


@contextlib.contextmanager
def _processes() -> Iterator[None]:
    """Let hpsklearn start its processes in a worker of joblib, whose own way to start cannot."""
    before = multiprocessing.get_start_method(allow_none=True)
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    multiprocessing.set_start_method(method, force=True)
    try:
        yield
    finally:
        multiprocessing.set_start_method(before, force=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep hyperopt's bar for each trial and its old imports' warnings from the user."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
