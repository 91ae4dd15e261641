"""Crystal graphs in which symmetry-equivalent atoms occur once, with the operations of symmetry.

A network whose features turn with the crystal gives equivalent atoms features that follow from each
other by rotation. So one atom of each kind is enough. Of its neighbours, one of each kind is enough
too, if sums of messages are averaged over the operations that leave the atom in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from sktl._types import AnyArray, CellArrays, FloatArray, Indices, IntArray, SingleArray
from sktl.representations._crystal_rows import EDGE_WORK, CrystalGraph, CrystalRows, unite
from sktl.representations._neighbours import Bonds, bonds_within
from sktl.representations._symmetry import Symmetry, cell_symmetry, first_atoms

TOLERANCE = 1e-4
"""How far an atom may be from where symmetry wants it, in Angstrom."""

_REACH = 20  # of the tolerance, between a neighbour and the image of another


class OrbitGraph(NamedTuple):
    """One atom of each kind of a crystal, and the kinds of edges that lead to it.

    Attributes
    ----------
    numbers : int32 array (n,)
        Atomic numbers.
    source : int32 array (m,)
        Image from which an edge comes.
    target : int32 array (m,)
        Atom to which it leads.
    vectors : float32 array (m, 3)
        From the source to the target, Angstrom.
    atom_multiplicity : float32 array (n,)
        Atoms of each kind.
    bond_multiplicity : float32 array (m,)
        Edges of each kind that lead to one atom.
    images : int32 array (N,)
        Kind of each atom of the cell.
    turns : int32 array (N,)
        The operation that takes the atom of this kind there.
    rotations : float32 array (k, 3, 3)
        Rotations and reflections of the operations, for Cartesian columns.
    sites, site_turns : int32 array (p,)
        Each of the n atoms with each operation that leaves it in its place.
    """

    numbers: IntArray
    source: IntArray
    target: IntArray
    vectors: SingleArray
    atom_multiplicity: SingleArray
    bond_multiplicity: SingleArray
    images: IntArray
    turns: IntArray
    rotations: SingleArray
    sites: IntArray
    site_turns: IntArray

    @property
    def n_bytes(self) -> int:
        """Memory of the arrays in bytes."""
        return sum(part.nbytes for part in self)


class OrbitRows(CrystalRows[OrbitGraph]):
    """Rows of `OrbitGraph`, handed to a network as one graph.

    Parameters
    ----------
    graphs : sequence of OrbitGraph
        The graphs of the n rows.
    """

    def __init__(self, graphs: Sequence[OrbitGraph], angle_cutoff: float | None = None) -> None:
        super().__init__(graphs, angle_cutoff)
        edges = [max(1, len(graph.source)) for graph in self.graphs]
        self.sizes = EDGE_WORK * np.array(edges, dtype=np.int64)

    def __getitem__(self, indices: Indices) -> dict[str, AnyArray]:
        """Return the crystals of the rows `indices`, at least one, as one graph.

        Returns
        -------
        dict
            The fields of `OrbitGraph`, and ``crystal`` int64 (A,): the crystal of each atom.
        """
        graphs = self._chosen(indices)
        joined = {
            name: np.concatenate([getattr(graph, name) for graph in graphs])
            for name in OrbitGraph._fields
        }
        for names, counted in _COUNTED.items():
            sizes = np.array([len(getattr(graph, counted)) for graph in graphs])
            for name in names:
                lengths = [len(getattr(graph, name)) for graph in graphs]
                joined[name] = joined[name] + np.repeat(np.cumsum(sizes) - sizes, lengths)
        n_atoms = [len(graph.numbers) for graph in graphs]
        return joined | {
            "numbers": joined["numbers"].astype(np.int64),
            "crystal": np.repeat(np.arange(len(graphs)), n_atoms),
        }


class BondRows(CrystalRows[CrystalGraph]):
    """Rows of crystal graphs, handed to a network as one graph without pairs of edges.

    Parameters
    ----------
    graphs : sequence of CrystalGraph
        The graphs of the n rows.
    """

    def __getitem__(self, indices: Indices) -> dict[str, AnyArray]:
        """Return what `CrystalRows` gives, but for ``first`` and ``second``."""
        return unite(self._chosen(indices))


_COUNTED = {
    ("source",): "images",
    ("target", "images", "sites"): "numbers",
    ("turns", "site_turns"): "rotations",
}
"""What the numbers in an array count, so that they are shifted in a batch."""


def orbit_graph(
    crystal: CellArrays, shares: FloatArray | None = None, *, cutoff: float
) -> OrbitGraph:
    """Return the graph of a crystal in which equivalent atoms and edges occur once.

    Parameters
    ----------
    crystal : (numbers, lattice, fractional)
        As in `Crystals`.
    shares : float array (n,), optional
        Occupancies of a disordered crystal.
    cutoff : float
        Largest distance of neighbours, Angstrom.

    Returns
    -------
    OrbitGraph
        If neighbours are not where symmetry wants them, or the crystal is disordered, all atoms
        and edges of the cell. Occupancies are factors of the multiplicities.
    """
    whole = Symmetry(np.eye(3)[None], np.arange(len(crystal[0]))[None])
    symmetries = [cell_symmetry(*crystal, TOLERANCE), whole] if shares is None else [whole]
    bonds = bonds_within(*crystal[1:], cutoff, shared=shares is not None)
    graphs = (_merged(crystal[0], bonds, cutoff, symmetry) for symmetry in symmetries)
    graph = next(graph for graph in graphs if graph is not None)
    if shares is None:
        return graph
    single = shares.astype(np.float32)
    return graph._replace(atom_multiplicity=single, bond_multiplicity=single[graph.source])


def _merged(
    numbers: IntArray, bonds: Bonds, cutoff: float, symmetry: Symmetry
) -> OrbitGraph | None:
    """Return the graph, or None if an image of a neighbour is missing."""
    rotations, turn = np.unique(np.round(symmetry.rotations, 6), axis=0, return_inverse=True)
    turn = turn.reshape(-1)
    firsts, images, multiplicity = np.unique(
        first_atoms(symmetry), return_inverse=True, return_counts=True
    )
    to_atom = symmetry.permutations[:, firsts].T  # (n, operations)
    turns = np.array([turn[np.argmax(to_atom[kind] == a)] for a, kind in enumerate(images)])
    ends = np.concatenate(bonds[1::-1]), np.concatenate(bonds[:2])
    vectors = np.concatenate([bonds[2], -bonds[2]]).astype(np.float64)
    parts, sites, site_turns = [], [], []
    for kind, first in enumerate(firsts):
        stays = np.unique(turn[to_atom[kind] == first])
        sites += [kind] * len(stays)
        site_turns += stays.tolist()
        edges = np.flatnonzero(ends[0] == first)
        found = _distinct_edges(vectors[edges], rotations[stays], cutoff)
        if found is None:
            return None
        chosen, means, counts = found
        parts.append((ends[1][edges[chosen]], np.full(len(chosen), kind), means, counts))
    joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
    return OrbitGraph(
        numbers[firsts],
        joined[0].astype(np.int32),
        joined[1].astype(np.int32),
        joined[2].astype(np.float32),
        multiplicity.astype(np.float32),
        joined[3].astype(np.float32),
        images.reshape(-1).astype(np.int32),
        turns.astype(np.int32),
        rotations.astype(np.float32),
        np.array(sites, dtype=np.int32),
        np.array(site_turns, dtype=np.int32),
    )


def _distinct_edges(
    vectors: FloatArray, rotations: FloatArray, cutoff: float
) -> tuple[IntArray, FloatArray, FloatArray] | None:
    """Return one edge of each kind at an atom, its mean vector, and the number of its kind.

    Neighbours at the cutoff, of which only some are within it, are left out: there, messages have
    faded out. None if the image of another neighbour is missing.
    """
    if len(rotations) == 1 or not len(vectors):
        return np.arange(len(vectors)), vectors, np.ones(len(vectors))
    turned = np.einsum("gij,ej->gei", rotations, vectors)
    apart, places = cKDTree(vectors).query(turned, distance_upper_bound=_REACH * TOLERANCE)
    whole = np.isfinite(apart).all(axis=0)
    if (np.linalg.norm(vectors[~whole], axis=1) < cutoff - _REACH * TOLERANCE).any():
        return None
    kept = np.flatnonzero(whole)
    chosen, counts = np.unique(places[:, kept].min(axis=0), return_counts=True)
    means = np.einsum("gji,gej->ei", rotations, vectors[places[:, chosen]]) / len(rotations)
    return chosen, means, counts.astype(np.float64)
