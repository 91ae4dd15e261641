"""The 41 small data sets of Gupta et al. 2021, doi:10.1038/s41467-021-26921-5, in their split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error

from sktl.datasets import fetch_cross_property, list_cross_property
from sktl.datasets._table import read_catalog
from sktl.evaluation import BUDGET, Budget
from sktl.studies._names import check_names
from sktl.studies._results import make_result, rounded, steps_of
from sktl.studies._runs import Run
from sktl.studies.cross_property._configurations import (
    CONFIGURATIONS,
    FREEZE_DEPTH,
    LEARNING_CURVE,
    Task,
)

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from sktl._types import FloatArray, IntArray

QUICK = (
    *("exfoliation_energy", "piezo_max_dij", "expt_deltae", "slme"),
    *("expt_bandgap", "mbj_bandgap", "shearmodulusgv", "eps"),
)
CURVE_SETS = ("expt_deltae", "slme", "expt_bandgap", "mbj_bandgap", "shearmodulusgv", "eps")
LIMITED = {FREEZE_DEPTH: QUICK, LEARNING_CURVE: CURVE_SETS}
VALIDATION_SHARE = 1 / 9


def list_runs(
    datasets: Sequence[str] | None = None,
    configurations: Sequence[str] | None = None,
    variants: Sequence[str] | None = None,
    seeds: Sequence[int] = (0,),
) -> list[Run]:
    """Return the runs of the study, the smaller data sets first.

    Parameters
    ----------
    datasets : sequence of str or None
        Names of `list_cross_property`; None for all. "freeze depth" has runs for those of `QUICK`
        only, "learning curve" for those of `CURVE_SETS` with more rows than the point has.
    configurations, variants : sequence of str or None
        Names out of `CONFIGURATIONS`; None for all.
    seeds : sequence of int
        A run for each.

    Returns
    -------
    list of Run

    Raises
    ------
    InputError
        If there is no such data set, configuration or variant.
    """
    known = list_cross_property()
    datasets = check_names("dataset", datasets, known)
    configurations = check_names("configuration", configurations, CONFIGURATIONS)
    names = {name for each in configurations for name in CONFIGURATIONS[each]}
    variants = check_names("variant", variants, sorted(names))
    sets = read_catalog("cross_property")["sets"]
    sizes = {dataset: sets[dataset]["train"]["rows"] for dataset in datasets}
    return [
        Run(dataset, configuration, variant, seed)
        for dataset in sorted(datasets, key=sizes.__getitem__)
        for seed in seeds
        for configuration in configurations
        if dataset in LIMITED.get(configuration, known)
        for variant, made in CONFIGURATIONS[configuration].items()
        if variant in variants and (made.n_rows or 0) < sizes[dataset]
    ]


def do_run(run: Run, budget: Budget = BUDGET) -> tuple[dict[str, Any], FloatArray]:
    """Fit the model of a run and score it on the published test rows.

    A ninth of the training rows, the same for every configuration, gives the validation error;
    the model that is tested was fitted on all training rows.

    Parameters
    ----------
    run : Run
        What to fit.
    budget : Budget
        Of each search for hyperparameters.

    Returns
    -------
    row : dict
        See ``sktl.studies._runs.COLUMNS``; errors in the unit of the data set. The seconds of
        `fit` are those with all training rows, the search included.
    predictions : ndarray (n_test,) or (2, n_test)
        In the unit of the data set; their standard deviations below them if the model knows them.
    """
    train = fetch_cross_property(run.dataset, subset="train")
    test = fetch_cross_property(run.dataset, subset="test")
    variant = CONFIGURATIONS[run.configuration][run.variant]
    order, n_fit = split_rows(len(train.y), run.seed, variant.n_rows)
    X, y = np.array(train.formulas, dtype=object)[order], train.y[order]
    X_test = np.array(test.formulas, dtype=object)
    model = variant.make(Task(run.seed, len(y) - n_fit, budget))
    held_out = clone(model)
    row, predictions = make_result(model, X, y, X_test, test.y)
    validation = _validation_mae(steps_of(model)[-1], variant.holdout)
    if validation is None and variant.holdout:
        held_out.fit(X[:n_fit], y[:n_fit])
        validation = mean_absolute_error(y[n_fit:], held_out.predict(X[n_fit:]))
    row |= {
        "unit": train.unit,
        "validation_mae": rounded(validation),
        "train_sha256": _only(train.sha256),
        "test_sha256": _only(test.sha256),
    }
    return row, predictions


def split_rows(n_rows: int, seed: int, n_taken: int | None = None) -> tuple[IntArray, int]:
    """Return an order of the training rows, and how many of them come before the validation rows.

    Parameters
    ----------
    n_rows : int
        Training rows of a data set.
    seed : int
        Seed of the order.
    n_taken : int or None
        Rows that are used; None is all. A smaller set is part of every larger one.

    Returns
    -------
    order : int array (n_taken,)
        The validation rows, a ninth of all, come last.
    n_fit : int
        Rows before them.
    """
    order = np.random.default_rng(seed).permutation(n_rows)[:n_taken]
    return order, len(order) - max(1, round(VALIDATION_SHARE * len(order)))


def _validation_mae(step: BaseEstimator, holdout: bool) -> float | None:
    """Return the error of a fitted regressor on rows that it was not trained on, or None.

    Without `holdout` these are the rows that it held out on its own.
    """
    known = None if holdout else getattr(step, "uncertainty_", None)
    if known is not None:
        return float(known.mae[0])
    found = getattr(step, "validation_mae_", None)
    return found if isinstance(found, float) else None


def _only(hashes: dict[str, str]) -> str:
    (digest,) = hashes.values()
    return digest
