"""Networks around a network of materials, which also read what stands beside the materials."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from sktl.networks._base import Network


class NetworkAround(Network):
    """A network of materials, its head dropped, and what reads something else.

    Depth groups: those of the network; what reads the rest belongs to the head.

    Parameters
    ----------
    network : Network
        Its body becomes part of this network.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        network.reset_head(0)
        self.network = network
        self.scales_embedding = network.scales_embedding
        self.joins_members = network.joins_members

    @property
    def material_size(self) -> int:
        """How many of the first columns of the embedding are of the material itself."""
        return self.network.material_size

    @property
    def depth_groups(self) -> tuple[str, ...]:
        """Names of the depth groups in order from the input, the head last."""
        return self.network.depth_groups

    def group(self, name: str) -> nn.Module:
        """Return the module of one depth group."""
        inner = self.network.group(name)
        return nn.ModuleList([inner, *self.readers(), self.head]) if name == "head" else inner

    def readers(self) -> list[nn.Module]:
        """Return the modules that read the rest."""
        return []

    def summary(self, state: Any) -> Tensor:
        """Return one vector a row, (n, width), for a state that `stages` yielded."""
        return self.network.summary(state)
