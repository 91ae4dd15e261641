"""How a stack mixes its base models: shares by errors on held-out rows, and a robust mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sktl._types import FloatArray

SELECTION_STEPS = 100
_MIDDLE = (0.4, 0.6)


def middle_mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the mean of the middle fifth of each column of values (k, n), weighted by (k,)."""
    order = np.argsort(values, axis=0)
    after = np.cumsum(weights[order], axis=0)
    low, high = _MIDDLE
    shares = np.minimum(after, high) - np.maximum(after - weights[order], low)
    shares = np.maximum(shares, 0)
    return (np.take_along_axis(values, order, axis=0) * shares).sum(axis=0) / shares.sum(axis=0)


def select_shares(
    predictions: FloatArray, weights: FloatArray, cost: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """Return non-negative shares of the columns of predictions (n, b) that lower the cost.

    Models are added one at a time, with replacement, each time the one whose addition gives the
    lowest mean cost; the shares are how often each was added.

    Parameters
    ----------
    predictions : float array (n, b)
        Of each base model; of classes, the probability that it gives to the one that is there.
    weights : float array (n,)
        Row weights.
    cost : callable
        Takes mixed predictions (n, b) and returns what each costs.
    """
    counts = np.zeros(predictions.shape[1])
    total = np.zeros(len(predictions))
    for step in range(1, SELECTION_STEPS + 1):
        costs = weights @ cost((total[:, None] + predictions) / step)
        best = int(np.argmin(costs))
        counts[best] += 1
        total += predictions[:, best]
    return counts / counts.sum()
