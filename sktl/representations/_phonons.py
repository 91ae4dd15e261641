"""Phonons of a crystal on a mesh of wave vectors, and what follows from their density of states."""

from __future__ import annotations

import numpy as np

from sktl._types import CellArrays, FloatArray
from sktl.representations._response import WAVENUMBER, atomic_masses

PHONONS = ("last_peak", "heat_capacity", "vibrational_entropy")
"""Names of what `phonon_summary` returns."""

_MESH = 8  # wave vectors along each axis of the primitive cell
_TIE = 1e-3  # images of an atom whose distances differ by less share a force constant, Angstrom
_STEP, _WIDTH = 2.0, 3.0  # of the density of states, cm^-1
_TEMPERATURE = 300 * 0.6950348  # 300 K times Boltzmann's constant over h c, in cm^-1
_GAS = 8.314463  # J/(mol K)


def mesh_frequencies(
    cell: CellArrays, primitive: CellArrays, constants: FloatArray, masses: FloatArray
) -> FloatArray:
    """Return phonon frequencies on a mesh, interpolated from force constants of a supercell.

    Parameters
    ----------
    cell, primitive : (numbers, lattice, fractional)
        The supercell of N atoms, and the primitive cell of n, as `standard_supercell` returns them
        for the same crystal.
    constants : float array (3N, 3N)
        Force constants of the supercell, eV/Angstrom^2. Each acts between an atom and the nearest
        image of the other, or in equal parts between all nearest images.
    masses : float array (n,)
        Of the atoms of the primitive cell, u.

    Returns
    -------
    float64 array (q, 3n)
        In cm^-1, ascending; imaginary ones are negative. Of opposite wave vectors there is one.
    """
    _, lattice, fractional = cell
    n, n_cells = len(masses), len(fractional) // len(masses)
    origins = np.arange(n) * n_cells  # images of an atom stand together
    own = np.repeat(np.arange(n), n_cells)
    vectors = (fractional - fractional[origins][:, None]) @ lattice
    shifts = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    images = vectors[:, :, None] + shifts @ lattice
    lengths = np.linalg.norm(images, axis=3)
    nearest = lengths < lengths.min(axis=2, keepdims=True) + _TIE
    weights = nearest / nearest.sum(axis=2, keepdims=True)
    blocks = constants.reshape(len(own), 3, len(own), 3)[origins].transpose(0, 2, 1, 3)
    blocks = blocks / np.sqrt(masses[:, None] * masses[own])[:, :, None, None]
    found = []
    for wave in _waves(primitive[1]):
        phases = (weights * np.exp(1j * (images @ wave))).sum(axis=2)
        pairs = (phases[:, :, None, None] * blocks).reshape(n, n, n_cells, 3, 3).sum(axis=2)
        dynamical = pairs.transpose(0, 2, 1, 3).reshape(3 * n, 3 * n)
        found.append(np.linalg.eigvalsh((dynamical + dynamical.conj().T) / 2))
    squares = np.array(found)
    return np.sign(squares) * np.sqrt(np.abs(squares)) * WAVENUMBER


def phonon_summary(cell: CellArrays, primitive: CellArrays, hessian: FloatArray) -> FloatArray:
    """Return what follows from the phonons of a crystal on a mesh of wave vectors.

    Parameters
    ----------
    cell, primitive : (numbers, lattice, fractional)
        The supercell of N atoms, and the primitive cell, as `standard_supercell` returns them.
    hessian : float array (3N + 6, 3N + 6)
        Of the supercell, as for `harmonic_response`.

    Returns
    -------
    float64 array (3,)
        In the order of `PHONONS`; NaN where the derivatives by displacements are NaN.

        - ``last_peak``: the last peak of the density of states, with Gaussians of 3 cm^-1, cm^-1.
        - ``heat_capacity``, ``vibrational_entropy``: at 300 K and constant volume, J/K per mole of
          atoms. Imaginary modes are left out.
    """
    constants = hessian[:-6, :-6]
    if np.isnan(constants).any():
        return np.full(len(PHONONS), np.nan)
    masses = atomic_masses()[primitive[0]]
    frequencies = mesh_frequencies(cell, primitive, constants, masses)
    positive = frequencies[frequencies > _STEP]
    if not len(positive):
        return np.zeros(len(PHONONS))
    x = positive / _TEMPERATURE
    capacity = (x / 2 / np.sinh(x / 2)) ** 2
    entropy = x / np.expm1(x) - np.log(-np.expm1(-x))
    per_atom = 3 * _GAS / frequencies.size
    return np.array([_last_peak(positive), capacity.sum() * per_atom, entropy.sum() * per_atom])


def _last_peak(frequencies: FloatArray) -> float:
    """Return the last maximum of the density of frequencies, cm^-1."""
    grid = np.arange(0, frequencies.max() + 10 * _WIDTH, _STEP)
    counts = np.bincount(np.rint(frequencies / _STEP).astype(int), minlength=len(grid))
    reach = np.arange(-6 * _WIDTH, 6 * _WIDTH + _STEP, _STEP)
    density = np.convolve(counts, np.exp(-((reach / _WIDTH) ** 2) / 2), "same")
    inner = density[1:-1]
    peaks = np.flatnonzero((inner >= density[:-2]) & (inner > density[2:])) + 1
    return float(grid[peaks[-1]])


def _waves(lattice: FloatArray) -> FloatArray:
    """Return wave vectors (q, 3), 1/Angstrom, one of each pair of opposite ones."""
    steps = (np.indices((_MESH,) * 3).reshape(3, -1).T + 0.5) / _MESH - 0.5
    return steps[: len(steps) // 2] @ (2 * np.pi * np.linalg.inv(lattice).T)
