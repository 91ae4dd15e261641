"""Targets: from what the user measures to what a network is trained on, and back."""

from __future__ import annotations

import warnings
from typing import Literal, TypeAlias

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVR
from torch import nn

from sktl._state import stored
from sktl._types import AnyArray, BoolArray, FloatArray, IntArray, SingleArray
from sktl.sources import TRANSFORMS, PropertyCard
from sktl.training._losses import (
    BoundedL1,
    CrossEntropy,
    MaskedL1,
    ZeroInflatedLoss,
)

Rule: TypeAlias = Literal["value", "gated", "expected"]
ZERO_SHARE = 0.1
CLASS_COST = 0.03  # of cross-entropies in a linear model, against its weights squared
MILDER = 0.5  # power of the temperature of several networks, whose mean is less sure than each
UNSEEN_LOGIT = -8.0  # of a class that none of the rows has
HEAD_COST = 1 / 60  # of absolute errors in a linear model, against its weights squared


@stored("number-target/1")
class NumberTarget:
    """Numeric targets, centred at the weighted median and divided by the standard deviation.

    Parameters
    ----------
    y : float array (n, k)
        Targets in user units.
    weights : float array (n,)
        Row weights.

    Attributes
    ----------
    center, scale : float array (k,)
        z = (y - center) / scale; a constant target has scale 0 and z = 0.
    n_outputs : int
        Outputs that a network needs.
    lowest : float
        No prediction is below.
    """

    transform = "identity"
    lowest = -np.inf

    def __init__(self, y: FloatArray, weights: FloatArray) -> None:
        self.center = np.array([_weighted_median(y[:, k], weights) for k in range(y.shape[1])])
        self.scale = np.array([_weighted_deviation(y[:, k], weights) for k in range(y.shape[1])])
        self.n_outputs = y.shape[1]

    def encode(self, y: FloatArray) -> SingleArray:
        """Return y (n, k) as z, float32 (n, k)."""
        z = TRANSFORMS[self.transform][0](y) - self.center
        return (z / np.where(self.scale > 0, self.scale, 1.0)).astype(np.float32)

    def decode(self, outputs: AnyArray) -> FloatArray:
        """Return outputs of all members (m, n, k) as predictions (n, k) in the unit of y."""
        z = np.mean(outputs, axis=0, dtype=np.float64)
        return TRANSFORMS[self.transform][1](z * self.scale + self.center)

    def exact(self, y: FloatArray) -> BoolArray:
        """Tell which rows of y (n, k) state a value: all."""
        return np.ones(len(y), dtype=bool)

    def criterion(self) -> nn.Module:
        """Return the loss that trains these targets."""
        return MaskedL1()

    def start_head(
        self, head: nn.Linear, features: SingleArray, z: SingleArray, weights: FloatArray
    ) -> None:
        """Set a linear head to a linear model of z (n, k) on the embedding (n, d) of the rows.

        Fine-tuning that begins there, and not with a head of zeros, changes the body less: Kumar et
        al. 2022, doi:10.48550/arXiv.2202.10054.
        """
        for output in range(z.shape[1]):
            _start_output(head, output, features, z[:, output], weights)

    def choose(self, outputs: AnyArray, y: FloatArray, weights: FloatArray) -> None:
        """Make the choices that need validation rows: none."""


@stored("source-target/1")
class SourceTarget(NumberTarget):
    """Numeric targets on the scale of a property that the source already predicts.

    Parameters
    ----------
    card : PropertyCard
        The property.
    """

    n_outputs = 1

    def __init__(self, card: PropertyCard) -> None:
        self.transform = card.transform
        self.center = np.array([card.center])
        self.scale = np.array([card.scale])


