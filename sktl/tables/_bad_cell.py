"""What is said of a cell that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BadCell:
    """A cell of a table that cannot be used.

    Attributes
    ----------
    row : int
        Row of the table, from 0.
    line : int
        Line of the file, from 1.
    column, value, reason : str
        The column, the text, and why it cannot be used.
    """

    row: int
    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.value!r}: {self.reason}"
