"""Crystal structures as arrays: what is refused, and how equal ones are recognised."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from sktl._limits import LARGEST_LENGTH, LARGEST_SEARCH, LARGEST_VOLUME, MOST_ATOMS
from sktl._types import CellArrays, FloatArray, IntArray
from sktl.exceptions import StructureError
from sktl.representations._neighbours import SMALLEST_DISTANCE, close_pairs, search_size
from sktl.representations._symbols import SYMBOLS

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

MIX = "mix"
"""Mark of a structure whose shared sites are read as a mix."""

LARGEST_SHARE = 1.01
"""A site is occupied by no more than this, which leaves room for rounding."""

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


def mix_disordered(structure: Structure) -> Structure:
    """Return a copy of a structure whose sites may be shared by elements or partly empty."""
    mixed = structure.copy()
    mixed.properties["disordered"] = MIX
    return mixed


def structure_arrays(structure: Structure) -> CellArrays:
    """Return the parts of a structure that a graph is made of.

    Returns
    -------
    numbers : int32 array (n,)
        Atomic numbers; a site that is shared by elements has an atom of each.
    lattice : float64 array (3, 3)
        Lattice vectors as rows, Angstrom.
    fractional : float64 array (n, 3)
        Fractional coordinates.
    """
    lattice = np.array(structure.lattice.matrix, dtype=np.float64)
    fractional = np.array(structure.frac_coords, dtype=np.float64)
    if structure.is_ordered:
        return np.array(structure.atomic_numbers, dtype=np.int32), lattice, fractional
    sites, numbers, _ = zip(*_shares(structure), strict=True)
    return np.array(numbers, dtype=np.int32), lattice, fractional[list(sites)]


def structure_shares(structure: Structure) -> FloatArray | None:
    """Return the occupancy of each atom of `structure_arrays`, (n,); None if all are whole."""
    if structure.is_ordered:
        return None
    return np.array([share for _, _, share in _shares(structure)])


def _shares(structure: Structure) -> list[tuple[int, int, float]]:
    """Return site, atomic number and occupancy of each element on each site."""
    found = []
    for i, site in enumerate(structure):
        shares: dict[int, float] = {}
        for species, share in site.species.items():
            shares[species.Z] = shares.get(species.Z, 0.0) + share
        found += [(i, z, shares[z]) for z in sorted(shares) if shares[z] > 0]
    return found


def structure_digest(
    numbers: IntArray,
    lattice: FloatArray,
    fractional: FloatArray,
    shares: FloatArray | None = None,
) -> bytes:
    """Return a sha256 of what `structure_arrays` returns; equal for equal structures only.

    The same crystal in another unit cell, or with its atoms in another order, has another digest.

    Returns
    -------
    bytes of length 32
    """
    digest = sha256(numbers.tobytes())
    for part in (lattice, fractional):
        digest.update((part + 0.0).tobytes())  # -0.0 becomes 0.0
    if shares is not None:
        digest.update(shares.tobytes())
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
    if len(structure) > MOST_ATOMS:
        return f"it has {len(structure):,} atoms, expected at most {MOST_ATOMS:,}"
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
    if volume > LARGEST_VOLUME:
        return f"its cell has a volume of {volume:.3g} A^3, expected at most {LARGEST_VOLUME:g}"
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
    mixes = structure.properties.get("disordered") == MIX
    for i, site in enumerate(structure):
        if not (site.is_ordered or mixes):
            return (
                f"site {i} is disordered: {site.species_string}; "
                "StructureReader(disordered='mix') has such sites read as a mix, and a source of "
                "formulas reads the composition alone"
            )
        if any(not 1 <= getattr(species, "Z", 0) <= len(SYMBOLS) for species in site.species):
            return f"site {i} holds {site.species_string}, which is no element"
        if not 0 < site.species.num_atoms <= LARGEST_SHARE:
            return f"site {i} is occupied by {site.species_string}, expected up to 1 atom"
    return None


def _search_problem(structure: Structure) -> str | None:
    n_images = search_size(structure_arrays(structure)[1])
    if n_images * len(structure) > LARGEST_SEARCH:
        return (
            f"its cell is so skewed or thin that {n_images:.3g} images of each atom are within "
            "reach, write it in its reduced cell"
        )
    return None


def _overlap_problem(structure: Structure) -> str | None:
    matrix, fractional = np.array(structure.lattice.matrix), np.array(structure.frac_coords)
    first, second, distances = close_pairs(matrix, fractional, SMALLEST_DISTANCE)
    shares = np.array([site.species.num_atoms for site in structure])
    together = np.flatnonzero((shares[first] + shares[second] > LARGEST_SHARE) | (first == second))
    if not len(together):
        return None
    closest = together[distances[together].argmin()]
    i, j = sorted((int(first[closest]), int(second[closest])))
    names = [f"{k} ({structure[k].species.elements[0].symbol})" for k in (i, j)]
    pair = f"site {names[0]} and its image" if i == j else f"sites {' and '.join(names)}"
    return f"{pair} are {distances[closest]:.3g} A apart, closer than {SMALLEST_DISTANCE} A"
