"""Losses over targets that may be missing and rows that may be weighted."""

import torch
from torch import nn


class MaskedL1(nn.Module):
    """Mean absolute error over the labels that exist.

    Parameters
    ----------
    property_weights : float array (p,), optional
        Weight of each output; 1 if not given.
    """

    def __init__(self, property_weights=None):
        super().__init__()
        weights = None if property_weights is None else torch.as_tensor(property_weights).float()
        self.register_buffer("property_weights", weights)

    def forward(self, outputs, target):
        """Return the loss of outputs (n, p) for z (n, p), NaN where missing, and row weights (n,)."""
        z, weights = target
        weights = weights[:, None] * ~torch.isnan(z)
        if self.property_weights is not None:
            weights = weights * self.property_weights
        errors = (outputs - z.nan_to_num()).abs()
        return (errors * weights).sum() / weights.sum().clamp(min=1e-12)
