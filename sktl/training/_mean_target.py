"""Targets whose mean is predicted: what squared errors ask for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import Ridge
from torch import nn

from sktl._state import stored
from sktl._types import AnyArray, FloatArray, SingleArray
from sktl.training._losses import MaskedL1, MaskedSquares
from sktl.training._target import NumberTarget

MEAN_COST = 100.0  # of the weights squared, against squared errors
FEWEST_FOR_LINE, LINE_FOLDS = 20, 5


@stored("mean-target/1")
class MeanTarget(NumberTarget):
    """Numeric targets whose mean is predicted, not their median.

    With enough validation rows the network learns medians, since it is then no better in squared
    errors where it is trained by them: a few rows decide. The validation rows tell by which line
    means follow from medians. With fewer it learns means, by squared errors. Of targets without
    negative values no prediction is negative.

    Parameters
    ----------
    y : float array (n, k)
        Targets in user units.
    weights : float array (n,)
        Row weights.
    n_validation : int
        Validation rows that there will be.

    Attributes
    ----------
    by_line : bool
        Whether the network learns medians.
    lines : list of list of float, (k, 2)
        Slope and offset from medians to means, in z; empty before there are validation rows.
    """

    by_line = False
    lines: Sequence[Sequence[float]] = ()

    def __init__(self, y: FloatArray, weights: FloatArray, n_validation: int) -> None:
        super().__init__(y, weights)
        self.by_line = n_validation >= FEWEST_FOR_LINE
        if not self.by_line:
            self.center = np.average(y, axis=0, weights=weights)
        self.lowest = 0.0 if (y >= 0).all() else -np.inf

    def decode(self, outputs: AnyArray) -> FloatArray:
        """Return outputs of all members (m, n, k) as predictions (n, k) in the unit of y."""
        z = np.asarray(outputs, dtype=np.float64).mean(axis=0, keepdims=True)
        if self.lines:
            slopes, offsets = np.array(self.lines).T
            z = z * slopes + offsets
        return np.maximum(super().decode(z), self.lowest)

    def criterion(self) -> nn.Module:
        """Return the loss that trains these targets."""
        return MaskedL1() if self.by_line else MaskedSquares()

    def start_head(
        self, head: nn.Linear, features: SingleArray, z: SingleArray, weights: FloatArray
    ) -> None:
        """Set a linear head to what lowers the error, with small weights."""
        if self.by_line:
            super().start_head(head, features, z, weights)
            return
        model = Ridge(MEAN_COST).fit(features.astype(np.float64), z, weights)
        with torch.no_grad():
            head.weight.copy_(torch.as_tensor(np.atleast_2d(model.coef_)))
            head.bias.copy_(torch.as_tensor(np.atleast_1d(model.intercept_)))

    def choose(self, outputs: AnyArray, y: FloatArray, weights: FloatArray) -> None:
        """Find the lines, where they lower squared errors of rows that they are not fitted to."""
        z, wanted = np.asarray(outputs, dtype=np.float64).mean(axis=0), self.encode(y)
        if self.by_line:
            self.lines = [
                list(_find_line(one, other.astype(np.float64), weights))
                for one, other in zip(z.T, wanted.T, strict=True)
            ]


def _find_line(z: FloatArray, wanted: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Return slope and offset of the line from z to what is wanted, if it is better than z."""
    z, wanted, weights = (each[weights > 0] for each in (z, wanted, weights))
    if len(z) < FEWEST_FOR_LINE:
        return 1.0, 0.0
    part = np.arange(len(z)) % LINE_FOLDS
    errors = np.empty(len(z))
    for fold in range(LINE_FOLDS):
        rest, own = part != fold, part == fold
        slope, offset = _fit_line(z[rest], wanted[rest], weights[rest])
        errors[own] = wanted[own] - slope * z[own] - offset
    better = weights @ errors**2 < weights @ (wanted - z) ** 2
    return _fit_line(z, wanted, weights) if better else (1.0, 0.0)


def _fit_line(x: FloatArray, y: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Return slope and offset of the line with the lowest squared error."""
    x0, y0 = np.average(x, weights=weights), np.average(y, weights=weights)
    spread = weights @ (x - x0) ** 2
    slope = weights @ ((x - x0) * (y - y0)) / spread if spread > 0 else 1.0
    return float(slope), float(y0 - slope * x0)
