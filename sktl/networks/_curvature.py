"""The curvature of the energy of a crystal under displacements and strains."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from sktl._types import AnyArray, FloatArray

_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def energy_curvature(
    energy: Callable[..., Tensor],
    inputs: Mapping[str, AnyArray],
    distortions: FloatArray | None = None,
) -> FloatArray:
    """Return the second derivatives of the energy of one crystal, or products with distortions.

    The derivatives are exact, by differentiating twice; bonds are those of the crystal as it is.

    Parameters
    ----------
    energy : callable
        Takes the arguments of a network on graphs of crystals; returns the energy of the cell in
        eV, a tensor of one number.
    inputs : dict of array
        One crystal of N atoms, as `CrystalRows` gives it.
    distortions : float array (k, 3N + 6) or None, default=None
        Displacements of the atoms, x, y and z of the first and so on, in Angstrom, then the strains
        xx, yy, zz, yz, xz, xy, shears as the sum of both halves. None for one of each, so that all
        second derivatives are returned. Each row costs one evaluation of the network.

    Returns
    -------
    float64 array (k, 3N + 6)
        The matrix of second derivatives times each row of `distortions`, in eV.
    """
    tensors = {name: torch.as_tensor(part) for name, part in inputs.items()}
    n = 3 * len(tensors["numbers"])
    vectors = tensors["vectors"]
    changes = vectors.new_zeros(n + len(_VOIGT), requires_grad=True)
    distortions = np.eye(len(changes)) if distortions is None else distortions
    products = np.empty((len(distortions), len(changes)))
    with torch.enable_grad():
        shifts, strain = changes[:n].reshape(-1, 3), _strain(changes[n:])
        vectors = vectors + vectors @ strain + shifts[tensors["target"]] - shifts[tensors["source"]]
        total = energy(**(tensors | {"vectors": vectors})).sum()
        (gradient,) = torch.autograd.grad(total, changes, create_graph=True)
        for row, distortion in zip(products, vectors.new_tensor(distortions), strict=True):
            (found,) = torch.autograd.grad(gradient, changes, distortion, retain_graph=True)
            row[:] = found.numpy()
    return products


def _strain(values: Tensor) -> Tensor:
    """Return six strains as a symmetric (3, 3) tensor."""
    strain = values.new_zeros(3, 3)
    for value, (i, j) in zip(values, _VOIGT, strict=True):
        part = torch.zeros_like(strain)
        part[i, j] += 0.5
        part[j, i] += 0.5
        strain = strain + value * part
    return strain
