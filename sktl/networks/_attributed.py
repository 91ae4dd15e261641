"""AttributedNetwork: a network of materials whose head also reads physical attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from sktl.networks._around import NetworkAround
from sktl.networks._base import Network


class AttributedNetwork(NetworkAround):
    """Let the head read physical attributes beside the embedding of a material.

    What they say outright, such as whether a compound can be neutral, need not be learned again:
    a wide linear part beside a deep one (doi:10.1145/2988450.2988454).

    Depth groups: those of the network.

    Parameters
    ----------
    n_outputs : int
        Number of outputs of the head, which starts from zeros.
    network : Network
        Its body becomes part of this network; its head is dropped.
    n_attributes : int
        Numbers a row that tell the attributes.
    """

    def __init__(self, n_outputs: int, *, network: Network, n_attributes: int) -> None:
        super().__init__(network)
        self.embedding_size = network.embedding_size + n_attributes
        self.reset_head(n_outputs)

    def stages(self, *, attributes: Tensor, **inputs: Any) -> Iterator[tuple[str, Any]]:
        """Yield the state after each group.

        Parameters
        ----------
        attributes : float tensor (n, n_attributes)
            What tells the attributes.
        **inputs : tensors
            What the network reads.
        """
        for name, state in self.network.stages(**inputs):
            yield name, state
        yield "attributes", torch.cat([state, attributes], dim=1)
