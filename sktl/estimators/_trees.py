"""Trees beside a network: a guard against negative transfer, where held-out rows ask for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor

from sktl._state import stored
from sktl._types import FloatArray
from sktl.estimators._members import Members
from sktl.representations import ConditionColumns, Materials, magpie_attributes

SHARES = np.linspace(0.0, 1.0, 11)
"""Of the trees in a prediction, between which resamples of the held-out rows choose."""

N_RESAMPLES = 200
LEAST_SHARE = 0.05
ROWS_EXPECTED, EXPECTED = 100, 0.2 * SHARES**2 - 0.06 * SHARES
"""What is expected of the logarithm of the error as the share grows, and how many rows that is
worth. It falls a little and then rises, as on parts of the training rows of seven data sets."""

HOPELESS = 1.5
"""Error of trees over that of the network from which on they have no share."""
_N_TREES, _FEWEST_TREES, _ROWS_OF_ALL = 50, 20, 4000


@stored("trees/1")
@dataclass
class Trees:
    """Trees on physical attributes of the composition, and on columns beside it.

    Attributes
    ----------
    conditions : ConditionColumns or None
        What the training rows say of columns beside the materials.
    origin, spread : float
        The smallest or the largest target, and how far the other is from it: the models count from
        0 to 1, and most targets are nearer to 0.
    models : list of regressor
        Extremely randomised and boosted trees for the training rows of each network.
    share : float
        Of the trees in a prediction.
    """

    conditions: ConditionColumns | None
    origin: float
    spread: float
    models: list[BaseEstimator]
    share: float = 0.0

    def columns(self, materials: Materials) -> FloatArray:
        """Return what the trees read of n rows, (n, d); a formula and its fractions read alike."""
        found = magpie_attributes(materials.compositions, missing="impute").round(9)
        if self.conditions is None or materials.conditions is None:
            return found
        return np.hstack([found, self.conditions.plain(materials.conditions)])

    def predict(self, models: Sequence[BaseEstimator], X: FloatArray) -> FloatArray:
        """Return the mean of what some of the models say of n rows, (n, 1)."""
        return (
            self.origin
            + self.spread * np.mean([each.predict(X) for each in models], axis=0)[:, None]
        )

    def mix(self, said: FloatArray, materials: Materials, lowest: float) -> FloatArray:
        """Return predictions (n, 1) of n rows, from those of the networks, none below the lowest.

        Boosted trees go a little beyond the targets that they have seen.
        """
        by_trees = self.predict(self.models, self.columns(materials))
        return np.maximum(mixed(said, by_trees, self.share), lowest)


def mixed(said: FloatArray, by_trees: FloatArray, share: float) -> FloatArray:
    """Return a weighted mean of what networks and trees say.

    Where a network says exactly 0, as for a zero-inflated target, it stays 0: trees hardly say so.
    """
    return np.where(said == 0.0, 0.0, (1 - share) * said + share * by_trees)


def fit_trees(
    materials: Materials, conditions: ConditionColumns | None, members: Members
) -> tuple[Trees, list[FloatArray]]:
    """Fit trees to the training rows of each network.

    Returns
    -------
    trees : Trees
        Without a share.
    said : list of float array (n_m, 1)
        What those of each network say of its held-out rows.
    """
    rows, said = members.rows, []
    ends = sorted([rows.y.min(), rows.y.max()], key=lambda end: abs(np.median(rows.y) - end))
    trees = Trees(conditions, float(ends[0]), float(ends[1] - ends[0]) or 1.0, [])
    X = trees.columns(materials)[rows.given]
    y = ((rows.y[:, 0] - trees.origin) / trees.spread).round(6)  # no unit or sign changes a split
    for part in members.parts:
        chosen = part.training
        models = _new_trees(len(chosen), conditions is not None, part.seed)
        for model in models:
            model.fit(X[chosen], y[chosen], sample_weight=rows.weights[chosen])
        trees.models += models
        said.append(trees.predict(models, X[part.held_out]))
    return trees, said


def _new_trees(n_rows: int, beside: bool, seed: int) -> list[BaseEstimator]:
    """Return trees that take a small part of the time of a network."""
    n_trees = min(_N_TREES, max(_FEWEST_TREES, _N_TREES * _ROWS_OF_ALL // n_rows))
    most = 1.0 if beside else 0.33  # few columns among many attributes would be out of sight
    extra = ExtraTreesRegressor(
        n_trees, max_features=most, min_samples_leaf=2, random_state=seed, n_jobs=1
    )
    boosted = HistGradientBoostingRegressor(
        max_iter=100,
        max_bins=64,
        max_features=most,
        min_samples_leaf=5,
        early_stopping=False,
        random_state=seed,
    )
    return [extra, boosted]


def add_trees(
    materials: Materials,
    conditions: ConditionColumns | None,
    members: Members,
    said: list[FloatArray],
    squared: bool,
) -> tuple[Trees | None, list[FloatArray], str]:
    """Fit trees beside networks, and let held-out rows choose their share in predictions.

    Parameters
    ----------
    materials : Materials, n rows
        All training rows.
    conditions : ConditionColumns or None
        What they say of columns beside the materials.
    members : Members
        The networks, each with held-out rows, of one target.
    said : list of float array (n_m, 1)
        What each network says of its held-out rows.
    squared : bool
        Squared errors count.

    Returns
    -------
    trees : Trees or None
        None where the networks predict alone.
    said : list of float array (n_m, 1)
        Predictions for the held-out rows.
    report : str
        What was done, and why.
    """
    trees, by_trees = fit_trees(materials, conditions, members)
    held_out = members.held_out
    y = np.concatenate([rows.y[:, 0] for rows in held_out])
    weights = np.concatenate([rows.weights for rows in held_out])
    pair = np.concatenate(said)[:, 0], np.concatenate(by_trees)[:, 0]
    trees.share = choose_share(*pair, y, weights, squared)
    alone, by_trees_alone, together = (
        float(np.average(np.abs(mixed(*pair, share) - y), weights=weights))
        for share in (0.0, 1.0, trees.share)
    )
    report = (
        f"On {len(y)} held-out rows the mean absolute error of the fine-tuned network is "
        f"{alone:.4g}, and that of trees on physical attributes {by_trees_alone:.4g}. "
    )
    if not trees.share:
        return None, said, f"{report}Predictions are those of the network: trees would not help."
    said = [mixed(*each, trees.share) for each in zip(said, by_trees, strict=True)]
    return (
        trees,
        said,
        f"{report}Predictions are {1 - trees.share:.0%} network and {trees.share:.0%} trees, whose "
        f"error on these rows is {together:.4g}.",
    )


def choose_share(
    said: FloatArray, by_trees: FloatArray, y: FloatArray, weights: FloatArray, squared: bool
) -> float:
    """Return the share of the trees that held-out rows ask for, 0 where it is small.

    It is the mean of the best shares over resamples of the rows (bagging,
    doi:10.1007/BF00058655), so that a few rows do not lead to an extreme. Where there are few rows,
    `EXPECTED` has its say. Trees with much larger errors than the networks have no share.

    Parameters
    ----------
    said, by_trees, y : float array (n,)
        What networks and trees say of these rows, and their targets.
    weights : float array (n,)
    squared : bool
        Squared errors count; else the absolute ones and, half as much, the root of the squared.
    """
    errors = np.abs([mixed(said, by_trees, share) - y for share in SHARES]) / (np.ptp(y) or 1.0)
    n_rows, tiny = len(y), np.finfo(float).tiny
    drawn = np.random.default_rng(0).multinomial(n_rows, np.full(n_rows, 1 / n_rows), N_RESAMPLES)
    drawn = drawn * (weights / weights.max())
    absolute, square = (np.log(drawn @ (errors**power).T + tiny) for power in (1, 2))
    cost = square / 2 if squared else absolute + square / 4
    best = SHARES[np.argmin(cost + ROWS_EXPECTED / n_rows * EXPECTED, axis=1)]
    size = square / 2 if squared else absolute
    ratio = np.exp(np.minimum(size[:, -1] - size[:, 0], 1.0))
    most = np.clip((HOPELESS - ratio) / (HOPELESS - 1), 0, 1)
    share = float(np.minimum(best, most).mean())
    return share if share >= LEAST_SHARE else 0.0
