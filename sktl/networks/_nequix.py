"""Nequix: the energy of a crystal from equivariant convolutions over its atoms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from sktl._types import AnyArray
from sktl.exceptions import InputError
from sktl.networks._chgnet_blocks import RadialBasis
from sktl.networks._equivariant import (
    Convolution,
    Couplings,
    Edges,
    Features,
    Orbits,
    turn_matrices,
)
from sktl.networks._graph import mean_rows, sum_rows, summarise_rows
from sktl.networks._nequix_weights import nequix_arguments, nequix_tensors
from sktl.networks._scaled import ScaledNetwork


class AtomFeatures(NamedTuple):
    """The atoms of a batch between two depth groups.

    Attributes
    ----------
    features : list of tensor (n_atoms, 2l + 1, width)
        By degree.
    crystal : int tensor (n_atoms,)
        Crystal of each.
    copies : float tensor (n_atoms,) or None
        Multiplicity of each; None for 1.
    """

    features: Features
    crystal: Tensor
    copies: Tensor | None


class Nequix(ScaledNetwork):
    """Map a crystal, seen as its atoms and the vectors between them, to properties.

    An interaction block sums, for each atom, messages from its neighbours: products of features
    with spherical harmonics of the direction, weighted by functions of the distance. Features have
    degrees, of which the scalars (degree 0) stay and the others turn with the crystal. Messages
    fade out smoothly towards `cutoff`. The output does not depend on translation, rotation,
    reflection, the choice of unit cell, the order of the atoms, or the other crystals of a batch.

    The embedding has mean and standard deviation over the atoms of a crystal of the scalars after
    each interaction but the last, which is closest to the energy and contains less of other
    properties; the mean over the atoms of the energy from the readout; and that of the fixed energy
    of their elements, both in eV. The pretrained head adds the two energies and
    ignores the rest. A new head reads all of it. Columns differ in scale, so `scale_embedding`
    standardises them for a new head.

    Depth groups: ``embedding``, ``interaction1`` ..., ``readout``, ``head``.

    Parameters
    ----------
    n_outputs : int, default=1
        Number of outputs of the head.
    n_interactions : int, default=4
        Number of blocks, at least 2. The last has scalars only.
    widths : sequence of int, default=(128, 64, 32, 32)
        Width of the features of each degree from 0 on.
    degree : int, default=3
        Highest degree of the spherical harmonics.
    n_species : int, default=89
        Width of the vectors of the elements.
    n_distances : int, default=8
        Radial basis functions of the distance.
    hidden, n_hidden : int, default=64, 2
        Width and number of the hidden layers between these and the weights of messages.
    cutoff : float, default=6.0
        Distance from which on a neighbour has no influence, Angstrom.
    exponent : int, default=6
        The larger, the later neighbours fade out.
    n_elements : int, default=103
        Highest atomic number.

    Raises
    ------
    InputError
        The package e3nn is missing, or arguments describe no network.

    See Also
    --------
    sktl.representations.NeighbourGraphs : Makes the graphs.

    Notes
    -----
    The network is that of the package nequix (0.4.5); `from_nequix` loads its weights. Constants
    that normalise are part of the weights here.

    References
    ----------
    Koker et al., arXiv:2508.16067 (2025), doi:10.48550/arXiv.2508.16067. Equivariant convolutions:
    Batzner et al., Nat. Commun. 13, 2453 (2022), doi:10.1038/s41467-022-29939-5.

    Examples
    --------
    Two atoms, bound to each other and to nothing else:

    >>> network = Nequix(2, n_interactions=2, widths=(8, 4), degree=1)
    >>> network.depth_groups
    ('embedding', 'interaction1', 'interaction2', 'readout', 'head')
    >>> network(
    ...     numbers=torch.tensor([11, 17]),
    ...     crystal=torch.tensor([0, 0]),
    ...     source=torch.tensor([0, 1]),
    ...     target=torch.tensor([1, 0]),
    ...     vectors=torch.tensor([[0.0, 0.0, 2.8], [0.0, 0.0, -2.8]]),
    ... ).shape
    torch.Size([1, 2])
    """

    def __init__(
        self,
        n_outputs: int = 1,
        *,
        n_interactions: int = 4,
        widths: Sequence[int] = (128, 64, 32, 32),
        degree: int = 3,
        n_species: int = 89,
        n_distances: int = 8,
        hidden: int = 64,
        n_hidden: int = 2,
        cutoff: float = 6.0,
        exponent: int = 6,
        n_elements: int = 103,
    ) -> None:
        super().__init__()
        sizes = n_interactions - 1, *widths, n_species, n_distances, hidden, n_hidden, exponent
        if min(sizes) < 1 or len(widths) > degree + 1 or not cutoff > 0:
            raise InputError(
                f"Got n_interactions={n_interactions!r}, widths={widths!r}, degree={degree!r}, "
                f"n_species={n_species!r}, n_distances={n_distances!r}, hidden={hidden!r}, "
                f"n_hidden={n_hidden!r}, cutoff={cutoff!r}, exponent={exponent!r}, expected at "
                "least two blocks, positive numbers, and no degree of features above that of the "
                "harmonics."
            )
        lengths = RadialBasis(n_distances, cutoff, exponent)
        groups: dict[str, nn.Module] = {
            "embedding": AtomEmbedding(n_elements, n_species, lengths, degree, len(widths))
        }
        inputs: Sequence[int] = [n_species]
        for i in range(1, n_interactions + 1):
            outputs = widths[:1] if i == n_interactions else widths
            groups[f"interaction{i}"] = Convolution(
                inputs, outputs, n_distances, hidden, n_hidden, degree
            )
            inputs = outputs
        groups["readout"] = AtomEnergies(widths[0], n_elements)
        self.body = nn.ModuleDict(groups)
        self.make_scale(2 * (n_interactions - 1) * widths[0] + 2)
        self.head = nn.Linear(self.embedding_size, n_outputs)

    def stages(
        self,
        numbers: Tensor,
        crystal: Tensor,
        source: Tensor,
        target: Tensor,
        vectors: Tensor,
        atom_multiplicity: Tensor | None = None,
        bond_multiplicity: Tensor | None = None,
        **symmetry: Tensor,
    ) -> Iterator[tuple[str, Tensor | AtomFeatures]]:
        """Yield the state after each group; the last is the embedding (n, embedding_size).

        Parameters
        ----------
        numbers : int tensor (n_atoms,)
            Atomic numbers of the atoms of all crystals of the batch.
        crystal : int tensor (n_atoms,)
            Crystal of each atom, 0 to n - 1; every crystal has an atom.
        source, target : int tensor (n_edges,)
            Neighbour, and atom that receives its message.
        vectors : float tensor (n_edges, 3)
            From the source to the target, Angstrom; none is zero.
        atom_multiplicity, bond_multiplicity : float tensors, optional
            Where equivalent atoms and edges occur once: how many there are.
        symmetry
            Where equivalent atoms and edges occur once: ``images``, ``turns``, ``rotations``,
            ``sites`` and ``site_turns`` of `sktl.representations.OrbitGraph`; `source` then counts
            images.
        """
        embedding: Any = self.body["embedding"]
        copies = atom_multiplicity
        orbits = _orbits(embedding.degree, len(numbers), **symmetry) if symmetry else None
        features, radial, couplings = embedding(numbers, vectors)
        weights = None if bond_multiplicity is None else bond_multiplicity.unsqueeze(1)
        edges = Edges(source, target, radial, couplings, weights, orbits)
        yield "embedding", AtomFeatures(features, crystal, copies)
        found = []
        for name, block in self.body.items():
            if name.startswith("interaction"):
                features = block(features, edges)
                state = AtomFeatures(features, crystal, copies)
                found.append(state)
                yield name, state
        summaries = [self.summary(state) for state in found[:-1]]
        energies = self.body["readout"](features[0].flatten(1), numbers, crystal, copies)
        yield "readout", self.scaled(torch.cat([*summaries, energies], dim=1))

    def summary(self, state: Tensor | AtomFeatures) -> Tensor:
        """Return mean and standard deviation of the scalars of each crystal, (n, 2 width)."""
        if torch.is_tensor(state):
            return state
        return summarise_rows(state.features[0].flatten(1), state.crystal, state.copies)

    @classmethod
    def from_nequix(cls, header: Mapping[str, Any], arrays: Sequence[AnyArray]) -> Self:
        """Return the network that has the weights of a model of the package nequix.

        Its output is the energy in eV/atom. Models whose self-connection is the same for all
        elements can be taken over.

        Parameters
        ----------
        header : dict
            First line of the file of the model.
        arrays : sequence of array
            What follows, in the order of the file.

        Raises
        ------
        InputError
            A value of the header, or the number, the shape or a value of the arrays is not that of
            such a model.
        """
        network = cls(1, **nequix_arguments(header))
        network.load_state_dict(nequix_tensors(network.state_dict(), header, arrays))
        return network


class AtomEmbedding(nn.Module):
    """Turn atomic numbers into vectors, and vectors between atoms into what convolutions read.

    Parameters
    ----------
    n_elements : int
        Highest atomic number.
    width : int
        Width of the vectors of the elements.
    lengths : nn.Module
        Makes radial basis functions of distances.
    degree : int
        Highest degree of the harmonics.
    n_degrees : int
        Number of degrees of the features.
    """

    def __init__(
        self, n_elements: int, width: int, lengths: nn.Module, degree: int, n_degrees: int
    ) -> None:
        super().__init__()
        self.degree = degree
        self.atoms = nn.Embedding(n_elements + 1, width)
        self.lengths = lengths
        self.couplings = Couplings(n_degrees, degree)

    def forward(self, numbers: Tensor, vectors: Tensor) -> tuple[Features, Tensor, list[Tensor]]:
        """Return features of atoms, radial basis functions, and couplings by degree."""
        lengths = torch.linalg.vector_norm(vectors, dim=1)
        return [self.atoms(numbers).unsqueeze(1)], self.lengths(lengths), self.couplings(vectors)


class AtomEnergies(nn.Module):
    """Take means over the atoms of each crystal of two energies, in eV.

    Parameters
    ----------
    width : int
        Width of the vectors of atoms.
    n_elements : int
        Highest atomic number.
    """

    reference: Tensor

    def __init__(self, width: int, n_elements: int) -> None:
        super().__init__()
        self.energy = nn.Linear(width, 1)
        self.register_buffer("reference", torch.empty(n_elements + 1).zero_())

    def forward(
        self, atoms: Tensor, numbers: Tensor, crystal: Tensor, copies: Tensor | None = None
    ) -> Tensor:
        """Map atoms (n_atoms, width) of crystals to (n, 2)."""
        reference = self.reference.index_select(0, numbers).unsqueeze(1)
        return mean_rows(torch.cat([self.energy(atoms), reference], dim=1), crystal, copies)


def _orbits(
    degree: int,
    n_atoms: int,
    images: Tensor,
    turns: Tensor,
    rotations: Tensor,
    sites: Tensor,
    site_turns: Tensor,
) -> Orbits:
    """Return `Orbits` from what `Nequix.stages` takes."""
    matrices = turn_matrices(rotations, degree)
    counts = torch.bincount(sites, minlength=n_atoms).reshape(-1, 1, 1)
    averages = [
        sum_rows(part.index_select(0, site_turns).flatten(1), sites, n_atoms).reshape(
            n_atoms, *part.shape[1:]
        )
        / counts
        for part in matrices
    ]
    return Orbits(images, [part.index_select(0, turns) for part in matrices], averages)
