"""Atoms that the symmetry of a crystal makes equivalent, and force constants completed by it."""

import warnings
from typing import NamedTuple

import numpy as np

PRECISION = 1e-3
"""How far an atom may be from where symmetry wants it, in Angstrom."""


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


def _operations(cell):
    """Yield rotation (3, 3) and shift (3,) of each operation, in fractional coordinates."""
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of how it tells of errors
        try:
            symmetry = spglib.get_symmetry(cell, symprec=PRECISION)
        except spglib.SpglibError:
            symmetry = None
    if symmetry is not None:
        yield from zip(symmetry["rotations"], symmetry["translations"], strict=True)
