"""Crystal graphs in which symmetry-equivalent atoms occur once, with their multiplicity.

A network that reads only elements, lengths and angles gives equivalent atoms, bonds and angles the
same vectors in every layer. So one of each kind is enough if sums over neighbours weight it by its
multiplicity.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sktl._types import AnyArray, FloatArray, Indices, IntArray, SingleArray
from sktl.representations._crystal_rows import CrystalGraph, CrystalRows, unite, whole_pairs
from sktl.representations._neighbours import SMALLEST_DISTANCE

TOLERANCE = 3e-5
"""Lengths in Angstrom and cosines that differ by less may count as the same."""

_SHARE_TOLERANCE = 1e-6

_ODD, _FACTOR, _SHIFT = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 32))


_MarkArray: TypeAlias = NDArray[np.uint64]


class MergedGraph(NamedTuple):
    """The kinds of atoms of one crystal, of its bonds, and of the angles between them.

    Attributes
    ----------
    numbers : int32 array (n,)
        Atomic numbers.
    source, target : int32 array (m,)
        Kinds of atoms at the two ends of a bond.
    vectors : float32 array (m, 3)
        Of a bond of each kind, from the source to the image of the target, Angstrom.
    first, second : uint16 array (t,), or int32 if there are many edges
        Kinds of edges i->j and j->k; edge ``m + e`` is the reverse of edge ``e``.
    cosines : float32 array (t,)
        Of the angle at j.
    atom_multiplicity : float32 array (n,)
        Multiplicity: atoms of each kind.
    bond_multiplicity : float32 array (2 m,)
        Multiplicity: edges of each kind that lead to one atom.
    angle_multiplicity : uint16 or int32 array (t,), float32 if the crystal is disordered
        Multiplicity: angles of each kind at one edge j->k.
    """

    numbers: IntArray
    source: IntArray
    target: IntArray
    vectors: SingleArray
    first: IntArray
    second: IntArray
    cosines: SingleArray
    atom_multiplicity: SingleArray
    bond_multiplicity: SingleArray
    angle_multiplicity: AnyArray

    @property
    def n_bytes(self) -> int:
        """Memory of the arrays in bytes."""
        return sum(part.nbytes for part in self)


class MergedRows(CrystalRows[MergedGraph]):
    """Rows of merged graphs, handed to a network as one graph and its line graph.

    Angles are kept with the bonds: tens of kilobytes for a crystal that symmetry leaves whole.

    Parameters
    ----------
    graphs : sequence of MergedGraph
        The graphs of the n rows.
    """

    def __getitem__(self, indices: Indices) -> dict[str, AnyArray]:
        """Return the crystals of the rows `indices`, at least one, as one graph.

        Returns
        -------
        dict
            What `CrystalRows` gives, of kinds, and of A kinds of atoms, E of edges and T of angles:

            - ``cosines`` float32 (T,): of the angles.
            - ``atom_multiplicity`` float32 (A,): atoms of each kind.
            - ``bond_multiplicity`` float32 (E,): edges of each kind that lead to one atom.
            - ``angle_multiplicity`` float32 (T,): angles of each kind at one ``second``.
        """
        graphs = self._chosen(indices)
        n_bonds = np.array([len(graph.source) for graph in graphs])
        n_angles = np.array([len(graph.first) for graph in graphs])
        joined = {
            name: np.concatenate([getattr(graph, name) for graph in graphs])
            for name in ("first", "second", "cosines", "atom_multiplicity", "angle_multiplicity")
        }
        begin, total = np.repeat(np.cumsum(n_bonds) - n_bonds, n_angles), n_bonds.sum()
        own = np.repeat(n_bonds, n_angles)
        edges = {
            name: joined[name] + begin + np.where(joined[name] < own, 0, total - own)
            for name in ("first", "second")
        }
        halves = zip(*(graph.bond_multiplicity.reshape(2, -1) for graph in graphs), strict=True)
        return (
            unite(graphs)
            | joined
            | edges
            | {
                "bond_multiplicity": np.concatenate([part for half in halves for part in half]),
                "angle_multiplicity": joined["angle_multiplicity"].astype(np.float32),
            }
        )


def merge(
    graph: CrystalGraph, angle_cutoff: float | None = None, shares: FloatArray | None = None
) -> MergedGraph:
    """Merge what is alike in the graph of a crystal.

    Parameters
    ----------
    graph : CrystalGraph
        The graph.
    angle_cutoff : float or None
        As in `CrystalRows`.
    shares : float array (n,), optional
        Occupancies of the atoms of a disordered crystal; they are factors of the multiplicities.

    Returns
    -------
    MergedGraph
    """
    source, target = (np.concatenate(pair) for pair in (graph[1:3], graph[2:0:-1]))
    pairs = whole_pairs(source, target, graph.vectors, len(graph.numbers), angle_cutoff)
    first, second = pairs if shares is None else _pairs_apart(graph.vectors, *pairs)
    lengths = np.linalg.norm(graph.vectors, axis=1)
    directions = graph.vectors / lengths[:, None]
    directions, lengths = np.concatenate([directions, -directions]), np.tile(lengths, 2)
    cosines = -np.einsum("ij,ij->i", directions[first], directions[second])
    marks = _marks(_labels(graph, shares), source, target, lengths, first, second, cosines)
    _, atoms, kind_of_atom, atom_multiplicity = _distinct(marks[0])
    bond_marks, _, kind_of_bond, n_bonds = _distinct(marks[1])
    # an edge of each kind and its reverse
    half = len(graph.source)
    reverse = np.roll(np.arange(2 * half), half)
    _, edges = np.unique(np.minimum(kind_of_bond, kind_of_bond[reverse]), return_index=True)
    edges = np.concatenate([edges, reverse[edges]])
    kinds = kind_of_bond[edges]
    place_of_kind = np.zeros(len(bond_marks), dtype=np.int32)
    place_of_kind[kinds[::-1]] = np.arange(len(edges))[::-1]
    ends = kind_of_atom[source[edges]], kind_of_atom[target[edges]]
    in_both_halves = 1 + (kinds == kind_of_bond[reverse[edges]])
    bond_multiplicity = n_bonds[kinds] / atom_multiplicity[ends[1]] / in_both_halves
    # the angles at these edges
    place_of_edge = np.full(2 * half, -1, dtype=np.int32)
    place_of_edge[edges] = np.arange(len(edges))
    angles = np.flatnonzero(place_of_edge[second] >= 0)
    at = place_of_edge[second[angles]]
    _, one, _, angle_multiplicity = _distinct(_mix(marks[2][angles], at))
    chosen, drawn = angles[one], edges[: len(edges) // 2]
    small = np.uint16 if len(edges) < 2**16 else np.int32
    merged = MergedGraph(
        graph.numbers[atoms],
        ends[0][: len(drawn)].astype(np.int32),
        ends[1][: len(drawn)].astype(np.int32),
        (directions[drawn] * lengths[drawn, None]).astype(np.float32),
        place_of_kind[kind_of_bond[first[chosen]]].astype(small),
        at[one].astype(small),
        cosines[chosen],
        atom_multiplicity.astype(np.float32),
        bond_multiplicity.astype(np.float32),
        angle_multiplicity.astype(small),
    )
    return _weighted(merged, shares, (atoms, atoms[ends[0]], source[first[chosen]]))


def _labels(graph: CrystalGraph, shares: FloatArray | None) -> _MarkArray:
    """Return a mark of each atom, equal for equal elements and occupancies."""
    whole = np.ones(len(graph.numbers)) if shares is None else shares
    return _mix(graph.numbers, np.round(whole / _SHARE_TOLERANCE))


def _pairs_apart(
    vectors: SingleArray, first: IntArray, second: IntArray
) -> tuple[IntArray, IntArray]:
    """Return the pairs of edges of a disordered crystal whose two ends do not share a site."""
    both = np.concatenate([vectors, -vectors])
    apart = np.linalg.norm(both[first] + both[second], axis=1) >= SMALLEST_DISTANCE
    return first[apart], second[apart]


def _weighted(
    graph: MergedGraph, shares: FloatArray | None, atoms: tuple[IntArray, IntArray, IntArray]
) -> MergedGraph:
    """Return a graph whose multiplicities are multiplied by the occupancies of these atoms."""
    if shares is None:
        return graph
    names = ("atom_multiplicity", "bond_multiplicity", "angle_multiplicity")
    single = shares.astype(np.float32)
    return graph._replace(
        **{
            name: getattr(graph, name) * single[each]
            for name, each in zip(names, atoms, strict=True)
        }
    )


def _marks(
    labels: _MarkArray,
    source: IntArray,
    target: IntArray,
    lengths: SingleArray,
    first: IntArray,
    second: IntArray,
    cosines: SingleArray,
) -> tuple[_MarkArray, _MarkArray, _MarkArray]:
    """Return a mark of each atom, edge and angle, equal for those that are alike.

    Marks are mixed with those of neighbours until this splits no kind any more: then nothing that
    only adds up over neighbours can tell apart what has one mark.
    """
    half = len(source) // 2
    atoms = labels
    bonds = _mix(np.round(lengths / TOLERANCE))
    turns = _mix(np.round(cosines / TOLERANCE))
    n_kinds = 0
    while True:
        bonds = _mix(bonds, atoms[source], atoms[target])
        angles = _mix(turns, bonds[first], bonds[second])
        bonds = _mix(bonds, _sums(angles, second, len(bonds)))
        bonds = _mix(bonds, np.roll(bonds, half))
        atoms = _mix(atoms, _sums(bonds, target, len(atoms)))
        found = len(np.unique(atoms)) + len(np.unique(bonds))
        if found == n_kinds:
            return atoms, bonds, _mix(turns, bonds[first], bonds[second])
        n_kinds = found


def _mix(*columns: IntArray | FloatArray | SingleArray) -> _MarkArray:
    """Return a pseudorandom uint64 for each row of integers, the same for the same row."""
    mixed: _MarkArray = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        column = column.astype(np.int64).view(np.uint64)
        mixed = (mixed + column + _ODD) * _FACTOR
        mixed ^= mixed >> _SHIFT
        mixed *= _FACTOR
        mixed ^= mixed >> _SHIFT
    return mixed


def _sums(marks: _MarkArray, places: IntArray, n: int) -> _MarkArray:
    """Return the sum of the marks at each of n places, which does not depend on their order."""
    sums = np.zeros(n, dtype=np.uint64)
    np.add.at(sums, places, marks)
    return sums


def _distinct(marks: _MarkArray) -> tuple[_MarkArray, IntArray, IntArray, IntArray]:
    """Return distinct marks, an index of each, the kind of each mark, and how many there are."""
    return np.unique(marks, return_index=True, return_inverse=True, return_counts=True)
