"""The symmetry of a crystal: its primitive cell, and which of its atoms are equivalent."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sktl._types import CellArrays, FloatArray, IntArray

PRECISION = 1e-3
"""How far an atom may be from where symmetry wants it, in Angstrom."""


WIDE = 10.0
"""A cell is repeated only along heights below this, in Angstrom."""

_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
_TRIALS = 32  # random directions of which the best are taken
_EVEN = 0.5  # of what an even spread would reach in the direction that is reached least


class Symmetry(NamedTuple):
    """The operations that leave a cell as it is.

    Attributes
    ----------
    rotations : float64 array (m, 3, 3)
        Act on Cartesian columns.
    permutations : int array (m, N)
        Where each atom of the cell goes.
    """

    rotations: FloatArray
    permutations: IntArray


def standard_supercell(
    numbers: IntArray, lattice: FloatArray, fractional: FloatArray, max_atoms: int
) -> CellArrays:
    """Return a cell of a crystal that is as large as allowed, whatever cell is given.

    It is the reduced primitive cell, doubled along its smallest height as often as the number of
    atoms allows, up to a height of 10 Angstrom.

    Parameters
    ----------
    numbers, lattice, fractional : arrays (N,), (3, 3), (N, 3)
        Atomic numbers, lattice vectors as rows in Angstrom, and fractional coordinates.
    max_atoms : int
        A primitive cell of more than half as many atoms is not repeated.

    Returns
    -------
    numbers, lattice, fractional : arrays (M,), (3, 3), (M, 3)
        As given; the crystal is not rotated, and no atom is displaced.
    """
    numbers, lattice, fractional = _reduced_primitive(numbers, lattice, fractional)
    repeats = np.ones(3, dtype=int)
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    while 2 * len(numbers) * repeats.prod() <= max_atoms and (heights * repeats).min() < WIDE:
        repeats[np.argmin(np.round(heights * repeats, 3))] *= 2
    images = np.indices(repeats.tolist()).reshape(3, -1).T
    fractional = (fractional[:, None] + images).reshape(-1, 3) / repeats
    return np.repeat(numbers, len(images)), lattice * repeats[:, None], fractional


def cell_symmetry(
    numbers: IntArray, lattice: FloatArray, fractional: FloatArray, precision: float = PRECISION
) -> Symmetry:
    """Return the `Symmetry` of a cell.

    Parameters
    ----------
    numbers, lattice, fractional : arrays (N,), (3, 3), (N, 3)
        Atomic numbers, lattice vectors as rows in Angstrom, and fractional coordinates.
    precision : float
        How far an atom may be from where symmetry wants it, in Angstrom.

    Returns
    -------
    Symmetry
        Translations within the cell are among its operations. If one of them does not map each
        atom to another, to within ten times `precision`, the identity is the only operation.
    """
    n = len(numbers)
    found: list[tuple[FloatArray, IntArray]] = []
    for rotation, shift in _operations((lattice, fractional, numbers), precision):
        apart = (fractional @ rotation.T + shift)[:, None] - fractional
        apart = np.linalg.norm((apart - np.round(apart)) @ lattice, axis=2)
        permutation = apart.argmin(axis=1)
        if len(set(permutation.tolist())) < n or apart.min(axis=1).max() > 10 * precision:
            found = []
            break
        found.append((lattice.T @ rotation @ np.linalg.inv(lattice.T), permutation))
    found = found or [(np.eye(3), np.arange(n))]
    return Symmetry(*map(np.array, zip(*found, strict=True)))


def independent_distortions(symmetry: Symmetry, displacements: bool = True) -> FloatArray:
    """Return few displacements and strains of a cell, of which symmetry makes all others.

    Parameters
    ----------
    symmetry : Symmetry
        Of a cell of N atoms.
    displacements : bool, default=True
        Whether atoms are displaced, or only the cell is strained.

    Returns
    -------
    float64 array (k, 3N + 6)
        Each displaces one atom, or strains the cell: displacements of the atoms, x, y and z of the
        first and so on, then the strains xx, yy, zz, yz, xz, xy, shears as the sum of both halves.
    """
    n = symmetry.permutations.shape[1]
    strains = _directions(_on_strains(_distinct(symmetry.rotations)))
    distortions = [np.pad(strains, ((0, 0), (3 * n, 0)))]
    for atom in np.unique(first_atoms(symmetry)) if displacements else ():
        stays = symmetry.permutations[:, atom] == atom
        directions = _directions(symmetry.rotations[stays])
        distortions.append(np.pad(directions, ((0, 0), (3 * atom, 3 * (n - atom) + 3))))
    return np.concatenate(distortions)


def complete_by_symmetry(
    distortions: FloatArray, products: FloatArray, symmetry: Symmetry
) -> FloatArray:
    """Return the second derivatives of an energy that follow from a few of their products.

    Parameters
    ----------
    distortions : float array (k, 3N + 6)
        What `independent_distortions` returned.
    products : float array (k, 3N + 6)
        The second derivatives times each displacement or strain, as
        `sktl.networks.energy_curvature` returns them.
    symmetry : Symmetry
        Of the cell.

    Returns
    -------
    float64 array (3N + 6, 3N + 6)
        With respect to displacements and strains; NaN for two displacements, if no atom is
        displaced.
    """
    firsts = first_atoms(symmetry)
    n = 3 * len(firsts)
    on_strains = _on_strains(symmetry.rotations)
    moved = _carry(distortions, symmetry, on_strains)
    found = _carry(products, symmetry, np.linalg.inv(on_strains).transpose(0, 2, 1))
    hessian = np.full((n + 6, n + 6), np.nan)
    strained = distortions[:, n:].any(axis=1)
    hessian[n:] = _solve(moved[:, strained, n:], found[:, strained])
    hessian[:n, n:] = hessian[n:, :n].T
    if strained.all():
        return hessian
    for atom, first in enumerate(firsts):
        arrives = np.ix_(
            symmetry.permutations[:, first] == atom,
            distortions[:, 3 * first : 3 * first + 3].any(axis=1),
        )
        own = slice(3 * atom, 3 * atom + 3)
        hessian[own, :n] = _solve(moved[arrives][..., own], found[arrives][..., :n])
    hessian[:n, :n] = (hessian[:n, :n] + hessian[:n, :n].T) / 2
    return hessian


def first_atoms(symmetry: Symmetry) -> IntArray:
    """Return for each atom the first of the atoms that symmetry makes equivalent to it, (N,)."""
    return np.argsort(symmetry.permutations, axis=1).min(axis=0)


def _directions(images: FloatArray) -> FloatArray:
    """Return few vectors (k, d) that matrices (m, d, d) spread evenly over all directions."""
    size = images.shape[1]
    trials = np.linalg.qr(np.random.default_rng(0).normal(size=(_TRIALS, size, size)))[0]
    for k in range(1, size):
        spread = np.einsum("mij,tkj->tmki", images, trials[:, :k])
        spread = spread.reshape(_TRIALS, -1, size)
        narrowest = np.linalg.svd(spread, compute_uv=False)[:, -1]
        best = narrowest.argmax()
        if spread.shape[1] >= size and narrowest[best] > _EVEN * math.sqrt(k * len(images) / size):
            return trials[best, :k]
    return np.eye(size)


def _distinct(rotations: FloatArray) -> FloatArray:
    """Return each of some rotations once."""
    return rotations[np.unique(np.round(rotations, 6), axis=0, return_index=True)[1]]


def _on_strains(rotations: FloatArray) -> FloatArray:
    """Return what rotations (m, 3, 3) do to the six strains, (m, 6, 6)."""
    i, j = np.array(_VOIGT).T
    counts = np.where(i == j, 1.0, 2.0)  # a shear is the sum of both halves
    left, right = rotations[:, i], rotations[:, j]
    turned = left[:, :, i] * right[:, :, j] + (counts - 1) * left[:, :, j] * right[:, :, i]
    return turned * counts[:, None] / counts


def _carry(vectors: FloatArray, symmetry: Symmetry, on_strains: NDArray[np.floating]) -> FloatArray:
    """Return the images (m, k, 3N + 6) of vectors (k, 3N + 6) under each operation."""
    atoms: FloatArray = vectors[:, :-6].reshape(len(vectors), -1, 3)
    atoms = np.einsum("mij,knj->mkni", symmetry.rotations, atoms)
    origins = np.argsort(symmetry.permutations, axis=1)[:, None, :, None]
    atoms = np.take_along_axis(atoms, origins, axis=2).reshape(*atoms.shape[:2], -1)
    return np.concatenate([atoms, np.einsum("mij,kj->mki", on_strains, vectors[:, -6:])], axis=2)


def _solve(distortions: FloatArray, products: FloatArray) -> FloatArray:
    """Return the rows (d, n) of which distortions (m, k, d) make products (m, k, n)."""
    distortions, products = (part.reshape(-1, part.shape[-1]) for part in (distortions, products))
    return np.linalg.pinv(distortions) @ products


def _reduced_primitive(
    numbers: IntArray, lattice: FloatArray, fractional: FloatArray
) -> CellArrays:
    """Return the primitive cell with Niggli's lattice vectors, or what is given without one."""
    options = {"to_primitive": True, "no_idealize": True, "symprec": PRECISION}
    found = _ask("standardize_cell", (lattice, fractional, numbers), **options)
    if found is not None:
        lattice, fractional, numbers = found
    reduced = _ask("niggli_reduce", lattice)
    if reduced is None:
        return numbers, lattice, fractional
    return numbers, reduced, fractional @ lattice @ np.linalg.inv(reduced)


def _operations(
    cell: tuple[FloatArray, FloatArray, IntArray], precision: float
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Yield rotation (3, 3) and shift (3,) of each operation, in fractional coordinates."""
    symmetry = _ask("get_symmetry", cell, symprec=precision)
    if symmetry is not None:
        yield from zip(symmetry["rotations"], symmetry["translations"], strict=True)


def _ask(question: str, *arguments: object, **options: object) -> Any:
    """Return what a function of spglib finds, or None if it finds nothing."""
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of how it tells of errors
        try:
            return getattr(spglib, question)(*arguments, **options)
        except spglib.SpglibError:
            return None
