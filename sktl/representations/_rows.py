"""Encoded inputs of a network, from which batches are taken by row."""

from __future__ import annotations

import numpy as np

from sktl._types import AnyArray, FloatArray, Indices, IntArray, SingleArray
from sktl.representations._compositions import Compositions


class ColumnRows:
    """Rows of one width, handed to a network as ``columns``.

    Parameters
    ----------
    columns : float array (n, d)
        The numbers of each row.

    Attributes
    ----------
    width : int
        Number of columns, d.
    """

    def __init__(self, columns: FloatArray | SingleArray) -> None:
        self.columns = columns
        self.width = columns.shape[1]

    def __len__(self) -> int:
        return len(self.columns)

    def take(self, indices: Indices) -> ColumnRows:
        """Return some of the rows as `ColumnRows`."""
        return ColumnRows(self.columns[indices])

    @property
    def sizes(self) -> IntArray:
        """Work a row costs, int array (n,): every row costs the same."""
        return np.ones(len(self), dtype=np.int64)

    def __getitem__(self, indices: Indices) -> dict[str, AnyArray]:
        """Return the network's arguments for the rows `indices`."""
        return {"columns": self.columns[indices]}


class TokenRows:
    """Rows of element tokens, handed to a network as ``numbers`` and ``fractions``.

    Parameters
    ----------
    compositions : Compositions
        The compositions of the rows.

    Attributes
    ----------
    width : None
        A set has no width.
    """

    width = None

    def __init__(self, compositions: Compositions) -> None:
        self.compositions = compositions
        self.numbers = compositions.numbers
        self.fractions = compositions.fractions.astype(np.float32)
        self.offsets = compositions.offsets
        self.sizes = compositions.sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def take(self, indices: Indices) -> TokenRows:
        """Return some of the rows as `TokenRows`."""
        return TokenRows(self.compositions.take(indices))

    def __getitem__(self, indices: Indices) -> dict[str, AnyArray]:
        """Return (n, k) atomic numbers and fractions, padded with 0 to the largest row."""
        sizes = self.sizes[indices][:, None]
        place = np.arange(sizes.max())
        real = place < sizes
        flat = np.where(real, self.offsets[:-1][indices][:, None] + place, 0)
        return {
            "numbers": np.where(real, self.numbers[flat], 0).astype(np.int64),
            "fractions": np.where(real, self.fractions[flat], np.float32(0)),
        }
