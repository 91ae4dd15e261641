"""Several members of one network at once: what they share stays, what they learn is of low rank."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from sktl.networks._base import Network

RANK = 16
"""Of the updates of a linear layer."""


class JoinedMembers:
    """Networks that start from one source, run as one network on the rows of all.

    The first rows of a batch are those of the first member, as many follow of the second, and so
    on. A linear layer that all members start with is kept, and each member adds an update of low
    rank to it (doi:10.48550/arXiv.2106.09685). Such an update has few numbers to learn, and the
    product with what is kept is one for the rows of all members. The head, norms, embeddings and
    linear layers that differ, each member has of its own. All else stays as it is.

    Parameters
    ----------
    networks : list of Network, length m
        Copies of one network, which `part` changes. What does not train is left as it is.
    seed : int
        Chooses the directions that updates start in.

    Attributes
    ----------
    network : Network
        Of all members.
    """

    def __init__(self, networks: Sequence[Network], seed: int) -> None:
        self.members = networks
        self.network = copy.deepcopy(networks[0])
        self._layers: dict[str, _MemberLayer] = {}
        generator = torch.Generator().manual_seed(seed)
        for name, module in list(self.network.named_modules()):
            own = list(module.parameters(recurse=False))
            if not any(each.requires_grad for each in own):
                continue
            layer = _join([each.get_submodule(name) for each in networks], name, generator)
            if layer is None:
                _fix(module)
            else:
                self._layers[name] = layer
                self.network.set_submodule(name, layer)

    def part(self) -> None:
        """Give the members what they have learned."""
        for name, layer in self._layers.items():
            for parameter, values in layer.parted().items():
                for each, value in zip(self.members, values, strict=True):
                    with torch.no_grad():
                        each.get_submodule(name).get_parameter(parameter).copy_(value)


class MembersLoss(nn.Module):
    """The mean of the losses of all members, each on its own rows.

    Parameters
    ----------
    criterion : Module
        Loss of ``(outputs, (z, weights))`` of one member.
    n_members : int
    """

    def __init__(self, criterion: nn.Module, n_members: int) -> None:
        super().__init__()
        self.criterion = criterion
        self.n_members = n_members

    def forward(self, outputs: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss of outputs (m b, p) for (z, weights) of as many rows."""
        parts = zip(*(part.chunk(self.n_members) for part in (outputs, *target)), strict=True)
        losses = [self.criterion(output, (z, weights)) for output, z, weights in parts]
        return torch.stack(losses).mean()


class _MemberLayer(nn.Module):
    """Layers of m members, which map rows (m b, ...)."""

    def parted(self) -> dict[str, Tensor]:
        """Return by name the parameters of plain layers, the first axis that of the members."""
        return dict(self.named_parameters())


class _OwnLinear(_MemberLayer):
    """Linear layers that have nothing in common."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.weight, self.bias = _stacked(layers, "weight"), _stacked(layers, "bias")

    def forward(self, x: Tensor) -> Tensor:
        rows = _by_member(x, len(self.weight)).flatten(1, -2)
        found = torch.baddbmm(self.bias[:, None], rows, self.weight.transpose(1, 2))
        return found.view(*x.shape[:-1], -1)


class _LowRankLinear(_MemberLayer):
    """One linear layer, and the updates of low rank that members add to it."""

    weight: Tensor

    def __init__(self, layers: Sequence[nn.Module], generator: torch.Generator) -> None:
        super().__init__()
        weight = layers[0].get_parameter("weight").detach()
        n_out, n_in = weight.shape
        rank = min(RANK, n_in, n_out)
        self.register_buffer("weight", weight.clone(), persistent=False)
        first = torch.randn(n_in, rank, generator=generator) / math.sqrt(n_in)
        self.down = nn.Parameter(first.repeat(len(layers), 1, 1))
        self.up = nn.Parameter(torch.empty(len(layers), rank, n_out).zero_())
        self.bias = _stacked(layers, "bias")

    def forward(self, x: Tensor) -> Tensor:
        rows = _by_member(x, len(self.up)).flatten(1, -2)
        update = torch.baddbmm(self.bias[:, None], rows @ self.down, self.up)
        return functional.linear(x, self.weight) + update.view(*x.shape[:-1], -1)

    def parted(self) -> dict[str, Tensor]:
        update = (self.down @ self.up).transpose(1, 2)
        return {"weight": self.weight + update, "bias": self.bias}


class _OwnNorm(_MemberLayer):
    """Norms over the last axis."""

    def __init__(self, layers: Sequence[nn.Module], eps: float) -> None:
        super().__init__()
        self.weight, self.bias = _stacked(layers, "weight"), _stacked(layers, "bias")
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        rows = _by_member(x, len(self.weight))
        shape = (len(rows), *[1] * (rows.dim() - 2), -1)
        normed = functional.layer_norm(rows, rows.shape[-1:], eps=self.eps)
        found = torch.addcmul(self.bias.view(shape), normed, self.weight.view(shape))
        return found.view_as(x)


class _OwnEmbedding(_MemberLayer):
    """Vectors of numbered things."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.weight = _stacked(layers, "weight")

    def forward(self, x: Tensor) -> Tensor:
        n_members, n_vectors, _ = self.weight.shape
        first = torch.arange(n_members, device=x.device) * n_vectors
        shape = (n_members, *[1] * x.dim())
        places = (_by_member(x, n_members) + first.view(shape)).view_as(x)
        return functional.embedding(places, self.weight.flatten(0, 1))


def _by_member(x: Tensor, n_members: int) -> Tensor:
    """Return rows (m b, ...) as (m, b, ...)."""
    return x.reshape(n_members, -1, *x.shape[1:])


def _stacked(layers: Sequence[nn.Module], name: str) -> nn.Parameter:
    """Return a parameter of all layers as one."""
    return nn.Parameter(torch.stack([each.get_parameter(name).detach() for each in layers]))


def _join(
    layers: Sequence[nn.Module], name: str, generator: torch.Generator
) -> _MemberLayer | None:
    """Return the layers of this name of all members as one, or None of another kind."""
    first = layers[0]
    if isinstance(first, nn.Linear):
        alike = all(torch.equal(each.get_parameter("weight"), first.weight) for each in layers)
        shared = alike and not name.startswith("head")
        return _LowRankLinear(layers, generator) if shared else _OwnLinear(layers)
    if isinstance(first, nn.LayerNorm):
        return _OwnNorm(layers, first.eps)
    return _OwnEmbedding(layers) if isinstance(first, nn.Embedding) else None


def _fix(module: nn.Module) -> None:
    """Let what a module itself has of trained numbers be constant."""
    for name, parameter in list(module.named_parameters(recurse=False)):
        delattr(module, name)
        module.register_buffer(name, parameter.detach(), persistent=False)
