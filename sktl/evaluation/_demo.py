"""The experiment behind ``sktl demo``: one split, four models, growing training sets.

Only public names of sktl and scikit-learn do the work, so that what the demo shows is what a user
gets.
"""

import time
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import numpy as np

from sktl.evaluation import BOOSTING, FOREST, SCRATCH, TRANSFER

CURVE_MODELS = (FOREST, TRANSFER, SCRATCH)
TEST_SHARE = 0.25


@dataclass(frozen=True)
class Plan:
    """What is fitted: plain data.

    Attributes
    ----------
    source : str
        Name or file of the source of the transfer model.
    seed : int
        Chooses the split, the smaller training sets and every model's random numbers.
    n_rows : int or None
        Rows that take part; None for all.
    max_epochs : "auto" or int
        Epochs of the networks; "auto" is the default of the estimators.
    n_trees : int
        Trees of the random forest.
    sizes : tuple of int
        Training rows of the learning curve; all training rows are its last point.
    """

    source: str = "mpt"
    seed: int = 0
    n_rows: int | None = None
    max_epochs: int | str = "auto"
    n_trees: int = 100
    sizes: tuple = (50, 200, 800)

    def quick(self):
        """Return a plan of seconds, which shows that everything runs and nothing else."""
        return replace(self, n_rows=240, max_epochs=2, n_trees=10, sizes=(50, 100))


@dataclass
class Fit:
    """One fitted model: how many rows it saw, how long that took, how it does on the test rows.

    Attributes
    ----------
    model : str
        One of the model names of this module.
    n_train : int
        Training rows.
    seconds : float
        Wall time of ``fit``; for trees with the physical attributes of the training rows.
    predictions : array (n_test,)
        Predictions for the test rows (eV).
    mae, r2 : float
        Mean absolute error (eV) and coefficient of determination on the test rows.
    """

    model: str
    n_train: int
    seconds: float
    predictions: np.ndarray = field(repr=False)
    mae: float
    r2: float


class Comparison:
    """Measured band gaps, split by composition, and the models that are fitted to them.

    Parameters
    ----------
    plan : Plan
        What to fit.

    Attributes
    ----------
    formulas : object array (n,)
    gaps : float64 array (n,)
        Measured band gaps (eV).
    doi : list of str
        Where they were published.
    train, test : int array
        Row numbers; no composition is on both sides. The first m of `train` are the training
        set of size m.
    fits : list of Fit
        In the order of `steps`, filled by `run`.
    """

    def __init__(self, plan):
        from sktl.datasets import load_expt_gap

        self.plan = plan
        data = load_expt_gap(as_frame=False)
        self.formulas, self.gaps, self.doi = data.data, data.target, data.doi
        self.train, self.test = split_by_composition(self.formulas, plan.seed, plan.n_rows)
        self.fits = []

    def steps(self):
        """Return (model, training rows) of every fit, the smallest first.

        The fits on all training rows are the last point of the learning curve and the rows of
        the table in one.
        """
        n = len(self.train)
        steps = [(model, size) for size in self.plan.sizes if size < n for model in CURVE_MODELS]
        if find_spec("xgboost"):
            steps.append((BOOSTING, n))
        return steps + [(model, n) for model in CURVE_MODELS]

    def run(self, report=lambda *step: None):
        """Fit and score every model.

        Parameters
        ----------
        report : callable
            Called before each fit with the model, its training rows, and three estimates in
            seconds: of all fits before it, with it, and of all fits.
        """
        from sktl.evaluation import estimate_seconds

        steps = self.steps()
        epochs = self.plan.max_epochs
        costs = [estimate_seconds(*step, max_epochs=epochs) for step in steps]
        times = np.cumsum([0.0, *costs]).tolist()
        for (model, n_train), before, after in zip(steps, times[:-1], times[1:], strict=True):
            report(model, n_train, before, after, times[-1])
            self.fits.append(self._fit(model, n_train))

    def full(self, model):
        """Return the fit of a model on all training rows, None if it was not fitted."""
        found = [fit for fit in self.fits if fit.model == model and fit.n_train == len(self.train)]
        return found[0] if found else None

    def curve(self, model):
        """Return the fits of a model, the smallest training set first."""
        return sorted((fit for fit in self.fits if fit.model == model), key=lambda fit: fit.n_train)

    def _fit(self, model, n_train):
        from sklearn.metrics import mean_absolute_error, r2_score

        from sktl.evaluation import make_model

        plan = self.plan
        settings = dict(seed=plan.seed, max_epochs=plan.max_epochs, n_trees=plan.n_trees)
        estimator = make_model(model, plan.source, **settings)
        rows, y = self.train[:n_train], self.gaps[self.test]
        start = time.perf_counter()
        estimator.fit(self.formulas[rows], self.gaps[rows])
        seconds = time.perf_counter() - start
        found = estimator.predict(self.formulas[self.test])
        mae, r2 = float(mean_absolute_error(y, found)), float(r2_score(y, found))
        return Fit(model, n_train, seconds, np.asarray(found, dtype=float), mae, r2)


def split_by_composition(formulas, seed, n_rows=None):
    """Split rows so that no composition is in both parts, however its formula is written.

    Parameters
    ----------
    formulas : sequence of str, length n
        What to split.
    seed : int
        Chooses the split and the order of the training rows.
    n_rows : int or None
        Use so many rows, chosen at random; None for all.

    Returns
    -------
    train, test : int array
        Row numbers in random order; a quarter of the compositions is in `test`.
    """
    from sklearn.model_selection import GroupShuffleSplit

    from sktl.evaluation import group_rows
    from sktl.representations import parse_formulas

    generator = np.random.default_rng(seed)
    used = generator.permutation(len(formulas))[:n_rows]
    groups = group_rows(parse_formulas([formulas[row] for row in used]))
    splitter = GroupShuffleSplit(n_splits=1, test_size=TEST_SHARE, random_state=seed)
    train, test = next(splitter.split(used, groups=groups))
    return used[train], used[test]
