"""Errors by element, on the places of the periodic table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pymatgen.core import Element

from sktl.representations import SYMBOLS, Compositions

if TYPE_CHECKING:
    from sktl._types import FloatArray

FEW = 5  # compounds, below which an element's error says little
_LANTHANIDES, _ACTINIDES = range(57, 72), range(89, 104)


class ElementError(NamedTuple):
    """How large errors are for the compounds of an element.

    Attributes
    ----------
    symbol : str
    n : int
        Rows that hold it.
    mae : float
        Mean absolute error on them.
    """

    symbol: str
    n: int
    mae: float


def element_errors(compositions: Compositions, errors: FloatArray) -> list[ElementError]:
    """Return an `ElementError` for each element of n compositions with errors (n,)."""
    found = []
    for number in np.unique(compositions.numbers):
        own = errors[compositions.rows[compositions.numbers == number]]
        found.append(ElementError(SYMBOLS[number - 1], len(own), float(own.mean())))
    return found


def place_of(symbol: str) -> tuple[int, int]:
    """Return (row, column), from 1, of an element; the f elements stand below."""
    element = Element(symbol)
    if element.Z in _LANTHANIDES:
        return 9, 3 + element.Z - _LANTHANIDES.start
    if element.Z in _ACTINIDES:
        return 10, 3 + element.Z - _ACTINIDES.start
    return element.row, element.group
