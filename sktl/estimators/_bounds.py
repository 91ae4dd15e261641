"""Targets that are limits: what was too small or too large to be measured."""

from __future__ import annotations

import numpy as np

from sktl._types import ArrayLike, FloatArray, IntArray
from sktl.exceptions import InputError


def check_bounds(y: FloatArray, bounds: ArrayLike, head: str) -> IntArray | None:
    """Return on which side of each target the value is, None where all targets are values.

    Parameters
    ----------
    y : float array (n,)
        Targets.
    bounds : array-like of int (n,)
        0: the target is the value; -1: the value is below it; 1: above.
    head : str
        Which head the network is to have.

    Raises
    ------
    InputError
        There are several targets, other numbers, no value at all, or a head that has no limits.
    """
    sides = np.asarray(bounds)
    if y.ndim != 1 or sides.shape != y.shape:
        raise InputError(
            f"Got bounds of shape {sides.shape} for y of shape {y.shape}, expected one for each "
            "row, and one target column."
        )
    wrong = np.flatnonzero(~np.isin(sides, (-1, 0, 1)))
    if len(wrong):
        raise InputError(f"Got bounds[{wrong[0]}]={sides[wrong[0]]!r}, expected -1, 0 or 1.")
    if not sides.any():
        return None
    if sides.all():
        raise InputError("Got bounds other than 0 for all rows, expected values in some.")
    if head not in ("auto", "linear"):
        raise InputError(f"Got head={head!r} with bounds, expected 'auto' or 'linear'.")
    return sides.astype(np.int64)
