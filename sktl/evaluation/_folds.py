"""Which rows are tested and which are trained on: groups of rows stay together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.model_selection import GroupKFold

from sktl.evaluation._evaluation import Fold
from sktl.evaluation._names import GROUPS, SYSTEM, Group
from sktl.exceptions import InputError

if TYPE_CHECKING:
    from sktl._types import IntArray
    from sktl.representations import Compositions

CURVE_SHARES = (1 / 5, 1 / 2)
FEWEST_CURVE_ROWS = 20
MANY_ROWS = 400
"""From so many rows on, one split into folds says as much as the time of another is worth."""


def group_rows(compositions: Compositions, by: Group = "composition") -> IntArray:
    """Number the groups of rows that must not be on both sides of a split.

    Parameters
    ----------
    compositions : Compositions
        n rows.
    by : {"composition", "chemical-system"}, default="composition"
        Rows of one composition, or of one set of elements, are a group.

    Returns
    -------
    int array (n,)
        Equal for rows of one group.
    """
    if by not in GROUPS:
        raise InputError(f"Got group={by!r}, expected one of {GROUPS}.")
    keys = compositions.keys()
    if by == SYSTEM:
        parts = np.split(compositions.numbers, compositions.offsets[1:-1])
        keys = ["-".join(map(str, numbers)) for numbers in parts]
    return np.unique(keys, return_inverse=True)[1].reshape(-1)


def count_repeats(n_repeats: int | Literal["auto"], n_rows: int) -> int:
    """Return how often rows are split anew: of "auto" twice, or once where there are many."""
    if n_repeats == "auto":
        return 2 if n_rows < MANY_ROWS else 1
    if not isinstance(n_repeats, int) or isinstance(n_repeats, bool) or n_repeats < 1:
        raise InputError(
            f"Got n_repeats={n_repeats!r}, expected 'auto' or an integer of at least 1."
        )
    return n_repeats


def make_folds(groups: IntArray, n_splits: int, n_repeats: int, seed: int) -> list[Fold]:
    """Return the outer folds: each repeat tests every row once.

    Parameters
    ----------
    groups : int array (n,)
        What `group_rows` returned.
    n_splits, n_repeats, seed : int
        Folds of a repeat, repeats, and what chooses them.

    Returns
    -------
    list of Fold
    """
    folds: list[Fold] = []
    for repeat in range(n_repeats):
        splitter = GroupKFold(n_splits, shuffle=True, random_state=seed + repeat)
        for train, test in splitter.split(groups, groups=groups):
            folds.append(Fold(repeat, train, test, seed + len(folds)))
    return folds


def count_fit_rows(n_rows: int, n_validation: int) -> int:
    """Return how many rows are left to fit where the last ones validate.

    Parameters
    ----------
    n_rows, n_validation : int
        All rows, and those at their end that validate.

    Returns
    -------
    int

    Raises
    ------
    InputError
        No row is left on one of the two sides.
    """
    if not 0 < n_validation < n_rows:
        raise InputError(
            f"Got n_validation={n_validation!r} and {n_rows} rows, expected at least one row to "
            "train on and one to validate on."
        )
    return n_rows - n_validation


def curve_parts(fold: Fold, groups: IntArray) -> list[tuple[float, IntArray]]:
    """Return smaller training parts of a fold, whole groups chosen at random, the smallest first.

    Parameters
    ----------
    fold : Fold
        Whose training part is thinned.
    groups : int array (n,)
        What `group_rows` returned.

    Returns
    -------
    list of (float, int array)
        Share and rows: a fifth and half of the training rows, where these are 20 or more.
    """
    generator = np.random.default_rng(fold.seed)
    own = groups[fold.train]
    order = generator.permutation(np.unique(own))
    rank = np.argsort(order)[np.searchsorted(np.unique(own), own)]
    rows = fold.train[np.argsort(rank, kind="stable")]
    ends = np.flatnonzero(np.diff(np.sort(rank), append=-1)) + 1  # where a group is complete
    parts = []
    for share in CURVE_SHARES:
        part = rows[: ends[np.searchsorted(ends, round(share * len(rows)))]]
        if FEWEST_CURVE_ROWS <= len(part) < len(rows):
            parts.append((share, part))
    return parts
