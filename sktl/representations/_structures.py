"""Crystal structures as arrays: what is refused, and how equal ones are recognised."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from sktl._types import CellArrays, FloatArray, IntArray
from sktl.exceptions import StructureError
from sktl.representations._neighbours import search_size, shortest_distance
from sktl.representations._symbols import SYMBOLS

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

SMALLEST_DISTANCE = 0.5
"""Atoms closer than this overlap, in Angstrom."""

LARGEST_LENGTH = 1e6
"""Cells and fractional coordinates beyond this are refused."""

_LARGEST_SEARCH = 10**7  # atoms and images within reach of one crystal
_MAX_LISTED = 5
_SMALLEST_VOLUME = SMALLEST_DISTANCE**3 / 2**0.5  # no lattice keeps its points farther apart


def is_structure(item: object) -> TypeGuard[Structure]:
    """Tell whether an item is a pymatgen Structure, without importing pymatgen."""
    return hasattr(item, "lattice") and hasattr(item, "sites")


def refuse_unusable(structures: Sequence[Structure]) -> None:
    """Raise for all structures of a list that cannot be used; `check_structures` says which."""
    problems = {}
    for row, structure in enumerate(structures):
        problem = _problem(structure)
        if problem:
            problems[row] = f"row {row} ({structure.formula!r}): {problem}"
    refuse_rows(
        problems,
        f"of {len(structures)} structures that cannot be used, expected ordered crystals without "
        "overlapping atoms",
    )


def refuse_rows(problems: dict[int, str], what: str) -> None:
    """Raise StructureError if there are problems, a dict of row to line; `what` ends a "Got"."""
    if problems:
        rows = list(problems)
        lines = [problems[row] for row in rows[:_MAX_LISTED]]
        if len(rows) > _MAX_LISTED:
            lines.append(f"and rows {', '.join(map(str, rows[_MAX_LISTED:]))}")
        listed = "".join(f"\n  {line}" for line in lines)
        raise StructureError(f"Got {len(rows)} {what}:{listed}", rows=rows)


def structure_arrays(structure: Structure) -> CellArrays:
    """Return the parts of an ordered structure that a graph is made of.

    Returns
    -------
    numbers : int32 array (n,)
        Atomic numbers.
    lattice : float64 array (3, 3)
        Lattice vectors as rows, Angstrom.
    fractional : float64 array (n, 3)
        Fractional coordinates.
    """
    numbers = np.array(structure.atomic_numbers, dtype=np.int32)
    lattice = np.array(structure.lattice.matrix, dtype=np.float64)
    return numbers, lattice, np.array(structure.frac_coords, dtype=np.float64)


def structure_digest(numbers: IntArray, lattice: FloatArray, fractional: FloatArray) -> bytes:
    """Return a sha256 of what `structure_arrays` returns; equal for equal structures only.

    The same crystal in another unit cell, or with its atoms in another order, has another digest.

    Returns
    -------
    bytes of length 32
    """
    digest = sha256(numbers.tobytes())
    for part in (lattice, fractional):
        digest.update((part + 0.0).tobytes())  # -0.0 becomes 0.0
    return digest.digest()


def structure_text(structure: Structure) -> bytes:
    """Return the bytes of lattice, coordinates and species, which may be disordered."""
    species = " ".join(site.species_string for site in structure)
    parts = structure.lattice.matrix.tobytes(), structure.frac_coords.tobytes(), species.encode()
    return b"".join(parts)


def structure_from_text(text: str) -> Structure:
    """Return the structure of which `text` is the dict of pymatgen, as JSON."""
    from pymatgen.core import Structure

    return Structure.from_dict(json.loads(text))


def _problem(structure: Structure) -> str | None:
    """Say why a structure cannot be used, or return None."""
    if len(structure) == 0:
        return "it has no atoms"
    return (
        _cell_problem(structure.lattice)
        or _site_problem(structure)
        or _search_problem(structure)
        or _overlap_problem(structure)
    )


def _cell_problem(lattice: Lattice) -> str | None:
    if not np.isfinite(lattice.matrix).all():
        return f"its lattice {lattice.matrix.tolist()} is not finite"
    if np.abs(lattice.matrix).max() > LARGEST_LENGTH:
        return f"its cell has an edge beyond {LARGEST_LENGTH:g} A"
    volume = abs(np.linalg.det(lattice.matrix))
    if volume < _SMALLEST_VOLUME or min(lattice.abc) < SMALLEST_DISTANCE:
        return (
            f"its cell has a volume of {volume:.3g} A^3 and edges of "
            f"{', '.join(f'{edge:.3g}' for edge in lattice.abc)} A"
        )
    if not all(lattice.pbc):
        return f"its periodicity is {tuple(map(bool, lattice.pbc))}, not along all three vectors"
    return None


def _site_problem(structure: Structure) -> str | None:
    bad = np.flatnonzero(~np.isfinite(structure.frac_coords).all(axis=1))
    if len(bad):
        coordinates = structure.frac_coords[bad[0]].tolist()
        return f"site {bad[0]} has the coordinates {coordinates}"
    far = np.flatnonzero((np.abs(structure.frac_coords) > LARGEST_LENGTH).any(axis=1))
    if len(far):
        coordinates = structure.frac_coords[far[0]].tolist()
        return f"site {far[0]} has the coordinates {coordinates}, beyond {LARGEST_LENGTH:g}"
    for i, site in enumerate(structure):
        if not site.is_ordered:
            return f"site {i} is disordered: {site.species_string}"
        if not 1 <= site.specie.Z <= len(SYMBOLS):
            return f"site {i} holds {site.species_string}, which is no element"
    return None


def _search_problem(structure: Structure) -> str | None:
    n_images = search_size(structure_arrays(structure)[1])
    if n_images * len(structure) > _LARGEST_SEARCH:
        return (
            f"its cell is so skewed or thin that {n_images:.3g} images of each atom are within "
            "reach, write it in its reduced cell"
        )
    return None


def _overlap_problem(structure: Structure) -> str | None:
    _, lattice, fractional = structure_arrays(structure)
    closest = shortest_distance(lattice, fractional, SMALLEST_DISTANCE)
    if closest is None:
        return None
    first, second, distance = closest
    names = [f"{i} ({structure[i].specie.symbol})" for i in sorted((first, second))]
    pair = f"site {names[0]} and its image" if first == second else f"sites {' and '.join(names)}"
    return f"{pair} are {distance:.3g} A apart, closer than {SMALLEST_DISTANCE} A"
