"""ASE Atoms as pymatgen Structures; ASE itself is not imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeGuard, cast

import numpy as np

from sktl.representations._structures import refuse_rows

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure


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
        They are periodic in no direction, or their cell has no volume.
    """
    from pymatgen.core import Lattice, Structure

    if not np.any(atoms.pbc):
        raise UnreadableAtoms("it is not periodic, expected a crystal: pbc=True")
    cell = np.array(atoms.get_cell(), dtype=np.float64)
    if not abs(np.linalg.det(cell)) > 0:
        raise UnreadableAtoms(f"its cell {cell.tolist()} has no volume")
    first, second, third = map(bool, atoms.pbc)
    lattice = Lattice(cell, pbc=(first, second, third))
    numbers, positions = atoms.get_atomic_numbers(), atoms.get_positions()
    return Structure(lattice, numbers, positions, coords_are_cartesian=True)


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
