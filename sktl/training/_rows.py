"""Training rows in canonical order: repeats merged, groups kept together in validation splits."""

from __future__ import annotations

import math

import numpy as np

from sktl._types import AnyArray, FloatArray, IntArray

SMALLEST_VALIDATION_SET = 5


def merge_rows(groups: IntArray, y: AnyArray, weights: FloatArray) -> tuple[IntArray, FloatArray]:
    """Merge rows that agree in group and target, and bring them into an order of their own.

    Parameters
    ----------
    groups : int array (n,)
        Equal for rows with equal input.
    y : array (n, k)
        Targets.
    weights : float array (n,)
        Row weights; rows of weight 0 are left out.

    Returns
    -------
    rows : int array (m,)
        A row of each kind, sorted by group, then target.
    weights : float array (m,)
        Weight of all rows of that kind, at mean 1.
    """
    used = np.flatnonzero(weights > 0)
    columns = np.column_stack([groups[used], y[used]])
    _, first, kind = np.unique(columns, axis=0, return_index=True, return_inverse=True)
    total = np.bincount(kind.reshape(-1), weights=weights[used])
    return used[first], total / total.mean()


def split_rows(groups: IntArray, fraction: float, seed: int) -> tuple[IntArray, IntArray]:
    """Split rows into training and validation so that rows of one group stay together.

    Parameters
    ----------
    groups : int array (n,)
        Equal for rows with equal input.
    fraction : float
        Share of the rows to validate on; a share of less than five rows is not taken.
    seed : int
        Chooses the split.

    Returns
    -------
    training, validation : int array
        Row numbers; `validation` is empty where there are too few rows.
    """
    n_valid = math.floor(fraction * len(groups) + 1e-9)
    kinds, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(kinds))
    n_chosen = np.searchsorted(np.cumsum(sizes[order]), n_valid, side="right")
    chosen = kinds[order[:n_chosen]]
    valid = np.isin(groups, chosen)
    if n_valid < SMALLEST_VALIDATION_SET or valid.sum() < SMALLEST_VALIDATION_SET or valid.all():
        return np.arange(len(groups)), np.arange(0)
    return np.flatnonzero(~valid), np.flatnonzero(valid)
