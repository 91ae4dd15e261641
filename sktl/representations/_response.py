"""The harmonic (vibrational and elastic) response of a crystal, from its second derivatives."""

from __future__ import annotations

import math
import warnings
from functools import cache

import numpy as np

from sktl._types import FloatArray, IntArray
from sktl.representations._symbols import SYMBOLS

_SHARES = (25, 50, 75, 90)
_KELVIN = np.repeat([1.0, math.sqrt(2)], 3)  # six strains as a vector that a rotation leaves long
RESPONSES = (
    *("frequency_max", "frequency_mean", "frequency_min"),
    *(f"frequency_{share}" for share in _SHARES),
    *("shear_modulus", "bulk_modulus", "stiffness_min", "stiffness_max"),
    *("relaxed_shear_modulus", "relaxed_bulk_modulus"),
    *("dielectric_mean", "dielectric_max", "piezoelectric", "compliance"),
)
"""Names of what `harmonic_response` returns."""

SOFTEST = 0.3
"""Force constants below this, in eV/Angstrom^2, count as this where they are divided by."""

WAVENUMBER = 521.4709  # sqrt(eV / u) / Angstrom over 2 pi c, in cm^-1
_GIGAPASCAL = 160.2177  # eV / Angstrom^3
_DIELECTRIC = 4 * math.pi * 14.39964  # e^2 / (eV Angstrom), times 4 pi
_PIEZOELECTRIC = 16.02177  # e / Angstrom^2, in C/m^2


def harmonic_response(numbers: IntArray, volume: float, hessian: FloatArray) -> FloatArray:
    """Return numbers that say how a crystal responds to displacements and strains.

    Parameters
    ----------
    numbers : int array (N,)
        Atomic numbers of the atoms of the cell.
    volume : float
        Of the cell, Angstrom^3.
    hessian : float array (3N + 6, 3N + 6)
        Second derivatives of the energy as `sktl.networks.energy_curvature` returns them; those by
        two displacements may be NaN.

    Returns
    -------
    float64 array (17,)
        In the order of `RESPONSES`; NaN for what needs derivatives that are NaN.

        - ``frequency_...``: largest, mean, smallest and percentiles of the phonon frequencies at
          the zone centre of this cell, without the three acoustic ones, cm^-1; imaginary ones are
          negative.
        - Voigt averages of the elastic moduli and extreme eigenvalues of the stiffness (in Kelvin
          notation), GPa, with clamped ions; ``relaxed_...`` with relaxed ions.
        - ``dielectric_...``: mean and largest eigenvalue of the lattice contribution to the
          dielectric tensor, and ``piezoelectric``: largest singular value of the lattice
          contribution to the piezoelectric tensor, C/m^2, as if the charge of an atom were its
          electronegativity minus the mean of the cell. The values are no predictions, but they
          vanish and grow with the true ones.
        - ``compliance``: trace of the inverse force constants over N, Angstrom^2/eV.
    """
    n = 3 * len(numbers)
    clamped = hessian[n:, n:] / volume
    moduli = _moduli(clamped)
    stiffness = np.linalg.eigvalsh(clamped * np.outer(_KELVIN, _KELVIN))[[0, -1]] * _GIGAPASCAL
    found = np.full(len(RESPONSES), np.nan)
    found[7:11] = *moduli, *stiffness
    if np.isnan(hessian).any():
        return found
    masses, charges = (np.repeat(column[numbers], 3) for column in _elements())
    charges -= charges.mean()
    found[:7] = _frequencies(hessian[:n, :n] / np.sqrt(np.outer(masses, masses)))
    inverse = _inverse(hessian[:n, :n])
    coupling = hessian[:n, n:]
    charged = charges[:, None] * np.tile(np.eye(3), (len(numbers), 1))
    moved = charged.T @ inverse / volume
    dielectric = np.linalg.eigvalsh(moved @ charged) * _DIELECTRIC
    piezoelectric = np.linalg.norm(moved @ coupling * _KELVIN, ord=2) * _PIEZOELECTRIC
    found[11:13] = _moduli(clamped - coupling.T @ inverse @ coupling / volume)
    found[13:] = dielectric.mean(), dielectric[-1], piezoelectric, np.trace(inverse) / len(numbers)
    return found


def _moduli(stiffness: FloatArray) -> tuple[float, float]:
    """Return Voigt's shear and bulk modulus, GPa, of a stiffness (6, 6) in eV/Angstrom^3."""
    straight, across = np.trace(stiffness[:3, :3]), stiffness[[0, 0, 1], [1, 2, 2]].sum()
    shear = (straight - across + 3 * np.trace(stiffness[3:, 3:])) / 15
    return shear * _GIGAPASCAL, (straight + 2 * across) / 9 * _GIGAPASCAL


def _frequencies(dynamical: FloatArray) -> tuple[float, ...]:
    """Return largest, mean, smallest and percentiles of frequencies, cm^-1, less three of zero."""
    squares = np.linalg.eigvalsh(dynamical)
    found = np.sign(squares) * np.sqrt(np.abs(squares)) * WAVENUMBER
    optical = found[np.argsort(np.abs(found))[3:]] if len(found) > 3 else np.zeros(1)
    return optical.max(), optical.mean(), optical.min(), *np.percentile(optical, _SHARES)


def _inverse(constants: FloatArray) -> FloatArray:
    """Return the inverse of force constants (n, n) where no displacement moves the crystal."""
    shifts = np.tile(np.eye(3), (len(constants) // 3, 1)) / math.sqrt(len(constants) / 3)
    others = np.eye(len(constants)) - shifts @ shifts.T
    values, vectors = np.linalg.eigh(others @ constants @ others)
    kept = np.argsort(np.abs(values))[3:]
    return (vectors[:, kept] / np.maximum(values[kept], SOFTEST)) @ vectors[:, kept].T


def atomic_masses() -> FloatArray:
    """Return masses by atomic number, u."""
    return _elements()[0]


@cache
def _elements() -> tuple[FloatArray, FloatArray]:
    """Return masses, u, and Pauling's electronegativities by atomic number, 1.5 if unknown."""
    from pymatgen.core import Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # noble gases have no electronegativity
        elements = [Element(symbol) for symbol in SYMBOLS]
        masses = [float(element.atomic_mass) for element in elements]
        negativities = [float(element.X) for element in elements]
    return np.array([0.0, *masses]), np.nan_to_num([0.0, *negativities], nan=1.5)
