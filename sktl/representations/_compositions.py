"""A batch of chemical compositions in four flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from sktl._types import AnyArray, ArrayLike, FloatArray, Indices, IntArray
from sktl.exceptions import InputError
from sktl.representations._symbols import ATOMIC_NUMBER, SYMBOLS

FRACTION_WIDTHS = (103, len(SYMBOLS))


class Compositions:
    """Hold n compositions as rows of a sparse matrix over the elements.

    Row i owns the entries ``offsets[i]:offsets[i + 1]`` of `numbers` and `amounts`.

    Parameters
    ----------
    numbers : array-like of int, shape (n_entries,)
        Atomic numbers, 1 to 118, strictly ascending within a row.
    amounts : array-like of float, shape (n_entries,)
        Atoms of each element in a formula unit, positive and finite. Only their ratios matter
        to `fractions`, `keys` and `digests`.
    offsets : array-like of int, shape (n + 1,)
        Where each row begins; the last entry is ``n_entries``. No row is empty.

    Attributes
    ----------
    numbers : ndarray of int16, shape (n_entries,)
    amounts : ndarray of float64, shape (n_entries,)
    offsets : ndarray of int64, shape (n + 1,)

    Raises
    ------
    InputError
        If the arrays break one of the rules above; the message names the row.

    See Also
    --------
    sktl.representations._formula.parse_formulas : Make a batch from formulas.

    Examples
    --------
    >>> batch = Compositions(numbers=[8, 26, 11, 17], amounts=[3, 2, 1, 1], offsets=[0, 2, 4])
    >>> len(batch), batch.sizes.tolist(), batch.fractions.tolist()
    (2, [2, 2], [0.6, 0.4, 0.5, 0.5])
    >>> batch.keys()
    ['8:0.6000;26:0.4000', '11:0.5000;17:0.5000']
    """

    def __init__(self, numbers: ArrayLike, amounts: ArrayLike, offsets: ArrayLike) -> None:
        self.numbers = np.asarray(numbers, dtype=np.int16)
        self.amounts = np.asarray(amounts, dtype=np.float64)
        self.offsets = np.asarray(offsets, dtype=np.int64)
        self._check_layout()
        self._check_entries()

    def _check_layout(self) -> None:
        shapes = self.numbers.shape, self.amounts.shape, self.offsets.shape
        if any(len(shape) != 1 for shape in shapes) or shapes[0] != shapes[1] or shapes[2] == (0,):
            raise InputError(
                f"Got numbers, amounts, offsets of shapes {shapes}, "
                "expected (n_entries,), (n_entries,), (n + 1,)."
            )
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.numbers):
            raise InputError(
                f"Got offsets from {self.offsets[0]} to {self.offsets[-1]}, "
                f"expected from 0 to {len(self.numbers)}."
            )
        empty = np.flatnonzero(self.sizes < 1)
        if empty.size:
            raise InputError(f"Got no element in row {empty[0]}, expected at least one.")

    def _check_entries(self) -> None:
        bad = ~(np.isfinite(self.amounts) & (self.amounts > 0))
        bad |= (self.numbers < 1) | (self.numbers > len(SYMBOLS))
        steps = np.diff(self.numbers) <= 0
        steps[self.offsets[1:-1] - 1] = False  # a new row may begin with any element
        bad[1:] |= steps
        if bad.any():
            entry = int(bad.argmax())
            row = int(np.searchsorted(self.offsets, entry, side="right")) - 1
            raise InputError(
                f"Got atomic number {self.numbers[entry]} with amount {self.amounts[entry]} in "
                f"row {row}, expected ascending atomic numbers from 1 to {len(SYMBOLS)} with "
                "positive, finite amounts."
            )

    @classmethod
    def from_fractions(cls, fractions: ArrayLike, width: int = 103) -> Self:
        """Make a batch from dense elemental fractions.

        Parameters
        ----------
        fractions : array-like of float, shape (n, width)
            Column j is the fraction, or the amount, of the element with atomic number j + 1,
            as matminer's ElementFraction gives it. Rows are normalised to a sum of 1.
        width : int, default=103
            Number of columns to expect, at most 118.

        Returns
        -------
        Compositions
            The same n rows; `amounts` are fractions.

        Raises
        ------
        InputError
            If the shape is wrong, or a row has a negative, infinite or missing value or only
            zeros; the message names the row.

        Examples
        --------
        >>> row = [0.0] * 103
        >>> row[7], row[25] = 3, 2
        >>> Compositions.from_fractions([row]).keys()
        ['8:0.6000;26:0.4000']
        """
        dense = np.asarray(fractions, dtype=np.float64)
        if dense.ndim != 2 or dense.shape[1] != width:
            raise InputError(
                f"Got elemental fractions of shape {dense.shape}, expected (n, {width}): one "
                "column for each atomic number from 1 on."
            )
        sums = dense.sum(axis=1)
        bad = ~(np.isfinite(sums) & (sums > 0)) | (dense < 0).any(axis=1)
        if bad.any():
            row = int(bad.argmax())
            raise InputError(
                f"Got elemental fractions with the smallest value {dense[row].min()} and the sum "
                f"{sums[row]} in row {row}, expected non-negative, finite values with a "
                f"positive sum ({int(bad.sum())} bad rows in all)."
            )
        dense = dense / sums[:, None]
        rows, columns = np.nonzero(dense)
        sizes = np.bincount(rows, minlength=len(dense))
        return cls(columns + 1, dense[rows, columns], offsets_from_sizes(sizes))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return f"Compositions(n={len(self)}, elements={np.unique(self.numbers).size})"

    @property
    def compositions(self) -> Self:
        """This batch itself, as `Crystals` have it."""
        return self

    @property
    def sizes(self) -> IntArray:
        """Number of elements in each row, int64 of shape (n,)."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> IntArray:
        """Row to which each entry belongs, int64 of shape (n_entries,)."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @cached_property
    def fractions(self) -> FloatArray:
        """Atomic fraction of each entry in its row, float64 of shape (n_entries,)."""
        sums = np.add.reduceat(self.amounts, self.offsets[:-1]) if len(self) else self.amounts
        return self.amounts / np.repeat(sums, self.sizes)

    def take(self, indices: Indices) -> Self:
        """Select rows.

        Parameters
        ----------
        indices : array-like of int or bool, or slice
            Rows in the wanted order, repeats allowed, as in indexing a numpy array.

        Returns
        -------
        Compositions
            A copy of the selected rows.
        """
        if not isinstance(indices, slice):
            indices = np.asarray(indices)
            indices = indices.astype(np.int64) if indices.size == 0 else indices
        chosen = np.arange(len(self))[indices]
        sizes = self.sizes[chosen]
        offsets = offsets_from_sizes(sizes)
        entries = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], sizes)
        return type(self)(self.numbers[entries], self.amounts[entries], offsets)

    def to_dense(self, width: int = 103) -> FloatArray:
        """Return elemental fractions as a dense array.

        Parameters
        ----------
        width : int, default=103
            Number of columns; column j belongs to atomic number j + 1.

        Returns
        -------
        ndarray of float64, shape (n, width)
            Rows sum to 1.

        Raises
        ------
        InputError
            If a row holds an element beyond the last column; the message names both.
        """
        if self.numbers.size and self.numbers.max() > width:
            entry = int(np.argmax(self.numbers > width))
            z = self.numbers[entry]
            raise InputError(
                f"Got element {SYMBOLS[z - 1]} (atomic number {z}) in row {self.rows[entry]}, "
                f"expected atomic numbers up to {width}."
            )
        dense = np.zeros((len(self), width))
        dense[self.rows, self.numbers - 1] = self.fractions
        return dense

    def keys(self) -> list[str]:
        """Return one string for each row that is equal for equal compositions.

        Returns
        -------
        list of str, length n
            ``Z:fraction`` with four decimals in order of atomic number, joined by ``;``:
            ``8:0.6000;26:0.4000`` for Fe2O3, O3Fe2 and Fe4O6.
        """
        entries = zip(self.numbers.tolist(), self.fractions.tolist(), strict=True)
        words = [f"{z}:{fraction:.4f}" for z, fraction in entries]
        bounds = self.offsets.tolist()
        return [";".join(words[a:b]) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]

    def digests(self) -> list[str]:
        """Return the first 16 hex digits of the sha256 of each key.

        Returns
        -------
        list of str, length n
        """
        return [sha256(key.encode()).hexdigest()[:16] for key in self.keys()]

    def unique(self) -> tuple[Self, IntArray]:
        """Drop rows whose key stood in an earlier row.

        Returns
        -------
        compositions : Compositions
            The first row of each key, in order of appearance.
        inverse : ndarray of int64, shape (n,)
            ``compositions.take(inverse)`` has the keys of this batch.
        """
        return first_of_each_key(self)


def sort_fractions(columns: Any, names: tuple[str, ...] | None) -> tuple[AnyArray, int]:
    """Return elemental fractions (n, width) in order of atomic number, and their width."""
    columns = np.asarray(columns)
    names = names or ()
    known = [name in ATOMIC_NUMBER for name in names]
    if known and all(known):
        dense = np.zeros((len(columns), len(SYMBOLS)))
        dense[:, [ATOMIC_NUMBER[name] - 1 for name in names]] = columns
        return dense, len(SYMBOLS)
    if 2 * sum(known) > len(known):
        odd = names[known.index(False)]
        raise InputError(
            f"Got a column {odd!r} among elemental fractions, expected symbols of elements only."
        )
    if columns.shape[1] not in FRACTION_WIDTHS:
        raise InputError(
            f"Got numeric X with {columns.shape[1]} columns, expected elemental fractions: 103 "
            "columns, H to Lr, or 118, H to Og, as matminer's ElementFraction gives them, or "
            "columns named by symbols of elements (or formulas)."
        )
    return columns, columns.shape[1]


class _Keyed(Protocol):
    """Rows that have keys."""

    def keys(self) -> list[str]: ...

    def take(self, indices: Indices) -> Self: ...


Batch = TypeVar("Batch", bound=_Keyed)


def first_of_each_key(batch: Batch) -> tuple[Batch, IntArray]:
    """Return the rows of a batch whose key stood in no earlier row, and the place of every row."""
    position: dict[str, int] = {}
    places = [position.setdefault(key, len(position)) for key in batch.keys()]
    inverse = np.array(places, dtype=np.int64)
    return batch.take(np.unique(inverse, return_index=True)[1]), inverse


def offsets_from_sizes(sizes: Sequence[int] | IntArray) -> IntArray:
    """Return where rows of the given sizes begin, int64 of shape (n + 1,)."""
    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
    offsets[1:] = np.cumsum(sizes)  # numpy 2.3.0 and 2.3.1 never free an out=
    return offsets
