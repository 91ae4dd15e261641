"""Rows of a network with what stands beside the materials."""

from __future__ import annotations

from typing import ClassVar, Self

from sktl._types import AnyArray, Indices, SingleArray
from sktl.representations._base import Rows
from sktl.representations._condition_columns import ConditionColumns
from sktl.representations._conditions import Conditions

MOST_AT_ONCE = 20_000


class EncodedLater:
    """Columns that are encoded when rows are asked for, so that many rows take little memory.

    Parameters
    ----------
    columns : ConditionColumns
        Encodes them.
    conditions : Conditions, n rows
        As they are.
    """

    def __init__(self, columns: ConditionColumns, conditions: Conditions) -> None:
        self.columns, self.conditions = columns, conditions
        self.shape = (len(conditions), columns.encode(conditions.take([0])).shape[1])

    def take(self, indices: Indices) -> EncodedLater:
        """Return some of the rows, not encoded yet."""
        return EncodedLater(self.columns, self.conditions.take(indices))

    def __getitem__(self, indices: Indices) -> SingleArray:
        """Return some of the rows, float32 (m, w)."""
        return self.columns.encode(self.conditions.take(indices))


def encode_beside(columns: ConditionColumns, conditions: Conditions) -> SingleArray | EncodedLater:
    """Return columns as a network reads them, those of over 20,000 rows encoded later."""
    if len(conditions) > MOST_AT_ONCE:
        return EncodedLater(columns, conditions)
    return columns.encode(conditions)


class RowsBeside:
    """Rows of another kind with further numbers, which the network takes by their name.

    Parameters
    ----------
    rows : Rows, n rows
        The materials.
    beside : float32 array (n, w) or EncodedLater
        What stands beside them.

    Attributes
    ----------
    width : int or None
        That of the materials.
    """

    name: ClassVar[str]

    def __init__(self, rows: Rows, beside: SingleArray | EncodedLater) -> None:
        self.rows, self.beside = rows, beside
        self.width, self.sizes = rows.width, rows.sizes

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: Indices) -> Self:
        """Return some of the rows."""
        if isinstance(self.beside, EncodedLater):
            return type(self)(self.rows.take(indices), self.beside.take(indices))
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
