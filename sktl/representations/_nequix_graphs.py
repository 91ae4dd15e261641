"""What Nequix reads: crystals as atoms and the vectors to all neighbours within a cutoff."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sktl._state import stored
from sktl._types import CellArrays, FloatArray
from sktl.representations._crystal_rows import CrystalGraph, CrystalRows
from sktl.representations._kept_graphs import KeptGraph, KeptGraphs, refuse_shares
from sktl.representations._neighbours import bonds_within
from sktl.representations._orbits import BondRows, OrbitRows, orbit_graph

CUTOFF = 6.0


@stored("crystal-graphs-nequix/1")
class NequixGraphs(KeptGraphs):
    """A crystal as its atoms and the vectors to all neighbours within 6 Angstrom.

    Nothing is learned. Symmetry-equivalent atoms occur once, and so do equivalent neighbours of an
    atom; with them stand the operations from which the others follow. A network whose features
    turn with the crystal returns the same values with a fraction of the work.

    Parameters
    ----------
    merged : bool, default=True
        Whether equivalent atoms and neighbours occur once. False gives each one of the cell, which
        derivatives with respect to the positions of single atoms need.
    n_jobs : int or None, default=1
        Processes that search for neighbours and symmetry, -1 for all cores.

    See Also
    --------
    OrbitRows : The encoded rows and what a batch holds.

    Notes
    -----
    Atoms are equivalent if an operation of symmetry (spglib) takes one to the other to within
    1e-4 Angstrom.

    References
    ----------
    Koker et al., arXiv:2508.16067 (2025), doi:10.48550/arXiv.2508.16067.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> face_centred = Lattice([[0, 2.7, 2.7], [2.7, 0, 2.7], [2.7, 2.7, 0]])
    >>> silicon = Structure(face_centred, ["Si", "Si"], [[0, 0, 0], [0.25, 0.25, 0.25]])
    >>> for merged in (False, True):
    ...     batch = NequixGraphs(merged=merged).encode([silicon])[[0]]
    ...     print(len(batch["numbers"]), len(batch["source"]))
    2 92
    1 5
    """

    name = "crystal-graphs-nequix"
    version = 1

    def __init__(self, *, merged: bool = True, n_jobs: int | None = 1) -> None:
        self.merged = merged
        self.n_jobs = n_jobs

    def _settings(self) -> tuple[object, ...]:
        return ("orbits" if self.merged else "radius", CUTOFF)

    def _maker(self) -> Callable[[CellArrays, FloatArray | None], KeptGraph]:
        return partial(orbit_graph, cutoff=CUTOFF) if self.merged else _crystal_graph

    def _rows(self, graphs: Sequence[Any]) -> CrystalRows[Any]:
        return OrbitRows(graphs) if self.merged else BondRows(graphs)


def _crystal_graph(arrays: CellArrays, shares: FloatArray | None) -> CrystalGraph:
    refuse_shares(shares)
    numbers, lattice, fractional = arrays
    return CrystalGraph(numbers, *bonds_within(lattice, fractional, CUTOFF))
