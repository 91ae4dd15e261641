"""What an evaluation found: plain data, from which every number of the report is computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sktl.evaluation._names import TRANSFER
from sktl.evaluation._scores import score_predictions

if TYPE_CHECKING:
    from sktl._types import FloatArray, IntArray
    from sktl.evaluation._conditions import Response
    from sktl.representations import Compositions, Conditions
    from sktl.sources import Source


@dataclass(frozen=True)
class Fold:
    """One outer split.

    Attributes
    ----------
    repeat : int
        From 0; each repeat tests every row once.
    train, test : int array
        Rows.
    seed : int
        Seed of the models that are fitted to it.
    """

    repeat: int
    train: IntArray = field(repr=False)
    test: IntArray = field(repr=False)
    seed: int


@dataclass(frozen=True)
class CurvePoint:
    """Errors of a model that was fitted to a part of the training rows.

    Attributes
    ----------
    model : str
    share : float
        Part of the training rows, about.
    n_train : float
        Training rows, mean over folds.
    mae : float array
        Mean absolute error on the test rows of each fold.
    """

    model: str
    share: float
    n_train: float
    mae: FloatArray


@dataclass
class Evaluation:
    """Predictions of every model for rows that it was not trained on.

    Attributes
    ----------
    formulas : list of str, length n
        As the user wrote them.
    compositions : Compositions
        The same, parsed.
    y : float array (n,)
        Measured values.
    groups : int array (n,)
        Rows of one group are never on both sides of a split.
    source : Source
        Where transfer began.
    source_name : str
        How the user called it.
    settings : dict
        ``group``, ``n_splits``, ``n_repeats``, ``random_state`` and ``max_epochs``.
    reads : {"formulas", "structures"}
        What the models saw of a row.
    folds : list of Fold
        All repeats, one after the other.
    predictions : dict of str to float array (n_repeats, n)
        For each model and for the median of the training rows; out of fold.
    intervals : dict of float to float array (n_repeats, n, 2)
        Intervals of the transfer model by their nominal coverage; NaN where it gives none.
    curve : list of CurvePoint
        Of some folds of the first repeat, the full training parts included.
    chosen : dict of str to list of dict
        For each fold the settings that were chosen inside its training part.
    seconds : dict of str to float
        Mean time of a fit to a full training part.
    missing : list of str
        Models that were asked for and are not installed.
    conditions : Conditions or None
        What stands beside the materials.
    responses : list of Response
        What a model of all rows predicts along each of these columns.
    """

    formulas: list[str] = field(repr=False)
    compositions: Compositions
    y: FloatArray = field(repr=False)
    groups: IntArray = field(repr=False)
    source: Source
    source_name: str
    settings: dict[str, Any]
    reads: Literal["formulas", "structures"]
    folds: list[Fold] = field(repr=False)
    predictions: dict[str, FloatArray] = field(repr=False)
    intervals: dict[float, FloatArray] = field(repr=False)
    curve: list[CurvePoint] = field(default_factory=list, repr=False)
    chosen: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False)
    seconds: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    conditions: Conditions | None = field(default=None, repr=False)
    responses: list[Response] = field(default_factory=list, repr=False)

    def absolute_errors(self, model: str = TRANSFER) -> FloatArray:
        """Return the mean over repeats of each row's absolute error, (n,)."""
        return np.abs(self.predictions[model] - self.y).mean(axis=0)

    def fold_maes(self, model: str) -> FloatArray:
        """Return the mean absolute error on the test rows of each fold, (n_folds,)."""
        found = self.predictions[model]
        return np.array(
            [
                score_predictions(self.y[fold.test], found[fold.repeat, fold.test]).mae
                for fold in self.folds
            ]
        )

    def r2(self, model: str) -> float:
        """Return the coefficient of determination over all rows, the mean over repeats."""
        found = self.predictions[model]
        return float(np.mean([score_predictions(self.y, found[i]).r2 for i in range(len(found))]))