@stored("bounded-target/1")
class BoundedTarget(NumberTarget):
    """Numeric targets of which some are limits, as <0.1 for what is not measurable.

    Parameters
    ----------
    y : float array (n, 2)
        The number, in user units, and its side: -1 where the value is at most the number, 1 where
        it is at least the number, 0 where it is the number.
    weights : float array (n,)
        Row weights.
    """

    def __init__(self, y: FloatArray, weights: FloatArray) -> None:
        super().__init__(y[:, :1], weights)

    def encode(self, y: FloatArray) -> SingleArray:
        """Return y (n, 2) as z and the side, float32 (n, 2)."""
        return np.column_stack([super().encode(y[:, :1]), y[:, 1]]).astype(np.float32)

    def exact(self, y: FloatArray) -> BoolArray:
        """Tell which rows of y (n, 2) state a value, not a limit."""
        return y[:, 1] == 0

    def criterion(self) -> nn.Module:
        """Return the loss that counts a limit only where it is not kept."""
        return BoundedL1()

    def start_head(
        self, head: nn.Linear, features: SingleArray, z: SingleArray, weights: FloatArray
    ) -> None:
        """Set the head as `NumberTarget` does, on the rows that state a value."""
        exact = z[:, 1] == 0
        _start_output(head, 0, features[exact], z[exact, 0], weights[exact])


@stored("zero-inflated-target/1")
class ZeroInflatedTarget(NumberTarget):
    """A non-negative target, many values of which are exactly zero.

    The network has three outputs: the value itself, the logit of P(y > 0), and the value given
    y > 0. Validation rows choose how they make a prediction: ``"value"``, ``"gated"`` (zero where
    P(y > 0) < 0.5, else the value given y > 0) or ``"expected"`` (their product). No prediction is
    negative.

    Attributes
    ----------
    rule : str
        The rule in use.
    """

    rules: tuple[Rule, ...] = ("value", "gated", "expected")
    lowest = 0.0

    def __init__(self, y: FloatArray, weights: FloatArray, rule: Rule = "value") -> None:
        super().__init__(y, weights)
        self.n_outputs = 3
        self.rule = rule

    def encode(self, y: FloatArray) -> SingleArray:
        """Return y (n, 1) as z and the label y > 0, float32 (n, 2)."""
        return np.column_stack([super().encode(y), y > 0]).astype(np.float32)

    def decode(self, outputs: AnyArray) -> FloatArray:
        """Return outputs of all members (m, n, 3) as predictions (n, 1) in the unit of y."""
        return self._decode(outputs, self.rule)

    def _decode(self, outputs: AnyArray, rule: Rule) -> FloatArray:
        outputs = np.asarray(outputs, dtype=np.float64)
        if rule == "value":
            found = super().decode(outputs[..., :1])
        else:
            chance = (0.5 + 0.5 * np.tanh(0.5 * outputs[..., 1:2])).mean(axis=0)
            share = chance if rule == "expected" else chance > 0.5
            found = super().decode(outputs[..., 2:]) * share
        return np.where(found <= 0, 0.0, found)

    def start_head(
        self, head: nn.Linear, features: SingleArray, z: SingleArray, weights: FloatArray
    ) -> None:
        """Set the outputs that are values, as `NumberTarget` does; the logit begins at zero."""
        above = z[:, 1] > 0
        _start_output(head, 0, features, z[:, 0], weights)
        _start_output(head, 2, features[above], z[above, 0], weights[above])

    def criterion(self) -> nn.Module:
        """Return the loss that trains the three outputs together."""
        return ZeroInflatedLoss()

    def choose(self, outputs: AnyArray, y: FloatArray, weights: FloatArray) -> None:
        """Take the rule with the lowest mean absolute error on validation rows."""
        errors = {
            rule: np.average(np.abs(self._decode(outputs, rule) - y)[:, 0], weights=weights)
            for rule in self.rules
        }
        self.rule = min(errors, key=errors.__getitem__)

    @staticmethod
    def fits(y: FloatArray, weights: FloatArray) -> bool:
        """Tell whether y (n, k) is one non-negative column with many, but not only, zeros."""
        if y.shape[1] != 1 or (y < 0).any():
            return False
        return ZERO_SHARE <= np.average(y[:, 0] == 0, weights=weights) <= 1 - ZERO_SHARE


