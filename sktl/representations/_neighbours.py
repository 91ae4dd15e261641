"""Neighbours in a crystal: the bonds of its atoms, and the pairs of edges that meet at an atom."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from sktl._types import FloatArray, IntArray, SingleArray

SHELL_TOLERANCE = 0.01
"""Distances that differ by no more than this belong to one shell of neighbours, in Angstrom."""

SMALLEST_DISTANCE = 0.5
"""Atoms closer than this overlap, or share a site in a disordered crystal, in Angstrom."""

_GROWTH = 1.5
_SURPLUS = 1.5
_SMALLEST_RADIUS = 1.0
_MOST_BOXES = 1e6  # into which a search parts a cell, so that a huge one takes no more memory
_SKEWED = 1000.0  # product of the edges by the volume
_NEAR_HOME = 100.0  # cells
_LEAST_SHARE = 1e-3  # of a neighbour, so that rounding decides nothing


Bonds: TypeAlias = tuple[IntArray, IntArray, SingleArray]
"""Source and target (m,) of each bond, and the vector (m, 3) between them."""


def nearest_bonds(
    lattice: FloatArray,
    fractional: FloatArray,
    n_neighbours: int,
    start: float = 8.0,
    shares: FloatArray | None = None,
) -> Bonds:
    """Return the bonds of each atom to its nearest neighbours, up to a whole shell.

    Parameters
    ----------
    lattice : float array (3, 3)
        Lattice vectors as rows, Angstrom.
    fractional : float array (n, 3)
        Fractional coordinates of the atoms, n > 0; they need not lie within the cell.
    n_neighbours : int
        k: an atom is bound to all that are no more than `SHELL_TOLERANCE` farther away than its
        k-th nearest neighbour, and to those that count it among theirs.
    start : float
        Largest radius of the first search, Angstrom. It grows until every atom has k neighbours,
        so it has no influence on the result.
    shares : float array (n,), optional
        Occupancies in a disordered crystal: neighbours count by these, and atoms on one site have
        no bond.

    Returns
    -------
    source, target : int32 array (m,)
        Atoms at the two ends of each bond; each bond occurs once.
    vectors : float32 array (m, 3)
        From the source to the image of the target, Angstrom.

    Examples
    --------
    >>> source, target, vectors = nearest_bonds(2 * np.eye(3), np.zeros((1, 3)), 6)
    >>> source.tolist(), np.abs(vectors).sum(axis=0).tolist()
    ([0, 0, 0], [2.0, 2.0, 2.0])
    """
    lattice, fractional = _at_home(lattice, fractional)
    n_atoms = len(fractional) if shares is None else shares.sum()
    volume = abs(np.linalg.det(lattice)) * (n_neighbours + 1) / n_atoms
    radius = min(start, (0.75 / math.pi * _SURPLUS * volume) ** (1 / 3))
    while True:
        found = _search(lattice, fractional, radius)
        if shares is not None:
            found = _apart(*found)
        weights = None if shares is None else shares[found[1]]
        limits = _shell_limits(found[0], found[3], len(fractional), n_neighbours, weights)
        if limits.max() <= radius:
            break
        radius = limits.max() + 1e-6 if np.isfinite(limits).all() else radius * _GROWTH
    kept = found[3] <= limits[found[0]]
    return _bonds(lattice, fractional, *(part[kept] for part in found[:3]))


def bonds_within(
    lattice: FloatArray, fractional: FloatArray, cutoff: float, shared: bool = False
) -> Bonds:
    """Return the bonds between all atoms whose distance is at most `cutoff` Angstrom.

    Parameters and results are those of `nearest_bonds`. An atom may have no bond. With `shared`,
    the crystal is disordered, and atoms on one site have no bond.

    Examples
    --------
    >>> [len(part) for part in bonds_within(2 * np.eye(3), np.zeros((1, 3)), cutoff=2.9)]
    [9, 9, 9]
    """
    lattice, fractional = _at_home(lattice, fractional)
    found = _search(lattice, fractional, cutoff)
    return _bonds(lattice, fractional, *(_apart(*found) if shared else found)[:3])


def close_pairs(
    lattice: FloatArray, fractional: FloatArray, radius: float
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return first and second atoms of all pairs within `radius`, and their distances, Angstrom.

    Both are the same atom where one meets its own image.
    """
    lattice, fractional = _at_home(lattice, fractional)
    first, second, _, distances = _search(lattice, fractional, radius)
    return first, second, distances


def shortest_distance(
    lattice: FloatArray, fractional: FloatArray, radius: float
) -> tuple[int, int, float] | None:
    """Return the two closest atoms and their distance, or None if none are within `radius`.

    Returns
    -------
    (int, int, float) or None
        Atoms, equal where one meets its own image; Angstrom.
    """
    first, second, distances = close_pairs(lattice, fractional, radius)
    if not len(distances):
        return None
    closest = distances.argmin()
    return int(first[closest]), int(second[closest]), float(distances[closest])


def search_size(lattice: FloatArray) -> float:
    """Return how many images of a cell are within 8 Angstrom, after reduction if it is skewed."""
    return _n_images(_at_home(lattice, np.zeros((1, 3)))[0], 8.0)


