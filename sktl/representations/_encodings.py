"""Compositions and columns as numbers for a network: tokens, fractions, scaled columns."""

from __future__ import annotations

from typing import Self

import numpy as np

from sktl._state import stored
from sktl._types import FloatArray
from sktl.representations._base import FormulaRepresentation, Representation
from sktl.representations._compositions import Compositions
from sktl.representations._rows import ColumnRows, TokenRows

MAX_ATOMIC_NUMBER = 103


@stored("element-tokens/1")
class ElementTokens(FormulaRepresentation):
    """A composition as a set of (atomic number, atomic fraction) tokens."""

    name = "element-tokens"
    version = 1

    def encode(self, compositions: Compositions) -> TokenRows:
        """Return the rows of a `Compositions` batch as `TokenRows`."""
        return TokenRows(compositions)


@stored("element-fractions/1")
class ElementFractions(FormulaRepresentation):
    """A composition as 103 elemental fractions, H to Lr, as matminer's ElementFraction."""

    name = "element-fractions"
    version = 1

    def encode(self, compositions: Compositions) -> ColumnRows:
        """Return the rows of a `Compositions` batch as `ColumnRows` of width 103."""
        return ColumnRows(compositions.to_dense(MAX_ATOMIC_NUMBER).astype(np.float32))


@stored("numeric-columns/1")
class NumericColumns(Representation):
    """Numeric columns of any meaning, brought to zero mean and unit variance on the training rows.

    Attributes
    ----------
    mean_, scale_ : float array (d,)
        Mean and standard deviation of each training column; constant columns have scale 1.
    """

    name = "numeric-columns"
    version = 1
    reads = "columns"
    reference = ()

    def read(self, materials: FloatArray) -> FloatArray:
        """Return numeric columns (n, d) as they are."""
        return materials

    def read_reference(self, entries: FloatArray) -> FloatArray:
        """Return numeric columns as they are: no source reads them."""
        return entries

    def fit(self, columns: FloatArray, weights: FloatArray | None = None) -> Self:
        """Learn mean and scale of float columns (n, d) whose rows have weights (n,)."""
        self.mean_ = np.average(columns, axis=0, weights=weights)
        spread = np.sqrt(np.average((columns - self.mean_) ** 2, axis=0, weights=weights))
        constant = spread <= 1e-12 * np.abs(columns).max(axis=0)
        self.scale_ = np.where(constant, 1.0, spread)
        return self

    def encode(self, columns: FloatArray) -> ColumnRows:
        """Return the rows of a float array (n, d) as standardised `ColumnRows`."""
        return ColumnRows((columns - self.mean_) / self.scale_)
