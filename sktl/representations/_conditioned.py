"""Rows of a network with what stands beside the materials."""

from __future__ import annotations

from typing import ClassVar, Self

from sktl._types import AnyArray, Indices, SingleArray
from sktl.representations._base import Rows


class RowsBeside:
    """Rows of another kind with further numbers, which the network takes by their name.

    Parameters
    ----------
    rows : Rows, n rows
        The materials.
    beside : float32 array (n, w)
        What stands beside them.

    Attributes
    ----------
    width : int or None
        That of the materials.
    """

    name: ClassVar[str]

    def __init__(self, rows: Rows, beside: SingleArray) -> None:
        self.rows, self.beside = rows, beside
        self.width, self.sizes = rows.width, rows.sizes

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: Indices) -> Self:
        """Return some of the rows."""
        return type(self)(self.rows.take(indices), self.beside[indices])

    def __getitem__(self, indices: Indices) -> dict[str, AnyArray]:
        """Return the network's arguments for the rows `indices`."""
        return {**self.rows[indices], self.name: self.beside[indices]}


class ConditionedRows(RowsBeside):
    """Rows with ``conditions``: what `ConditionColumns.encode` returns of columns."""

    name = "conditions"


class AttributedRows(RowsBeside):
    """Rows with ``attributes``: what `ConditionColumns.encode` returns of physical attributes."""

    name = "attributes"
