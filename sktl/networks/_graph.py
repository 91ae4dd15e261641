"""Building blocks of networks on graphs of atoms, bonds and bond angles."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

_GATE_FLOOR = 1e-6
_SMALLEST_VARIANCE = 1e-12

Norm: TypeAlias = Callable[[int], nn.Module]
"""Makes a normalisation of a width."""

Ends: TypeAlias = tuple[Tensor, Tensor, Tensor | None]
"""Source and target of edges, and how often each counts."""

AtomState: TypeAlias = tuple[Tensor, Tensor, Tensor | None]
"""Vectors of atoms, the crystal of each, and how often it counts."""


class EdgeGatedConvolution(nn.Module):
    """Update nodes by gated messages along edges, and the edges by their nodes.

    With m_ij = A x_i + B x_j + C e_ij for the edge i->j and its gate g_ij = sigmoid(m_ij)::

        x_j + silu(norm(U x_j + sum_i g_ij * V x_i / (sum_i g_ij + 1e-6)))
        e_ij + silu(norm(m_ij))

    Parameters
    ----------
    width : int
        Width of nodes and edges.
    norm : callable
        Makes a normalisation of a width.
    updates_edges : bool, default=True
        Whether the edges change.
    """

    def __init__(self, width: int, norm: Norm, updates_edges: bool = True) -> None:
        super().__init__()
        self.gate_source = nn.Linear(width, width)
        self.gate_target = nn.Linear(width, width)
        self.gate_edge = nn.Linear(width, width)
        self.own = nn.Linear(width, width)
        self.message = nn.Linear(width, width)
        self.norm_nodes = norm(width)
        self.norm_edges = norm(width) if updates_edges else None
        self.updates_edges = updates_edges

    def forward(
        self,
        nodes: Tensor,
        edges: Tensor,
        source: Tensor,
        target: Tensor,
        copies: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Map nodes (n, width) and edges (m, width), which join nodes source->target.

        `copies` (m,) are the multiplicities of the edges, 1 if not given.
        """
        n = len(nodes)
        ends = torch.cat([self.gate_source(nodes) + self.gate_edge.bias, self.gate_target(nodes)])
        pairs = torch.stack([source, target + n], dim=1)
        change = functional.embedding_bag(pairs, ends, mode="sum")
        change.addmm_(edges, self.gate_edge.weight.t())
        gates = change.sigmoid()
        if copies is not None:
            gates = gates * copies.unsqueeze(1)
        messages = self.message(nodes).index_select(0, source).mul_(gates)
        received = sum_rows(messages, target, n) / (sum_rows(gates, target, n) + _GATE_FLOOR)
        nodes = nodes + functional.silu(self.norm_nodes(self.own(nodes) + received))
        if self.norm_edges is not None:
            edges = functional.silu(self.norm_edges(change), inplace=True).add_(edges)
        return nodes, edges


