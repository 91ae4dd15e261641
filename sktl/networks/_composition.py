"""CompositionNet: attention over the elements of a composition."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sktl.exceptions import InputError
from sktl.networks._base import Network
from sktl.networks._blocks import ResidualBlock, SetAttention

_TRACE = 1e-4


class CompositionNet(Network):
    """Embed a composition, seen as a set of weighted elements, and map it to properties.

    Each element of the composition is a token: a learned vector of the element plus a linear map
    of its atomic fraction, seen through Gaussians on a linear and on a logarithmic axis.
    Attention blocks let the tokens exchange information, weighted by the fractions; the
    fraction-weighted mean and the maximum over the tokens go through a trunk of residual blocks
    to a linear head. The output does not depend on the order of the elements, and an element
    whose fraction goes to zero vanishes.

    Depth groups: ``embedding``, ``attention1`` ..., ``trunk1`` ..., ``head``.

    Parameters
    ----------
    n_outputs : int, default=1
        Number of outputs of the head.
    n_elements : int, default=103
        Highest atomic number that has a vector of its own.
    width : int, default=128
        Width of a token.
    n_attention : int, default=3
        Number of attention blocks.
    n_heads : int, default=4
        Attention heads of a block.
    hidden : int, default=256
        Hidden width of the residual part of an attention block.
    trunk_width : int, default=384
        Width of the trunk, which is the embedding size.
    n_trunk : int, default=4
        Number of residual blocks in the trunk.
    dropout : float, default=0.0
        Dropout inside all residual blocks.

    References
    ----------
    Attention over element tokens weighted by their amounts is the idea of Roost
    (doi:10.1038/s41467-020-19964-7) and CrabNet (doi:10.1038/s41524-021-00545-1).
    """

    joins_members = True

    def __init__(
        self,
        n_outputs: int = 1,
        *,
        n_elements: int = 103,
        width: int = 128,
        n_attention: int = 3,
        n_heads: int = 4,
        hidden: int = 256,
        trunk_width: int = 384,
        n_trunk: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if n_trunk < 1 or n_heads < 1 or width % n_heads:
            raise InputError(
                f"Got n_trunk={n_trunk!r}, width={width!r}, n_heads={n_heads!r}, expected at least "
                "one block in the trunk and a width that the number of heads divides."
            )
        self.embedding_size = trunk_width
        groups: dict[str, nn.Module] = {"embedding": ElementEmbedding(n_elements, width)}
        for i in range(n_attention):
            groups[f"attention{i + 1}"] = SetAttention(width, n_heads, hidden, dropout)
        for i in range(n_trunk):
            block = ResidualBlock(trunk_width, trunk_width, dropout)
            groups[f"trunk{i + 1}"] = (
                block
                if i
                else nn.Sequential(
                    nn.LayerNorm(2 * width), nn.Linear(2 * width, trunk_width), block
                )
            )
        groups[f"trunk{n_trunk}"] = nn.Sequential(
            groups[f"trunk{n_trunk}"], nn.LayerNorm(trunk_width)
        )
        self.body = nn.ModuleDict(groups)
        self.head = nn.Linear(trunk_width, n_outputs)

    def stages(
        self, numbers: Tensor, fractions: Tensor
    ) -> Iterator[tuple[str, Tensor | tuple[Tensor, Tensor]]]:
        """Yield the state after each group.

        Parameters
        ----------
        numbers : int tensor (n, k)
            Atomic numbers; 0 is padding.
        fractions : float tensor (n, k)
            Atomic fractions, rows sum to 1; 0 is padding.
        """
        log_fractions = fractions.log()
        tokens = self.body["embedding"](numbers, fractions)
        yield "embedding", (tokens, fractions)
        for name, block in self.body.items():
            if name.startswith("attention"):
                tokens = block(tokens, log_fractions)
                yield name, (tokens, fractions)
        state = self.summary((tokens, fractions))
        for name, block in self.body.items():
            if name.startswith("trunk"):
                state = block(state)
                yield name, state

    def summary(self, state: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        """Pool tokens to one vector a row: weighted mean and maximum, (n, 2 width).

        A fraction below 1e-4 lowers its token in the maximum by its logarithm, so that the token
        is gone when the fraction is zero. Larger fractions do not change the maximum.
        """
        if torch.is_tensor(state):
            return state
        tokens, fractions = state
        mean = torch.einsum("nkd,nk->nd", tokens, fractions)
        presence = (fractions / _TRACE).log().clamp(max=0).unsqueeze(-1)
        return torch.cat([mean, (tokens + presence).amax(dim=1)], dim=-1)


class ElementEmbedding(nn.Module):
    """Turn an element and its fraction into a token.

    Parameters
    ----------
    n_elements : int
        Highest atomic number with a vector of its own.
    width : int
        Width of a token.
    n_gaussians : int, default=32
        Gaussians on each of the two axes: fraction in [0, 1], log10(fraction) in [-6, 0].
    """

    centres: Tensor

    def __init__(self, n_elements: int, width: int, n_gaussians: int = 32) -> None:
        super().__init__()
        self.element = nn.Embedding(n_elements + 1, width)
        nn.init.normal_(self.element.weight, std=0.5)
        self.amount = nn.Linear(2 * n_gaussians, width)
        self.register_buffer("centres", torch.linspace(0, 1, n_gaussians), persistent=False)

    def forward(self, numbers: Tensor, fractions: Tensor) -> Tensor:
        """Map (n, k) atomic numbers and fractions to tokens (n, k, width)."""
        logarithm = 1 + fractions.clamp(min=1e-6).log10() / 6
        axes = torch.stack([fractions, logarithm], dim=-1).unsqueeze(-1)
        bumps = torch.exp(-0.5 * ((axes - self.centres) * (len(self.centres) - 1)) ** 2)
        return self.element(numbers) + self.amount(bumps.flatten(-2))