@stored("class-target/1")
class ClassTarget:
    """Class labels, given as indices of the classes.

    Parameters
    ----------
    n_classes : int
        Number of classes.

    Attributes
    ----------
    temperature : float
        Logits are divided by it: above 1 where the networks are too sure of themselves on rows
        that were held out (doi:10.48550/arXiv.1706.04599).
    """

    temperature = 1.0

    def __init__(self, n_classes: int) -> None:
        self.n_outputs = n_classes

    def encode(self, y: IntArray) -> IntArray:
        """Return class indices (n, 1) as int64 (n, 1)."""
        return y.astype(np.int64)

    def decode(self, outputs: AnyArray) -> FloatArray:
        """Return outputs of all members (m, n, c) as class probabilities (n, c)."""
        outputs = np.asarray(outputs, dtype=np.float64)
        milder = MILDER if len(outputs) > 1 else 1.0
        return softmax(outputs / self.temperature**milder, axis=-1).mean(axis=0)

    def criterion(self) -> nn.Module:
        """Return the loss that trains these targets."""
        return CrossEntropy()

    def start_head(
        self, head: nn.Linear, features: SingleArray, z: IntArray, weights: FloatArray
    ) -> None:
        """Set a head to what lowers the cross-entropy on its features, with small weights."""
        seen = np.unique(z)
        if len(seen) < 2:
            return
        with warnings.catch_warnings():  # a start need not be the optimum
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=CLASS_COST, max_iter=100).fit(features, z[:, 0], weights)
        weight, bias = model.coef_, model.intercept_
        if len(seen) == 2:
            weight, bias = (np.concatenate([-part, part]) / 2 for part in (weight, bias))
        with torch.no_grad():
            head.bias.fill_(UNSEEN_LOGIT)
            head.weight[seen] = torch.as_tensor(weight, dtype=head.weight.dtype)
            head.bias[seen] = torch.as_tensor(bias, dtype=head.bias.dtype)

    def choose(self, outputs: AnyArray, y: IntArray, weights: FloatArray) -> None:
        """Take the temperature with the lowest cross-entropy on validation rows."""
        logits = np.asarray(outputs, dtype=np.float64).mean(axis=0)

        def cost(logarithm: float) -> float:
            told = log_softmax(logits / np.exp(logarithm), axis=1)[np.arange(len(y)), y[:, 0]]
            return float(-np.average(told, weights=weights))

        found = minimize_scalar(cost, bounds=(-1.0, 3.0), method="bounded")
        self.temperature = float(np.exp(found.x))


def _start_output(
    head: nn.Linear, output: int, features: SingleArray, z: SingleArray, weights: FloatArray
) -> None:
    """Set one output of a linear head to what lowers the absolute error, with small weights."""
    if not len(z):
        return
    model = LinearSVR(C=HEAD_COST, random_state=0).fit(features, z, weights)
    with torch.no_grad():
        head.weight[output] = torch.as_tensor(model.coef_)
        head.bias[output] = float(np.ravel(model.intercept_)[0])


def _weighted_deviation(values: FloatArray, weights: FloatArray) -> float:
    """Return the standard deviation, 0 where it is rounding error, for values of any magnitude."""
    size = np.abs(values).max()
    if size == 0:
        return 0.0
    parts = values / size
    mean = np.average(parts, weights=weights)
    deviation = np.sqrt(np.average((parts - mean) ** 2, weights=weights))
    return size * deviation if deviation > 1e-12 else 0.0


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weights[order])
    half = 0.5 * running[-1]
    low = np.searchsorted(running, half * (1 - 1e-12))
    high = min(np.searchsorted(running, half * (1 + 1e-12), side="right"), len(values) - 1)
    return 0.5 * (values[order[low]] + values[order[high]])
