"""The comparison of ``sktl demo``: one split, four models, growing training sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from sktl.evaluation._costs import estimate_seconds
from sktl.evaluation._folds import group_rows
from sktl.evaluation._models import make_model
from sktl.evaluation._names import BOOSTING, FOREST, SCRATCH, TRANSFER
from sktl.evaluation._parallel import Report, run_steps, total_seconds
from sktl.evaluation._scores import FitResult, fit_and_score
from sktl.representations import parse_formulas

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from sktl._types import IntArray, ObjectArray

CURVE_MODELS = (FOREST, TRANSFER, SCRATCH)
TEST_SHARE = 0.4


@dataclass(frozen=True)
class DemoPlan:
    """What the demo fits: plain data.

    Attributes
    ----------
    source : str
        Name or file of the source of the transfer model.
    seed : int
        Chooses the split, the smaller training sets and every model's random numbers.
    n_rows : int or None
        Rows that take part, chosen at random; None for all, which takes twice as long.
    max_epochs : "auto" or int
        Epochs of the networks; "auto" is the default of the estimators.
    n_trees : int
        Trees of the random forest.
    sizes : tuple of int
        Training rows of the learning curve; all training rows are its last point.
    """

    source: str = "mpt"
    seed: int = 0
    n_rows: int | None = 2500
    max_epochs: int | Literal["auto"] = "auto"
    n_trees: int = 100
    sizes: tuple[int, ...] = (50, 400)

    def quick(self) -> DemoPlan:
        """Return a plan that takes seconds and shows that everything runs, nothing else."""
        return replace(self, n_rows=240, max_epochs=2, n_trees=10, sizes=(50, 100))


class DemoStep(NamedTuple):
    """A fit that the demo is going to do: model and number of training rows."""

    model: str
    n_train: int


class DemoFit(NamedTuple):
    """One fit of the demo.

    Attributes
    ----------
    model : str
        One of `MODELS`.
    n_train : int
        Training rows.
    result : FitResult
        On the test rows. The time to fit trees includes the physical attributes of the training
        rows.
    """

    model: str
    n_train: int
    result: FitResult


class DemoComparison:
    """Measured band gaps, split by composition, and the models that are fitted to them.

    Parameters
    ----------
    plan : DemoPlan
        What to fit.
    data : Bunch
        What `sktl.datasets.load_expt_gap` returns with ``as_frame=False``.

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
    fits : list of DemoFit
        In the order of `steps`, filled by `run`.
    """

    def __init__(self, plan: DemoPlan, data: Bunch) -> None:
        self.plan = plan
        self.formulas, self.gaps, self.doi = data.data, data.target, data.doi
        self.train, self.test = split_by_composition(self.formulas, plan.seed, plan.n_rows)
        self.fits: list[DemoFit] = []

    def steps(self) -> list[DemoStep]:
        """Return model and training rows of every fit, the smallest first.

        The fits on all training rows are the last point of the learning curve and the rows of
        the table in one.
        """
        n = len(self.train)
        sizes = [size for size in self.plan.sizes if size < n]
        steps = [DemoStep(model, size) for size in sizes for model in CURVE_MODELS]
        if find_spec("xgboost"):
            steps.append(DemoStep(BOOSTING, n))
        return steps + [DemoStep(model, n) for model in CURVE_MODELS]

    def seconds(self, n_jobs: int | None = None) -> float:
        """Return roughly how long `run` takes on two cores."""
        return total_seconds(self._costs(), n_jobs)

    def run(self, n_jobs: int | None = None, report: Report | None = None) -> None:
        """Fit and score every model.

        Parameters
        ----------
        n_jobs : int or None, default=None
            Fits at a time, as in joblib.
        report : callable or None, default=None
            Called before each fit is waited for with the model, its training rows, and three
            estimates in seconds: of all fits before it, with it, and of all fits.
        """
        steps = self.steps()
        found = run_steps(self._fit, steps, self._costs(), n_jobs, report)
        self.fits = [DemoFit(*step, one) for step, one in zip(steps, found, strict=True)]

    def _costs(self) -> list[float]:
        epochs = self.plan.max_epochs
        return [estimate_seconds(*step, max_epochs=epochs) for step in self.steps()]

    def full(self, model: str) -> FitResult | None:
        """Return the `FitResult` on all training rows, None if the model was not fitted."""
        found = dict(self.curve(model))
        return found.get(len(self.train))

    def curve(self, model: str) -> list[tuple[int, FitResult]]:
        """Return (training rows, `FitResult`) of a model, the smallest training set first."""
        found = [(fit.n_train, fit.result) for fit in self.fits if fit.model == model]
        return sorted(found, key=lambda point: point[0])

    def _fit(self, step: DemoStep) -> FitResult:
        plan = self.plan
        X, y, train, test = self.formulas, self.gaps, self.train[: step.n_train], self.test
        estimator = make_model(
            step.model,
            plan.source,
            seed=plan.seed,
            max_epochs=plan.max_epochs,
            n_trees=plan.n_trees,
        )
        return fit_and_score(estimator, X[train], y[train], X[test], y[test])


def split_by_composition(
    formulas: Sequence[str] | ObjectArray, seed: int, n_rows: int | None = None
) -> tuple[IntArray, IntArray]:
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
        Row numbers in random order; 40 % of the compositions are in `test`.
    """
    generator = np.random.default_rng(seed)
    used = generator.permutation(len(formulas))[:n_rows]
    groups = group_rows(parse_formulas([formulas[row] for row in used.tolist()]))
    splitter = GroupShuffleSplit(n_splits=1, test_size=TEST_SHARE, random_state=seed)
    train, test = next(splitter.split(used, groups=groups))
    return used[train], used[test]
