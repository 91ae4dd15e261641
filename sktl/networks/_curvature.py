"""How the energy of a crystal curves when its atoms move and its cell is strained."""

import numpy as np
import torch

_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def energy_curvature(energy, inputs, atoms=None):
    """Return the second derivatives of the energy of one crystal.

    The derivatives are exact, by differentiating twice; bonds are those of the crystal as it is.

    Parameters
    ----------
    energy : callable
        Takes the arguments of a network on graphs of crystals; returns the energy of the cell in
        eV, a tensor of one number.
    inputs : dict of array
        One crystal of N atoms, as `CrystalRows` gives it.
    atoms : sequence of int or None, default=None
        The atoms whose rows are wanted; None for all. Each costs three passes through the network,
        and the strains cost six.

    Returns
    -------
    float64 array (3N + 6, 3N + 6)
        By the displacements of the atoms, x, y and z of the first and so on, in Angstrom; then by
        the strains xx, yy, zz, yz, xz, xy, shears as the sum of both halves. In eV; NaN in the rows
        of atoms that are not wanted, but for the columns of strains.
    """
    inputs = {name: torch.as_tensor(part) for name, part in inputs.items()}
    n = 3 * len(inputs["numbers"])
    vectors = inputs["vectors"]
    moves = vectors.new_zeros(n + len(_VOIGT), requires_grad=True)
    wanted = range(n // 3) if atoms is None else atoms
    rows = [3 * atom + axis for atom in wanted for axis in range(3)]
    hessian = np.full((len(moves), len(moves)), np.nan)
    with torch.enable_grad():
        shifts, strain = moves[:n].reshape(-1, 3), _strain(moves[n:])
        vectors = vectors + vectors @ strain + shifts[inputs["target"]] - shifts[inputs["source"]]
        total = energy(**(inputs | {"vectors": vectors})).sum()
        (gradient,) = torch.autograd.grad(total, moves, create_graph=True)
        for row in (*rows, *range(n, len(moves))):
            (found,) = torch.autograd.grad(gradient[row], moves, retain_graph=True)
            hessian[row] = found
    hessian[:n, n:] = hessian[n:, :n].T
    return hessian


def _strain(values):
    """Return six strains as a symmetric (3, 3) tensor."""
    strain = values.new_zeros(3, 3)
    for value, (i, j) in zip(values, _VOIGT, strict=True):
        part = torch.zeros_like(strain)
        part[i, j] += 0.5
        part[j, i] += 0.5
        strain = strain + value * part
    return strain