class AngleBlock(nn.Module):
    """Convolve over the atoms, then over the bonds of the line graph.

    Parameters
    ----------
    width : int
        Width of atoms, bonds and angles.
    norm : callable
        Makes a normalisation of a width.
    updates_angles : bool, default=True
        Whether the angles change.
    """

    def __init__(self, width: int, norm: Norm, updates_angles: bool = True) -> None:
        super().__init__()
        self.atoms = EdgeGatedConvolution(width, norm)
        self.bonds = EdgeGatedConvolution(width, norm, updates_angles)

    def forward(
        self, atoms: Tensor, bonds: Tensor, angles: Tensor, ends: Ends, pairs: Ends
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Map atoms, bonds and angles, each (n, width).

        `ends` are source and target of bonds and their multiplicities; `pairs` the same of angles.
        """
        atoms, bonds = self.atoms(atoms, bonds, *ends)
        return atoms, *self.bonds(bonds, angles, *pairs)


class GraphEmbedding(nn.Module):
    """Turn atomic numbers and bond vectors into vectors of atoms, bonds and angles.

    Parameters
    ----------
    atoms, bonds, angles : nn.Module
        Make vectors of atomic numbers, of bond lengths in Angstrom, and of cosines of angles;
        without the last there are no vectors of angles.
    """

    def __init__(self, atoms: nn.Module, bonds: nn.Module, angles: nn.Module | None = None) -> None:
        super().__init__()
        self.atoms = atoms
        self.bonds = bonds
        self.angles = angles

    def forward(
        self,
        numbers: Tensor,
        vectors: Tensor,
        first: Tensor,
        second: Tensor,
        cosines: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return atoms, bonds and angles, each (n, width)."""
        lengths = torch.linalg.vector_norm(vectors, dim=1)
        atoms, bonds = self.atoms(numbers), self.bonds(lengths)
        if self.angles is None:
            return atoms, bonds, None
        if cosines is None:
            cosines = angle_cosines(vectors / lengths.unsqueeze(1), first, second)
        return atoms, bonds, self.angles(cosines.clamp(-1, 1))


class Expansion(nn.Module):
    """Expand a number in radial basis functions, followed by two layers.

    Parameters
    ----------
    low, high : float
        First and last centre.
    n_centres : int
        Number of evenly spaced centres.
    width, hidden : int
        Widths of the two layers.
    norm : callable
        Makes a normalisation of a width.
    """

    def __init__(
        self, low: float, high: float, n_centres: int, width: int, hidden: int, norm: Norm
    ) -> None:
        super().__init__()
        self.axis = low, high, n_centres
        self.layers = nn.Sequential(
            *dense_layer(n_centres, width, norm), *dense_layer(width, hidden, norm)
        )

    def forward(self, values: Tensor) -> Tensor:
        """Map (n,) to (n, hidden)."""
        low, high, n_centres = self.axis
        centres = torch.linspace(low, high, n_centres, dtype=values.dtype, device=values.device)
        sharpness = (n_centres - 1) / (high - low)
        return self.layers(torch.exp(-sharpness * (values.unsqueeze(1) - centres) ** 2))


class ElementTable(nn.Module):
    """Look up features of elements in a fixed table, which is NaN at first.

    Parameters
    ----------
    n_elements : int
        Highest atomic number.
    n_features : int
        Features of an element.
    """

    table: Tensor

    def __init__(self, n_elements: int, n_features: int) -> None:
        super().__init__()
        table = torch.empty(n_elements + 1, n_features)
        self.register_buffer("table", table.fill_(float("nan")))

    def forward(self, numbers: Tensor) -> Tensor:
        """Map atomic numbers (n,) to (n, n_features)."""
        return self.table.index_select(0, numbers)


class BatchNorm(nn.Module):
    """Normalise columns over the rows in training, by running statistics in evaluation.

    Unlike torch's, it holds floating point numbers only, so that it fits a file of weights, and
    it takes the running statistics where there are too few rows for others.

    Parameters
    ----------
    width : int
        Number of columns.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width).fill_(1))
        self.bias = nn.Parameter(torch.empty(width).zero_())
        self.register_buffer("running_mean", torch.empty(width).zero_())
        self.register_buffer("running_var", torch.empty(width).fill_(1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, width) to (n, width)."""
        statistics = self.running_mean, self.running_var
        by_rows = self.training and len(x) > 1
        return functional.batch_norm(x, *statistics, self.weight, self.bias, training=by_rows)


NORMS: dict[str, Norm] = {"layer": nn.LayerNorm, "batch": BatchNorm}


def dense_layer(n_inputs: int, width: int, norm: Norm) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Return the modules of one layer."""
    return nn.Linear(n_inputs, width), norm(width), nn.SiLU()


def sum_rows(values: Tensor, index: Tensor, n: int) -> Tensor:
    """Return the sums (n, width) of the rows of `values` that have the same index."""
    return values.new_zeros(n, values.shape[1]).index_add_(0, index, values)


def mean_rows(atoms: Tensor, crystal: Tensor, copies: Tensor | None = None) -> Tensor:
    """Return the means (n, width) of the atoms of each crystal; `copies` (n_atoms,) weigh them."""
    counts = torch.bincount(crystal, copies)
    if copies is not None:
        atoms = atoms * copies.unsqueeze(1)
    return sum_rows(atoms, crystal, len(counts)) / counts.to(atoms.dtype).unsqueeze(1)


def angle_cosines(directions: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return the cosines (t,) of the angles between edges i->j and j->k of length 1, at j."""
    products = directions.index_select(0, first) * directions.index_select(0, second)
    return -products.sum(dim=1)


def summarise_rows(atoms: Tensor, crystal: Tensor, copies: Tensor | None = None) -> Tensor:
    """Return mean and standard deviation (n, 2 width) of the atoms of each crystal.

    Parameters are those of `mean_rows`.
    """
    mean = mean_rows(atoms, crystal, copies)
    apart = atoms - mean.index_select(0, crystal)
    spread = (mean_rows(apart.square(), crystal, copies) + _SMALLEST_VARIANCE).sqrt()
    return torch.cat([mean, spread], dim=1)
