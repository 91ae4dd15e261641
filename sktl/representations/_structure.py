"""Crystal structures as graphs of atoms and bonds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias

from sktl._state import stored
from sktl._types import CellArrays, FloatArray, StructuresLike
from sktl.exceptions import InputError
from sktl.representations._crystal_rows import CrystalGraph, CrystalRows
from sktl.representations._crystals import Crystals
from sktl.representations._kept_graphs import KeptGraph, KeptGraphs, refuse_shares
from sktl.representations._merged import MergedRows, merge
from sktl.representations._neighbours import bonds_within, nearest_bonds

Mode: TypeAlias = Literal["nearest", "radius"]
MODES = ("nearest", "radius")


@stored("crystal-graphs/1")
class CrystalGraphs(KeptGraphs):
    """A crystal as a graph of its atoms, periodic images bound as neighbours are.

    Nothing is learned. The graphs do not depend on the choice of cell, its origin and orientation,
    or the order of the atoms. Symmetry-equivalent atoms, bonds and angles occur once, with their
    multiplicity. A network returns the same values with a half to a tenth of the work.

    Parameters
    ----------
    cutoff : float, default=8.0
        In Angstrom. With ``mode="radius"``, the largest length of a bond. With ``mode="nearest"``,
        only the first radius of the search, which grows until every atom has its neighbours. The
        graphs then do not depend on it.
    n_neighbours : int, default=12
        Neighbours of an atom with ``mode="nearest"``; more where the last shell holds more.
    mode : {"nearest", "radius"}, default="nearest"
        "nearest": an atom is bound to its `n_neighbours` nearest neighbours, to all others at the
        distance of the last of them (to within 0.01 Angstrom), and to the atoms that count it
        among theirs. "radius": an atom is bound to all within `cutoff`. With a network that lets
        long bonds fade out at `cutoff`, outputs then change smoothly with the atomic positions.
    angle_cutoff : float or None, default=None
        In Angstrom. The line graph pairs only edges shorter than this; None pairs all.
    merged : bool, default=True
        Whether equivalent atoms, bonds and angles occur once. False gives each one of the cell,
        which derivatives with respect to the positions of single atoms need.
    n_jobs : int or None, default=1
        Processes that search for neighbours, -1 for all cores.

    Raises
    ------
    InputError
        If a parameter is wrong.

    See Also
    --------
    CrystalRows : The encoded rows and what a batch holds if not merged.
    MergedRows : The same, merged.

    Notes
    -----
    - Atoms, bonds and angles are equivalent if no network that sums over neighbours can tell them
      apart by elements, lengths and cosines: those of one colour in colour refinement [3]_. Lengths
      (Angstrom) and cosines count as equal to within 3e-5.
    - Graphs are kept, up to `CACHE_BYTES` in a process, under a hash of lattice, species and
      coordinates, and found again by every encoder with the same parameters.
    - The pairs of edges grow with the square of the number of neighbours: 8 Angstrom reach about
      150 neighbours in a crystal of average density, so "radius" calls for 4 to 5 Angstrom, or for
      an `angle_cutoff`. CHGNet [2]_ has bonds of up to 6 Angstrom and pairs those below 3 Angstrom:
      ``CrystalGraphs(mode="radius", cutoff=6.0, angle_cutoff=3.0)`` are the graphs of its package.
    - "nearest" follows ALIGNN [1]_: 12 neighbours, whole shells, a search from 8 Angstrom on. The
      graphs differ from those of the package `alignn` (2026.8) as follows. Shells end by a
      tolerance, there by exact equality, so that rounding of coordinates decides. A bond occurs
      once in each direction; there the bonds of an atom to its own images occur twice, and with
      ``use_canonize=False`` all bonds that both ends count. The line graph leaves out the pair of
      an edge and its own reverse, an angle of zero in every crystal, which the package keeps.
      Configurations of the package search from 5 Angstrom on by default, which has no influence
      either.

    References
    ----------
    .. [1] K. Choudhary and B. DeCost, npj Comput. Mater. 7, 185 (2021),
       doi:10.1038/s41524-021-00650-1
    .. [2] B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3
    .. [3] M. Grohe et al., Dimension reduction via colour refinement, ESA 2014,
       doi:10.1007/978-3-662-44777-2_42

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> face_centred = Lattice([[0, 2.7, 2.7], [2.7, 0, 2.7], [2.7, 2.7, 0]])
    >>> silicon = Structure(face_centred, ["Si", "Si"], [[0, 0, 0], [0.25, 0.25, 0.25]])
    >>> crystals = [silicon, silicon * [2, 1, 1]]
    >>> rows = CrystalGraphs(n_neighbours=4, merged=False).encode(crystals)
    >>> {name: part.shape for name, part in rows[[0, 1]].items()}
    {'numbers': (6,), 'crystal': (6,), 'source': (24,), 'target': (24,), 'vectors': (24, 3),
     'first': (72,), 'second': (72,)}
    >>> batch = CrystalGraphs(n_neighbours=4).encode(crystals)[[0, 1]]
    >>> batch["numbers"], batch["atom_multiplicity"], batch["bond_multiplicity"]
    (array([14, 14]), array([2., 4.], dtype=float32), array([2., 2., 2., 2.], dtype=float32))
    """

    name = "crystal-graphs"
    version = 1
    merged = False  # of models that were stored before there was a choice

    def __init__(
        self,
        *,
        cutoff: float = 8.0,
        n_neighbours: int = 12,
        mode: Mode = "nearest",
        angle_cutoff: float | None = None,
        merged: bool = True,
        n_jobs: int | None = 1,
    ) -> None:
        if mode not in MODES:
            raise InputError(f"Got mode={mode!r}, expected one of {MODES}.")
        if not _is_length(cutoff):
            raise InputError(f"Got cutoff={cutoff!r}, expected a positive number of Angstrom.")
        if angle_cutoff is not None and not _is_length(angle_cutoff):
            raise InputError(
                f"Got angle_cutoff={angle_cutoff!r}, expected a positive number of Angstrom, or "
                "None."
            )
        if not _is_count(n_neighbours):
            raise InputError(f"Got n_neighbours={n_neighbours!r}, expected an integer >= 1.")
        self.cutoff = float(cutoff)
        self.n_neighbours = int(n_neighbours)
        self.mode = mode
        self.angle_cutoff = None if angle_cutoff is None else float(angle_cutoff)
        self.merged = merged
        self.n_jobs = n_jobs

    def encode(
        self, structures: Crystals | StructuresLike
    ) -> CrystalRows[CrystalGraph] | MergedRows:
        """Return crystals as `CrystalRows`.

        Parameters
        ----------
        structures : Crystals, or list, tuple, Series, array or DataFrame of Structure, (n,)
            Crystals.

        Returns
        -------
        MergedRows, or CrystalRows if not `merged`
            n rows.

        Raises
        ------
        InputError
            There are no structures.
        StructureError
            A structure cannot be used; the message names its row, formula and fault.
        """
        rows: CrystalRows[CrystalGraph] | MergedRows = super().encode(structures)
        return rows

    def _settings(self) -> tuple[object, ...]:
        settings = self.mode, self.n_neighbours if self.mode == "nearest" else self.cutoff
        return settings + (("merged", self.angle_cutoff) if self.merged else ())

    def _maker(self) -> Callable[[CellArrays, FloatArray | None], KeptGraph]:
        options = self.mode, self.cutoff, self.n_neighbours, self.merged, self.angle_cutoff
        return partial(_crystal_graph, options=options)

    def _rows(self, graphs: Sequence[Any]) -> CrystalRows[Any]:
        return MergedRows(graphs) if self.merged else CrystalRows(graphs, self.angle_cutoff)


@stored("crystal-graphs-chgnet/1")
class ChgnetGraphs(CrystalGraphs):
    """The graphs of CHGNet: bonds of up to 6 Angstrom, pairs of those shorter than 3 Angstrom.

    Parameters
    ----------
    merged, n_jobs
        As in `CrystalGraphs`.

    References
    ----------
    Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3.
    """

    name = "crystal-graphs-chgnet"
    version = 1

    def __init__(self, *, merged: bool = True, n_jobs: int | None = 1) -> None:
        super().__init__(mode="radius", cutoff=6.0, angle_cutoff=3.0, merged=merged, n_jobs=n_jobs)


def _is_length(value: object) -> bool:
    return isinstance(value, Real) and 0 < float(value) < math.inf


def _is_count(value: object) -> bool:
    return isinstance(value, Integral) and int(value) >= 1


def _crystal_graph(
    arrays: CellArrays,
    shares: FloatArray | None,
    options: tuple[Mode, float, int, bool, float | None],
) -> KeptGraph:
    mode, cutoff, n_neighbours, merged, angle_cutoff = options
    numbers, lattice, fractional = arrays
    if not merged:
        refuse_shares(shares)
    if mode == "nearest":
        bonds = nearest_bonds(lattice, fractional, n_neighbours, start=cutoff, shares=shares)
    else:
        bonds = bonds_within(lattice, fractional, cutoff, shared=shares is not None)
    graph = CrystalGraph(numbers, *bonds)
    return merge(graph, angle_cutoff, shares) if merged else graph
