"""Building blocks of CHGNet: bases that fade out, gated layers, interactions, the readout."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from sktl.networks._graph import angle_cosines, mean_rows, sum_rows

_COSINE_SHRINK = 1 - 1e-6
_LEAST_INPUT = -30.0  # silu is 3e-12 there; below, gradients would be subnormal, which is slow


Updates: TypeAlias = Literal["atoms", "bonds", "angles"]


class Bonds(NamedTuple):
    """The m bonds of a batch, each once, and the t angles between the m' bonds that have one.

    Attributes
    ----------
    source, target : int tensor (m,)
        Atoms at the two ends.
    weights : float tensor (m, width)
        Weight of the messages along a bond; 0 from the cutoff on.
    copies : float tensor (2, m, 1) or None
        Multiplicity of a bond at its source and at its target; None for 1.
    angular : int tensor (m',)
        Bonds that have an angle.
    first, second : int tensor (t,)
        The two of these m' bonds at an angle, from 0 to m' - 1; the first receives the message.
    centre : int tensor (t,)
        Atom at the vertex.
    angle_weights : float tensor (m', width)
        Weight of a bond in its angles; 0 from the cutoff of angles on.
    angle_multiplicity : float tensor (t, 1) or None
        Multiplicity of an angle at its first bond; None for 1.
    """

    source: Tensor
    target: Tensor
    weights: Tensor
    copies: Tensor | None
    angular: Tensor
    first: Tensor
    second: Tensor
    centre: Tensor
    angle_weights: Tensor
    angle_multiplicity: Tensor | None


class RadialBasis(nn.Module):
    """Expand a length r in waves that fade out: u(r/c) sqrt(2/c) sin(f r/c) / r, c the cutoff.

    With the exponent p the envelope is
    u(x) = 1 - (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) - p(p+1)/2 x^(p+2) for x < 1 and 0 beyond; its
    first and second derivatives are 0 at x = 1.

    Parameters
    ----------
    size : int
        Number of waves; the frequencies f are learned, from pi, 2 pi, ... on.
    cutoff : float
        In Angstrom.
    exponent : int
        p; the larger, the later the waves fade out.
    """

    def __init__(self, size: int, cutoff: float, exponent: int) -> None:
        super().__init__()
        self.cutoff = cutoff
        p = self.exponent = exponent
        self.terms = (p + 1) * (p + 2) / 2, p * (p + 2), p * (p + 1) / 2
        self.frequencies = _frequencies(size, math.pi)

    def forward(self, lengths: Tensor) -> Tensor:
        """Map lengths in Angstrom (n,) to (n, size)."""
        x = lengths / self.cutoff
        a, b, c = self.terms
        envelope = torch.where(x < 1, 1 - x**self.exponent * (a - x * (b - x * c)), 0)
        scale = math.sqrt(2 / self.cutoff) * envelope / lengths
        return torch.outer(x, self.frequencies).sin() * scale.unsqueeze(1)


class AngularBasis(nn.Module):
    """Expand an angle in a constant, sines and cosines, over sqrt(pi).

    Parameters
    ----------
    size : int
        Number of frequencies, which are learned, from 1, 2, ... on.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.frequencies = _frequencies(size, 1.0)

    def forward(self, cosines: Tensor) -> Tensor:
        """Map cosines (n,) to (n, 2 size + 1)."""
        waves = torch.outer(torch.acos(cosines * _COSINE_SHRINK), self.frequencies)
        constant = waves.new_full((len(waves), 1), math.sqrt(0.5))
        return torch.cat([constant, waves.sin(), waves.cos()], dim=1) / math.sqrt(math.pi)


class GraphEmbedding(nn.Module):
    """Turn atomic numbers and bond vectors into vectors of atoms, bonds and angles, and `Bonds`.

    Parameters
    ----------
    n_elements : int
        Highest atomic number.
    width : int
        Width of atoms, bonds and angles.
    n_distances, n_angles : int
        Sizes of the bases of lengths and of angles.
    cutoff, angle_cutoff : float
        Where bonds and where bonds with angles have faded out, Angstrom.
    exponent : int
        The larger, the later they fade out.
    """

    def __init__(
        self,
        n_elements: int,
        width: int,
        n_distances: int,
        n_angles: int,
        cutoff: float,
        angle_cutoff: float,
        exponent: int,
    ) -> None:
        super().__init__()
        self.atoms = nn.Embedding(n_elements + 1, width)
        self.lengths = RadialBasis(n_distances, cutoff, exponent)
        self.short_lengths = RadialBasis(n_distances, angle_cutoff, exponent)
        self.cosines = AngularBasis(n_angles)
        self.bonds = nn.Linear(n_distances, width, bias=False)
        self.weights = nn.Linear(n_distances, width, bias=False)
        self.angle_weights = nn.Linear(n_distances, width, bias=False)
        self.angles = nn.Linear(2 * n_angles + 1, width, bias=False)

    def forward(
        self,
        numbers: Tensor,
        source: Tensor,
        target: Tensor,
        vectors: Tensor,
        first: Tensor,
        second: Tensor,
        cosines: Tensor | None,
        bond_multiplicity: Tensor | None,
        angle_multiplicity: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor, Bonds]:
        """Return atoms, bonds and angles, each (n, width), and a `Bonds`."""
        half = len(source) // 2
        lengths = torch.linalg.vector_norm(vectors[:half], dim=1)
        if cosines is None:
            cosines = angle_cosines(vectors / lengths.repeat(2).unsqueeze(1), first, second)
        angles = self.angles(self.cosines(cosines))
        centre = target.index_select(0, first)
        # multiplicities are those at the second edge, so that one receives the message
        first, second = (torch.where(edge < half, edge, edge - half) for edge in (second, first))
        if bond_multiplicity is not None:
            bond_multiplicity = torch.stack(
                [bond_multiplicity[half:], bond_multiplicity[:half]]
            ).unsqueeze(2)
        if angle_multiplicity is not None:
            angle_multiplicity = angle_multiplicity.unsqueeze(1)
        marked = torch.zeros_like(source[:half]).index_fill(0, first, 1)
        place = marked.cumsum(0) - 1
        angular = marked.nonzero().flatten()
        basis = self.lengths(lengths)
        graph = Bonds(
            source[:half],
            target[:half],
            self.weights(basis),
            bond_multiplicity,
            angular,
            place.index_select(0, first),
            place.index_select(0, second),
            centre,
            self.angle_weights(self.short_lengths(lengths.index_select(0, angular))),
            angle_multiplicity,
        )
        return self.atoms(numbers), self.bonds(basis), angles, graph


class GatedLayers(nn.Module):
    """Map inputs that stand side by side, each known for its own kind of row, through a gate.

    For an input h, silu(norm(core h)) * sigmoid(norm(gate h)), in which core and gate have a
    hidden layer each or none.

    Parameters
    ----------
    n_inputs : int
        Inputs, each of the same width.
    width : int
        Width of inputs, hidden layers and output.
    hidden : bool, default=True
        Whether core and gate have a hidden layer.
    """

    def __init__(self, n_inputs: int, width: int, hidden: bool = True) -> None:
        super().__init__()
        self.inputs = nn.Linear(n_inputs * width, 2 * width)
        self.core = nn.Linear(width, width) if hidden else None
        self.gate = nn.Linear(width, width) if hidden else None
        self.norm_core = nn.LayerNorm(width)
        self.norm_gate = nn.LayerNorm(width)

    def project(self, *inputs: Tensor) -> list[Tensor]:
        """Return for each input (n, width) its part (n, 2 width) of the first layer's sum."""
        weights = self.inputs.weight.chunk(len(inputs), dim=1)
        biases: list[Tensor | None] = [None] * (len(inputs) - 1) + [self.inputs.bias]
        return list(map(functional.linear, inputs, weights, biases))

    def forward(self, total: Tensor) -> Tensor:
        """Map the sum of the projections (n, 2 width), which is written to, to (n, width)."""
        if self.core is None or self.gate is None:
            core, gate = total.chunk(2, dim=1)
        else:
            total = total.clamp_(min=_LEAST_INPUT)
            core, gate = functional.silu(total, inplace=True).chunk(2, dim=1)
            core, gate = self.core(core), self.gate(gate)
        core = functional.silu(self.norm_core(core))
        return core.mul_(self.norm_gate(gate).sigmoid())


class Interaction(nn.Module):
    """Update the atoms from their bonds, the bonds from their angles, then the angles from both.

    Parameters
    ----------
    width : int
        Width of atoms, bonds and angles.
    updates : {"atoms", "bonds", "angles"}
        The last of the three that is updated. If it is the atoms, they are normalised.
    """

    def __init__(self, width: int, updates: Updates) -> None:
        super().__init__()
        self.atoms = GatedLayers(3, width)
        self.atoms_out = nn.Linear(width, width, bias=False)
        last = updates == "atoms"
        self.norm = nn.LayerNorm(width) if last else nn.Identity()
        self.bonds = None if last else GatedLayers(4, width)
        self.bonds_out = None if last else nn.Linear(width, width, bias=False)
        self.angles = GatedLayers(4, width, hidden=False) if updates == "angles" else None

    def forward(
        self, atoms: Tensor, bonds: Tensor, angles: Tensor, graph: Bonds
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Map atoms (n, width), bonds (m, width) and angles (t, width) of a graph, a `Bonds`."""
        atoms = atoms + self.atoms_out(self._atom_messages(atoms, bonds, graph))
        if self.bonds is None or self.bonds_out is None:
            return self.norm(atoms), bonds, angles
        change = self.bonds_out(_bond_messages(self.bonds, atoms, bonds, angles, graph))
        bonds = bonds.index_add(0, graph.angular, change)
        if self.angles is not None:
            angles = angles + _at_angles(self.angles, atoms, bonds, angles, graph)
        return atoms, bonds, angles

    def _atom_messages(self, atoms: Tensor, bonds: Tensor, graph: Bonds) -> Tensor:
        """Return the sum (n, width) of what each atom hears along its bonds, from both ends."""
        own, bond, other = self.atoms.project(atoms, bonds, atoms)
        received = []
        ends = graph.source, graph.target
        for end, (here, there) in enumerate((ends, ends[::-1])):
            total = own.index_select(0, here).add_(bond).add_(other.index_select(0, there))
            messages = self.atoms(total) * graph.weights
            if graph.copies is not None:
                messages = messages * graph.copies[end]
            received.append(sum_rows(messages, here, len(atoms)))
        return received[0] + received[1]


class Readout(nn.Module):
    """Take means over the atoms of each crystal of two energies, in eV.

    The energy that layers make of the vector of an atom adds to the reference energy of its
    element. Reference energies are fixed: 0 at first, and others come with weights.

    Parameters
    ----------
    width : int
        Width of atoms and hidden layers.
    n_layers : int
        Number of hidden layers.
    n_elements : int
        Highest atomic number.
    """

    reference: Tensor

    def __init__(self, width: int, n_layers: int, n_elements: int) -> None:
        super().__init__()
        layers = [part for _ in range(n_layers) for part in (nn.Linear(width, width), nn.SiLU())]
        self.energy = nn.Sequential(*layers, nn.Linear(width, 1))
        self.register_buffer("reference", torch.empty(n_elements + 1).zero_())

    def forward(
        self, atoms: Tensor, numbers: Tensor, crystal: Tensor, copies: Tensor | None = None
    ) -> Tensor:
        """Map atoms (n_atoms, width) of crystals to (n, 2)."""
        reference = self.reference.index_select(0, numbers).unsqueeze(1)
        return mean_rows(torch.cat([self.energy(atoms), reference], dim=1), crystal, copies)


def _bond_messages(
    layers: GatedLayers, atoms: Tensor, bonds: Tensor, angles: Tensor, graph: Bonds
) -> Tensor:
    """Return the sum (m', width) of what each bond hears from the bonds at its two ends."""
    messages = _at_angles(layers, atoms, bonds, angles, graph)
    messages = messages * graph.angle_weights.index_select(0, graph.second)
    if graph.angle_multiplicity is not None:
        messages = messages * graph.angle_multiplicity
    return sum_rows(messages, graph.first, len(graph.angular)) * graph.angle_weights


def _at_angles(
    layers: GatedLayers, atoms: Tensor, bonds: Tensor, angles: Tensor, graph: Bonds
) -> Tensor:
    """Return gated layers of the two bonds, the angle and the vertex, (t, width)."""
    angular = bonds.index_select(0, graph.angular)
    first, second, angle, centre = layers.project(angular, angular, angles, atoms)
    total = angle.add_(first.index_select(0, graph.first))
    total = total.add_(second.index_select(0, graph.second))
    return layers(total.add_(centre.index_select(0, graph.centre)))


def _frequencies(size: int, first: float) -> nn.Parameter:
    """Return frequencies that can be learned: multiples of the first, (size,)."""
    return nn.Parameter(torch.empty(size).copy_(first * torch.arange(1, size + 1)))
