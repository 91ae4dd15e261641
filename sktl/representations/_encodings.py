"""Compositions and columns as numbers for a network: tokens, fractions, scaled columns."""

import numpy as np

from sktl.representations._formula import parse_formulas
from sktl.representations._materials import Materials
from sktl.representations._rows import ColumnRows, TokenRows

MAX_ATOMIC_NUMBER = 103


class _OfComposition:
    """What representations share that see the composition alone.

    `reads` names what they read, and `reference` what the card of a source shows predictions for.
    """

    reads = "formulas"
    reference = "NaCl Fe2O3 GaAs BaTiO3 MgAl2O4 LiFePO4 Cu0.7Zn0.3 Si".split()

    def read(self, materials):
        """Return formulas (n,) as `Compositions`; of structures only the composition counts."""
        return Materials.read(materials).compositions

    def read_reference(self, entries):
        """Return the reference formulas of a card as `Compositions`."""
        return parse_formulas(entries)


class ElementTokens(_OfComposition):
    """A composition as a set of (atomic number, atomic fraction) tokens."""

    name = "element-tokens"
    version = 1

    def encode(self, compositions):
        """Return the rows of a `Compositions` batch as `TokenRows`."""
        return TokenRows(compositions)


class ElementFractions(_OfComposition):
    """A composition as 103 elemental fractions, H to Lr, as matminer's ElementFraction."""

    name = "element-fractions"
    version = 1

    def encode(self, compositions):
        """Return the rows of a `Compositions` batch as `ColumnRows` of width 103."""
        return ColumnRows(compositions.to_dense(MAX_ATOMIC_NUMBER).astype(np.float32))


class NumericColumns:
    """Numeric columns of any meaning, brought to zero mean and unit variance on the training rows.

    Attributes
    ----------
    mean_, scale_ : float array (d,)
        Mean and standard deviation of each training column; constant columns have scale 1.
    """

    name = "numeric-columns"
    version = 1
    reads = "columns"

    def fit(self, columns, weights=None):
        """Learn mean and scale of float columns (n, d) whose rows have weights (n,)."""
        self.mean_ = np.average(columns, axis=0, weights=weights)
        spread = np.sqrt(np.average((columns - self.mean_) ** 2, axis=0, weights=weights))
        constant = spread <= 1e-12 * np.abs(columns).max(axis=0)
        self.scale_ = np.where(constant, 1.0, spread)
        return self

    def encode(self, columns):
        """Return the rows of a float array (n, d) as standardised `ColumnRows`."""
        return ColumnRows((columns - self.mean_) / self.scale_)
