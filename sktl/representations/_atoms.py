"""ASE Atoms as pymatgen Structures; ASE itself is not imported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from numbers import Real
from typing import TYPE_CHECKING, TypeGuard, cast

import numpy as np

from sktl.representations._structures import refuse_rows
from sktl.representations._symbols import SYMBOLS

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

_SHARES = ("occupancy", "occupancies")
_FULL = 0.99


class UnreadableAtoms(ValueError):
    """Why ASE Atoms are no crystal."""


def is_atoms(item: object) -> TypeGuard[Atoms]:
    """Tell whether an item is ASE Atoms, without importing ASE."""
    return hasattr(item, "get_atomic_numbers") and hasattr(item, "get_cell")


def structure_from_atoms(atoms: Atoms) -> Structure:
    """Return ASE Atoms as a Structure with the same cell, positions and periodicity.

    Raises
    ------
    UnreadableAtoms
        They are periodic in no direction, their cell has no volume, an atom is of no element, or
        sites are shared.
    """
    from pymatgen.core import Lattice, Structure

    if not (hasattr(atoms, "pbc") and hasattr(atoms, "get_positions")):
        raise UnreadableAtoms("it has no pbc or no get_positions, expected ASE Atoms")
    if not np.any(atoms.pbc):
        raise UnreadableAtoms("it is not periodic, expected a crystal: pbc=True")
    cell = np.array(atoms.get_cell(), dtype=np.float64)
    if not abs(np.linalg.det(cell)) > 0:
        raise UnreadableAtoms(f"its cell {cell.tolist()} has no volume")
    first, second, third = map(bool, atoms.pbc)
    lattice = Lattice(cell, pbc=(first, second, third))
    numbers, positions = np.asarray(atoms.get_atomic_numbers()), atoms.get_positions()
    for i in np.flatnonzero((numbers < 1) | (numbers > len(SYMBOLS)))[:1]:
        raise UnreadableAtoms(f"atom {i} has the atomic number {numbers[i]}, which is no element")
    for kept in (getattr(atoms, "info", {}), getattr(atoms, "arrays", {})):
        share = min(_numbers([kept.get(key) for key in _SHARES]), default=1.0)
        if share < _FULL:
            raise UnreadableAtoms(f"a site has the occupancy {share:g}, which Atoms cannot hold: "
                                  "give a CIF file or a pymatgen Structure")  # fmt: skip
    return Structure(lattice, numbers.tolist(), positions, coords_are_cartesian=True)


def _numbers(kept: object) -> Iterator[float]:
    """Yield the numbers in what Atoms keep of occupancies: a dict of dicts, an array, a text."""
    if isinstance(kept, dict):
        kept = list(kept.values())
    if isinstance(kept, str):
        kept = [float(each) for each in re.findall(r":\s*([0-9]+\.?[0-9]*)", kept)]
    if isinstance(kept, list | tuple | np.ndarray):
        for each in kept:
            yield from _numbers(each)
    elif isinstance(kept, Real):
        yield float(kept)


def structures_from_atoms(items: Sequence[Structure | Atoms]) -> list[Structure]:
    """Return a list in which Structures stay as they are and ASE Atoms become Structures.

    Raises
    ------
    StructureError
        Atoms are no crystal; the message names the row, `rows` holds all of them.
    """
    structures: list[Structure] = []
    problems = {}
    for row, item in enumerate(items):
        try:
            structures.append(
                structure_from_atoms(item) if is_atoms(item) else cast("Structure", item)
            )
        except UnreadableAtoms as error:
            problems[row] = f"row {row}: {type(item).__name__}: {error}"
    refuse_rows(problems, f"of {len(items)} rows that cannot be read, expected crystals")
    return structures
