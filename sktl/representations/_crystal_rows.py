"""Crystals as graphs, from which batches are taken by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np

from sktl._types import AnyArray, Indices, IntArray, SingleArray
from sktl.representations._neighbours import edge_pairs

EDGE_WORK = 64
"""Work of an edge with its angles, as a multiple of that of an atom of a formula."""


class CrystalGraph(NamedTuple):
    """The atoms of one crystal, and each of its m bonds once.

    Attributes
    ----------
    numbers : int32 array (n,)
        Atomic numbers.
    source, target : int32 array (m,)
        Atoms at the two ends of a bond.
    vectors : float32 array (m, 3)
        From the source to the image of the target, Angstrom.
    """

    numbers: IntArray
    source: IntArray
    target: IntArray
    vectors: SingleArray

    @property
    def n_bytes(self) -> int:
        """Memory of the arrays in bytes."""
        return sum(part.nbytes for part in self)


class BondedAtoms(Protocol):
    """What graphs of crystals have in common, merged or not."""

    @property
    def numbers(self) -> IntArray: ...

    @property
    def source(self) -> IntArray: ...

    @property
    def target(self) -> IntArray: ...

    @property
    def vectors(self) -> SingleArray: ...


Graph = TypeVar("Graph", bound=BondedAtoms)


class CrystalRows(Generic[Graph]):
    """Rows of crystal graphs, handed to a network as one graph and its line graph.

    Only bonds are kept, each in one direction; reverse edges and the line graph are made for a
    batch at a time, so that memory beyond that is bounded by the batch.

    Parameters
    ----------
    graphs : sequence of CrystalGraph
        The graphs of the n rows.
    angle_cutoff : float or None, default=None
        Edges are paired whose lengths are both below this, Angstrom; None pairs all.

    Attributes
    ----------
    width : None
        A graph has no width.
    sizes : int array (n,)
        Work a row costs, in that of an atom of a formula: `EDGE_WORK` for each directed edge.
    """

    width = None

    def __init__(self, graphs: Iterable[Graph], angle_cutoff: float | None = None) -> None:
        self.graphs = list(graphs)
        self.angle_cutoff = angle_cutoff
        edges = np.array([max(1, 2 * len(graph.source)) for graph in self.graphs], dtype=np.int64)
        self.sizes = EDGE_WORK * edges

    def __len__(self) -> int:
        return len(self.graphs)

    def take(self, indices: Indices) -> Self:
        """Return some of the rows as rows of the same kind; the graphs are shared, not copied."""
        return type(self)(self._chosen(indices), self.angle_cutoff)

    def _chosen(self, indices: Indices) -> list[Graph]:
        return [self.graphs[i] for i in np.arange(len(self))[indices]]

    def __getitem__(self, indices: Indices) -> dict[str, AnyArray]:
        """Return the crystals of the rows `indices`, at least one, as one graph.

        Returns
        -------
        dict
            With A atoms, E directed edges and T pairs of edges in all B crystals together:

            - ``numbers`` int64 (A,): atomic numbers.
            - ``crystal`` int64 (A,): the crystal of each atom, 0 to B - 1.
            - ``source``, ``target`` int64 (E,): atoms of each edge; edge ``E / 2 + e`` is the
              reverse of edge ``e``.
            - ``vectors`` float32 (E, 3): from source to the image of the target, Angstrom.
            - ``first``, ``second`` int64 (T,): edges i->j and j->k that are not one bond walked
              forth and back; both are shorter than `angle_cutoff`.
        """
        union = unite(self._chosen(indices))
        half = len(union["vectors"]) // 2
        first, second = whole_pairs(
            union["source"],
            union["target"],
            union["vectors"][:half],
            len(union["numbers"]),
            self.angle_cutoff,
        )
        return union | {"first": first, "second": second}


def unite(graphs: Sequence[BondedAtoms]) -> dict[str, AnyArray]:
    """Return the atoms and directed edges of several crystals as those of one graph.

    Parameters
    ----------
    graphs : list of CrystalGraph or MergedGraph
        At least one.

    Returns
    -------
    dict
        ``numbers``, ``crystal``, ``source``, ``target`` and ``vectors`` of `CrystalRows`.
    """
    n_atoms = np.array([len(graph.numbers) for graph in graphs])
    n_bonds = np.array([len(graph.source) for graph in graphs])
    numbers, source, target, vectors = (
        np.concatenate([getattr(graph, name) for graph in graphs]) for name in CrystalGraph._fields
    )
    shift = np.repeat(np.cumsum(n_atoms) - n_atoms, n_bonds)
    ends = source + shift, target + shift
    return {
        "numbers": numbers.astype(np.int64),
        "crystal": np.repeat(np.arange(len(graphs)), n_atoms),
        "source": np.concatenate(ends),
        "target": np.concatenate(ends[::-1]),
        "vectors": np.concatenate([vectors, -vectors]),
    }


def whole_pairs(
    source: IntArray,
    target: IntArray,
    vectors: SingleArray,
    n_atoms: int,
    angle_cutoff: float | None,
) -> tuple[IntArray, IntArray]:
    """Return the pairs of edges that are at an angle, as `edge_pairs` does.

    Parameters
    ----------
    source, target : int array (2 m,)
        Atoms of directed edges; edge ``m + e`` is the reverse of edge ``e``.
    vectors : float array (m, 3)
        Of the first half of the edges, Angstrom.
    n_atoms : int
        Number of atoms.
    angle_cutoff : float or None
        Only edges shorter than this are paired.
    """
    if angle_cutoff is None:
        return edge_pairs(source, target, n_atoms)
    short = np.flatnonzero((vectors**2).sum(axis=1) < angle_cutoff**2)
    short = np.concatenate([short, short + len(vectors)])
    first, second = edge_pairs(source[short], target[short], n_atoms)
    return short[first], short[second]
