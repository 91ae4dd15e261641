"""Rows of a network with what stands beside the materials."""

from __future__ import annotations

from sktl._types import AnyArray, Indices, SingleArray
from sktl.representations._base import Rows


class ConditionedRows:
    """Rows of another kind with what stands beside the materials, as ``conditions``.

    Parameters
    ----------
    rows : Rows, n rows
        The materials.
    conditions : float32 array (n, c)
        What `ConditionColumns.encode` returns.

    Attributes
    ----------
    width : int or None
        That of the materials.
    """

    def __init__(self, rows: Rows, conditions: SingleArray) -> None:
        self.rows, self.conditions = rows, conditions
        self.width, self.sizes = rows.width, rows.sizes

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: Indices) -> ConditionedRows:
        """Return some of the rows as `ConditionedRows`."""
        return ConditionedRows(self.rows.take(indices), self.conditions[indices])

    def __getitem__(self, indices: Indices) -> dict[str, AnyArray]:
        """Return the network's arguments for the rows `indices`."""
        return {**self.rows[indices], "conditions": self.conditions[indices]}
