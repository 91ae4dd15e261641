"""A batch of crystals as arrays: what structures become before they are graphs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Self, TypedDict

import numpy as np

from sktl._types import CellArrays, FloatArray, Indices, IntArray
from sktl.representations._compositions import (
    Compositions,
    first_of_each_key,
    offsets_from_sizes,
)
from sktl.representations._structures import (
    refuse_unusable,
    structure_arrays,
    structure_digest,
    structure_shares,
)

if TYPE_CHECKING:
    from pymatgen.core import Structure

_HALF, _QUARTER = [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]


class CrystalDict(TypedDict):
    """A crystal as a card holds it: the arrays of `Crystals` as lists."""

    numbers: list[int]
    lattice: list[list[float]]
    fractional: list[list[float]]


def _cubic(
    numbers: list[int], edge: float, fractional: list[list[float]], face_centred: bool = False
) -> CrystalDict:
    """Return a reference structure; the edge is that of the cubic cell, Angstrom."""
    half = edge / 2
    faces = [[0.0, half, half], [half, 0.0, half], [half, half, 0.0]]
    cube = [[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]]
    lattice = faces if face_centred else cube
    return {"numbers": numbers, "lattice": lattice, "fractional": fractional}


# Rock salt, diamond, zinc blende, caesium chloride and perovskite: measured edges, from textbooks.
REFERENCE_STRUCTURES = [
    _cubic([11, 17], 5.64, [[0.0, 0.0, 0.0], _HALF], face_centred=True),
    _cubic([14, 14], 5.43, [[0.0, 0.0, 0.0], _QUARTER], face_centred=True),
    _cubic([31, 33], 5.65, [[0.0, 0.0, 0.0], _QUARTER], face_centred=True),
    _cubic([55, 17], 4.12, [[0.0, 0.0, 0.0], _HALF]),
    _cubic(
        [38, 22, 8, 8, 8],
        3.905,
        [[0.0, 0.0, 0.0], _HALF, [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]],
    ),
]


class Crystals:
    """Hold n crystals as arrays, as `Compositions` holds compositions.

    Parameters
    ----------
    arrays : sequence of (numbers, lattice, fractional)
        For each crystal the atomic numbers int32 (n_atoms,), the lattice vectors as rows, float64
        (3, 3) in Angstrom, and the fractional coordinates float64 (n_atoms, 3).
    shares : sequence of float array (n_atoms,) or None, optional
        Occupancy of each atom of a disordered crystal, None for an ordered one. A site that is
        shared by elements has an atom of each. By default all crystals are ordered.

    Attributes
    ----------
    arrays, shares : list
        As given.

    See Also
    --------
    sktl.representations.check_structures : What is refused.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> salt = Structure(Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> crystals = Crystals.from_structures([salt, salt])
    >>> len(crystals.unique()[0]), crystals.compositions.keys()[0]
    (1, '17:0.5000;55:0.5000')
    """

    def __init__(
        self, arrays: Iterable[CellArrays], shares: Iterable[FloatArray | None] | None = None
    ) -> None:
        self.arrays = list(arrays)
        self.shares = [None] * len(self.arrays) if shares is None else list(shares)

    @classmethod
    def from_structures(cls, structures: Sequence[Structure]) -> Self:
        """Make a batch from a list of pymatgen Structure, length n.

        Raises
        ------
        StructureError
            A structure cannot be used; the message names its row, formula and fault.
        """
        refuse_unusable(structures)
        return cls(map(structure_arrays, structures), map(structure_shares, structures))

    @classmethod
    def from_dicts(cls, entries: Iterable[CrystalDict]) -> Self:
        """Make a batch from dicts with ``numbers``, ``lattice`` and ``fractional`` as lists."""
        return cls(
            [
                (
                    np.array(entry["numbers"], dtype=np.int32),
                    np.array(entry["lattice"], dtype=np.float64).reshape(3, 3),
                    np.array(entry["fractional"], dtype=np.float64).reshape(-1, 3),
                )
                for entry in entries
            ]
        )

    def __len__(self) -> int:
        return len(self.arrays)

    def __repr__(self) -> str:
        return f"Crystals(n={len(self)}, elements={np.unique(self.numbers).size})"

    @cached_property
    def compositions(self) -> Compositions:
        """The compositions of the crystals, `Compositions` of n rows."""
        counts = [
            np.bincount(numbers, shares)
            for (numbers, _, _), shares in zip(self.arrays, self.shares, strict=True)
        ]
        numbers = [np.flatnonzero(each) for each in counts]
        amounts = [each[place] for each, place in zip(counts, numbers, strict=True)]
        sizes = [len(part) for part in numbers]
        return Compositions(
            np.concatenate(numbers), np.concatenate(amounts), offsets_from_sizes(sizes)
        )

    @property
    def numbers(self) -> IntArray:
        """Atomic numbers of the elements of each crystal, one crystal after the other."""
        return self.compositions.numbers

    @property
    def rows(self) -> IntArray:
        """The crystal to which each entry of `numbers` belongs."""
        return self.compositions.rows

    def take(self, indices: Indices) -> Crystals:
        """Return some of the rows as `Crystals`; the arrays are shared, not copied."""
        chosen = np.arange(len(self))[indices].tolist()
        return Crystals([self.arrays[i] for i in chosen], [self.shares[i] for i in chosen])

    def keys(self) -> list[str]:
        """Return one string for each row, equal for equal arrays only."""
        return [
            structure_digest(*parts, shares).hex()
            for parts, shares in zip(self.arrays, self.shares, strict=True)
        ]

    def digests(self) -> list[str]:
        """Return the digest of each composition, as `Compositions.digests`."""
        return self.compositions.digests()

    def unique(self) -> tuple[Crystals, IntArray]:
        """Drop rows that are equal to an earlier row.

        Returns
        -------
        crystals : Crystals
            The first row of each kind, in order of appearance.
        inverse : ndarray of int64, shape (n,)
            ``crystals.take(inverse)`` are the rows of this batch.
        """
        return first_of_each_key(self)
