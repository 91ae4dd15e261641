"""What the symmetry of a crystal tells: its primitive cell, and which of its atoms are alike."""

import warnings
from typing import NamedTuple

import numpy as np

PRECISION = 1e-3
"""How far an atom may be from where symmetry wants it, in Angstrom."""


WIDE = 10.0
"""A cell is repeated only along heights below this, in Angstrom."""


class Equivalence(NamedTuple):
    """How symmetry takes one atom to another.

    Attributes
    ----------
    atom : int
        The atom that is taken to this one.
    rotation : float64 array (3, 3)
        Acts on Cartesian columns.
    permutation : int array (N,)
        Where each atom of the cell goes.
    """

    atom: int
    rotation: np.ndarray
    permutation: np.ndarray


def standard_supercell(numbers, lattice, fractional, max_atoms):
    """Return a cell of a crystal that is as large as allowed, whatever cell is given.

    It is the reduced primitive cell, doubled along its smallest height as often as the number of
    atoms allows, but not where it is 10 Angstrom high.

    Parameters
    ----------
    numbers, lattice, fractional : arrays (N,), (3, 3), (N, 3)
        Atomic numbers, lattice vectors as rows in Angstrom, and fractional coordinates.
    max_atoms : int
        A primitive cell of more than half as many atoms is not repeated.

    Returns
    -------
    numbers, lattice, fractional : arrays (M,), (3, 3), (M, 3)
        As given; the crystal is not turned, and no atom is moved.
    """
    numbers, lattice, fractional = _reduced_primitive(numbers, lattice, fractional)
    repeats = np.ones(3, dtype=int)
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    while 2 * len(numbers) * repeats.prod() <= max_atoms and (heights * repeats).min() < WIDE:
        repeats[np.argmin(np.round(heights * repeats, 3))] *= 2
    images = np.indices(repeats).reshape(3, -1).T
    fractional = (fractional[:, None] + images).reshape(-1, 3) / repeats
    return np.repeat(numbers, len(images)), lattice * repeats[:, None], fractional


def equivalent_atoms(numbers, lattice, fractional):
    """Return for each atom of a cell an `Equivalence` to the first atom that is like it.

    Parameters
    ----------
    numbers, lattice, fractional : arrays (N,), (3, 3), (N, 3)
        Atomic numbers, lattice vectors as rows in Angstrom, and fractional coordinates.

    Returns
    -------
    list of Equivalence, length N
        An atom for which nothing is found is like itself only.
    """
    n = len(numbers)
    found = [Equivalence(atom, np.eye(3), np.arange(n)) for atom in range(n)]
    for rotation, shift in _operations((lattice, fractional, numbers)):
        apart = (fractional @ rotation.T + shift)[:, None] - fractional
        apart = np.linalg.norm((apart - np.round(apart)) @ lattice, axis=2)
        permutation = apart.argmin(axis=1)
        if len(set(permutation.tolist())) < n or apart.min(axis=1).max() > 10 * PRECISION:
            continue
        cartesian = lattice.T @ rotation @ np.linalg.inv(lattice.T)
        for atom, first in enumerate(np.argsort(permutation).tolist()):
            if first < found[atom].atom:
                found[atom] = Equivalence(first, cartesian, permutation)
    return found


def complete_by_symmetry(constants, equivalents):
    """Return force constants with the rows that follow from those of equivalent atoms.

    Parameters
    ----------
    constants : float array (3N, 3N)
        Second derivatives by two displacements; the rows of atoms that others are equivalent to
        are there.
    equivalents : list of Equivalence, length N
        What `equivalent_atoms` returned.

    Returns
    -------
    float array (3N, 3N)
        Symmetric.
    """
    n = len(equivalents)
    blocks = constants.reshape(n, 3, n, 3).copy()
    known = {each.atom for each in equivalents}
    for atom, (first, rotation, permutation) in enumerate(equivalents):
        if atom not in known:
            turned = np.einsum("ij,jnk,lk->inl", rotation, blocks[first], rotation)
            blocks[atom][:, permutation] = turned
    completed = blocks.reshape(3 * n, 3 * n)
    return (completed + completed.T) / 2


def _reduced_primitive(numbers, lattice, fractional):
    """Return the primitive cell with Niggli's lattice vectors, or what is given without one."""
    options = {"to_primitive": True, "no_idealize": True, "symprec": PRECISION}
    found = _ask("standardize_cell", (lattice, fractional, numbers), **options)
    if found is not None:
        lattice, fractional, numbers = found
    reduced = _ask("niggli_reduce", lattice)
    if reduced is None:
        return numbers, lattice, fractional
    return numbers, reduced, fractional @ lattice @ np.linalg.inv(reduced)


def _operations(cell):
    """Yield rotation (3, 3) and shift (3,) of each operation, in fractional coordinates."""
    symmetry = _ask("get_symmetry", cell, symprec=PRECISION)
    if symmetry is not None:
        yield from zip(symmetry["rotations"], symmetry["translations"], strict=True)


def _ask(question, *arguments, **options):
    """Return what a function of spglib finds, or None if it finds nothing."""
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of how it tells of errors
        try:
            return getattr(spglib, question)(*arguments, **options)
        except spglib.SpglibError:
            return None