def edge_pairs(source: IntArray, target: IntArray, n_atoms: int) -> tuple[IntArray, IntArray]:
    """Return the edges of the line graph: pairs of edges i->j and j->k that are not one bond.

    Parameters
    ----------
    source, target : int array (2 m,)
        Atoms of directed edges; edge ``m + e`` is the reverse of edge ``e``.
    n_atoms : int
        Number of atoms.

    Returns
    -------
    first, second : int64 array (t,)
        Indices of edges. An edge is not paired with its own reverse, but it is with the other
        edges back to atom i, which lead to other images of it.

    Examples
    --------
    >>> [part.tolist() for part in edge_pairs(np.array([0, 1, 1, 2]), np.array([1, 2, 0, 1]), 3)]
    [[0, 3], [1, 2]]
    """
    n_edges = len(source)
    order = np.argsort(source, kind="stable")
    leaving = np.bincount(source, minlength=n_atoms)
    begin = np.cumsum(leaving) - leaving
    counts = leaving[target]
    first = np.repeat(np.arange(n_edges), counts)
    place = np.arange(len(first)) + np.repeat(begin[target] - (np.cumsum(counts) - counts), counts)
    second = order[place]
    kept = np.abs(second - first) != n_edges // 2
    return first[kept], second[kept]


def _search(
    lattice: FloatArray, fractional: FloatArray, radius: float
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Return first and second atoms, images of the second (int64 (p, 3)), and distances.

    An atom is no neighbour of itself; its images are.
    """
    from pymatgen.optimization.neighbors import find_points_in_spheres

    lattice = np.ascontiguousarray(lattice, dtype=np.float64)
    places = np.ascontiguousarray(fractional @ lattice, dtype=np.float64)
    box = (abs(np.linalg.det(lattice)) / _MOST_BOXES) ** (1 / 3)
    first, second, images, distances = find_points_in_spheres(
        places,
        places,
        r=max(float(radius), _SMALLEST_RADIUS),
        pbc=np.ones(3, dtype=np.int64),
        lattice=lattice,
        min_r=max(box, _SMALLEST_RADIUS),
    )
    images = np.rint(images).astype(np.int64)
    kept = ((first != second) | images.any(axis=1)) & (distances <= radius)
    return first[kept], second[kept], images[kept], distances[kept]


def _n_images(lattice: FloatArray, radius: float) -> float:
    """Return the number of images of a cell that a search by a radius visits."""
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    return float(np.prod(2 * np.ceil(radius / heights) + 1))


def _at_home(lattice: FloatArray, fractional: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a crystal with a reduced lattice if its own is much skewed, and no atom far away."""
    if np.prod(np.linalg.norm(lattice, axis=1)) > _SKEWED * abs(np.linalg.det(lattice)):
        from pymatgen.core import Lattice

        places = (fractional - np.floor(fractional)) @ lattice
        lattice = Lattice(lattice).get_lll_reduced_lattice().matrix
        fractional = places @ np.linalg.inv(lattice)
    if np.abs(fractional).max(initial=0) > _NEAR_HOME:
        fractional = fractional - np.floor(fractional)
    return lattice, fractional


def _apart(
    first: IntArray, second: IntArray, images: IntArray, distances: FloatArray
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Return what `_search` found without pairs that share a site of a disordered crystal."""
    kept = distances >= SMALLEST_DISTANCE
    return first[kept], second[kept], images[kept], distances[kept]


def _shell_limits(
    first: IntArray,
    distances: FloatArray,
    n_atoms: int,
    n_neighbours: int,
    weights: FloatArray | None = None,
) -> FloatArray:
    """Return how far each atom's neighbours reach, (n_atoms,); infinite where there are too few."""
    order = np.lexsort((distances, first))
    counts = np.bincount(first, minlength=n_atoms)
    begin = np.cumsum(counts) - counts
    total = np.cumsum(np.ones(len(order)) if weights is None else weights[order])
    before = np.concatenate([[0.0], total])[begin]
    last = np.searchsorted(total, before + n_neighbours - _LEAST_SHARE)
    limits = np.full(n_atoms, np.inf)
    enough = last < begin + counts
    limits[enough] = distances[order[last[enough]]] + SHELL_TOLERANCE
    return limits


def _bonds(
    lattice: FloatArray, fractional: FloatArray, first: IntArray, second: IntArray, images: IntArray
) -> Bonds:
    """Return each bond once, whichever of its two directions were found, in a fixed order."""
    width = 2 * int(np.abs(images).max(initial=0)) + 1
    codes = images @ np.array([width**2, width, 1])  # of one sign with the first nonzero entry
    turned = (first > second) | ((first == second) & (codes < 0))
    source = np.where(turned, second, first)
    target = np.where(turned, first, second)
    images = np.where(turned[:, None], -images, images)
    codes = np.where(turned, -codes, codes) + width**3 // 2
    keys = (source * len(fractional) + target) * width**3 + codes
    chosen = np.unique(keys, return_index=True)[1]
    source, target = source[chosen], target[chosen]
    vectors = (fractional[target] - fractional[source] + images[chosen]) @ lattice
    return source.astype(np.int32), target.astype(np.int32), vectors.astype(np.float32)
