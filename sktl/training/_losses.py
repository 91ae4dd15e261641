"""Losses over targets that may be missing and rows that may be weighted."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sktl._types import ArrayLike

GATE_WEIGHT = 0.3


class MaskedL1(nn.Module):
    """Mean absolute error over the labels that exist.

    Parameters
    ----------
    property_weights : float array (p,), optional
        Weight of each output; 1 if not given.
    """

    property_weights: Tensor | None

    def __init__(self, property_weights: ArrayLike | None = None) -> None:
        super().__init__()
        weights = None if property_weights is None else torch.as_tensor(property_weights).float()
        self.register_buffer("property_weights", weights)

    def forward(self, outputs: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss of outputs (n, p) for (z (n, p), NaN where missing, weights (n,))."""
        z, weights = target
        weights = weights[:, None] * ~torch.isnan(z)
        if self.property_weights is not None:
            weights = weights * self.property_weights
        errors = (outputs - z.nan_to_num()).abs()
        return (errors * weights).sum() / weights.sum().clamp(min=1e-12)


class MaskedSquares(nn.Module):
    """Mean squared error over the labels that exist."""

    def forward(self, outputs: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss of outputs (n, p) for (z (n, p), NaN where missing, weights (n,))."""
        z, weights = target
        weights = weights[:, None] * ~torch.isnan(z)
        errors = (outputs - z.nan_to_num()) ** 2
        return (errors * weights).sum() / weights.sum().clamp(min=1e-12)


class ZeroInflatedLoss(nn.Module):
    """Joint loss of a value and, with a smaller weight, of P(y > 0) and the value given y > 0."""

    def forward(self, outputs: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss of outputs (n, 3) for (z, y > 0) of shape (n, 2) and row weights (n,)."""
        z, weights = target
        value, positive = z[:, 0], z[:, 1]
        error = (outputs[:, 0] - value).abs()
        error_above = positive * (outputs[:, 2] - value).abs()
        gate = functional.binary_cross_entropy_with_logits(
            outputs[:, 1], positive, reduction="none"
        )
        losses = error + GATE_WEIGHT * (error_above + gate)
        return (losses * weights).sum() / weights.sum().clamp(min=1e-12)


class BoundedL1(nn.Module):
    """Mean absolute error over values and limits: of a limit, only where it is not kept."""

    def forward(self, outputs: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss of outputs (n, 1) for (z and side, (n, 2)) and row weights (n,).

        A side of -1 says that the value is at most z, 1 that it is at least z, 0 that it is z.
        """
        z, weights = target
        errors, sides = outputs[:, 0] - z[:, 0], z[:, 1]
        losses = torch.where(sides == 0, errors.abs(), functional.relu(-sides * errors))
        return (losses * weights).sum() / weights.sum().clamp(min=1e-12)


class CrossEntropy(nn.Module):
    """Weighted cross-entropy of class logits."""

    def forward(self, outputs: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss of logits (n, c) for class indices (n, 1) and row weights (n,)."""
        classes, weights = target
        losses = functional.cross_entropy(outputs, classes[:, 0], reduction="none")
        return (losses * weights).sum() / weights.sum().clamp(min=1e-12)
