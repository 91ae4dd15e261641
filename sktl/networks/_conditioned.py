"""ConditionedNetwork: a network of materials that also reads what stands beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sktl.networks._around import NetworkAround
from sktl.networks._base import Network


class ConditionedNetwork(NetworkAround):
    """Let conditions, such as a temperature, change the embedding of a material.

    The conditions and the embedding of a network go together through one hidden layer, whose
    output is added to the embedding; a linear head follows. So the network's weights stay what
    they are, and how a property depends on the conditions may differ from material to material.

    Depth groups: those of the network; what reads the conditions belongs to the head.

    Parameters
    ----------
    n_outputs : int
        Number of outputs of the head, which starts from zeros.
    network : Network
        Its body becomes part of this network; its head is dropped.
    n_conditions : int
        Numbers a row beside the materials.
    width : int, default=128
        Width of the vector that the conditions become.
    hidden : int, default=256
        Width of the hidden layer.
    dropout : float, default=0.1
        Dropout behind the hidden layer.
    """

    def __init__(
        self,
        n_outputs: int,
        *,
        network: Network,
        n_conditions: int,
        width: int = 128,
        hidden: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(network)
        self.embedding_size = network.embedding_size
        self.conditions = _Join(n_conditions, self.embedding_size, width, hidden, dropout)
        self.reset_head(n_outputs)

    def readers(self) -> list[nn.Module]:
        """Return the modules that read the conditions."""
        return [self.conditions]

    def stages(self, *, conditions: Tensor, **inputs: Any) -> Iterator[tuple[str, Any]]:
        """Yield the state after each group.

        Parameters
        ----------
        conditions : float tensor (n, n_conditions)
            What stands beside the materials.
        **inputs : tensors
            What the network reads.
        """
        for name, state in self.network.stages(**inputs):
            yield name, state
        yield "conditions", self.conditions(state, conditions)


class _Join(nn.Module):
    """Add to an embedding what conditions make of it."""

    def __init__(
        self, n_conditions: int, embedding_size: int, width: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(n_conditions, width)
        self.mix = nn.Sequential(
            nn.LayerNorm(embedding_size + width),
            nn.Linear(embedding_size + width, hidden),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, embedding_size),
        )

    def forward(self, embedding: Tensor, conditions: Tensor) -> Tensor:
        """Map (n, embedding_size) and (n, n_conditions) to (n, embedding_size)."""
        together = torch.cat([embedding, self.embed(conditions)], dim=1)
        return embedding + self.mix(together)
