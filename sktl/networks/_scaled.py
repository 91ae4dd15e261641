"""Networks whose embedding has columns of different scales."""

from __future__ import annotations

import torch
from torch import Tensor

from sktl._types import AnyArray
from sktl.networks._base import Network

_SMALLEST = 0.1


class ScaledNetwork(Network):
    """A network that standardises its embedding for a new head.

    A subclass calls `make_scale` and yields ``scaled(columns)`` as its last state.
    """

    scales_embedding = True
    center: Tensor
    scale: Tensor

    def make_scale(self, size: int) -> None:
        """Set `embedding_size`, and a scale that changes nothing."""
        self.embedding_size = size
        self.register_buffer("center", torch.empty(size).zero_())
        self.register_buffer("scale", torch.empty(size).fill_(1))

    def scaled(self, columns: Tensor) -> Tensor:
        """Return columns (n, embedding_size), standardised."""
        return (columns - self.center) / self.scale

    def scale_embedding(self, features: AnyArray | Tensor) -> None:
        """Give the columns of `features` (n, embedding_size) zero mean and unit variance.

        Columns with less than a tenth of the median standard deviation are not scaled up to unit
        variance. The last interaction has many columns that hardly vary; small changes of the
        network would then change its output much.
        """
        columns = torch.as_tensor(features, dtype=self.scale.dtype)
        spread, center = torch.std_mean(columns, dim=0, correction=0)
        self.center += center * self.scale
        spread = spread * self.scale
        self.scale = spread.clamp_min(_SMALLEST * spread.median().item() or 1.0)
