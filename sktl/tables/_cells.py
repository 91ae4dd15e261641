"""Cells as text, which remember whether they were numbers."""

from __future__ import annotations

import decimal
import numbers
from collections.abc import Iterable

from sktl._limits import LONGEST_CELL
from sktl.exceptions import TableError

STRUCK = "\N{COMBINING LONG STROKE OVERLAY}"
"""What follows each letter that is struck out."""


class TypedNumber(str):
    """The text of a cell that is a number in its file, and so has no decimal mark to read."""

    __slots__ = ()


def as_text(value: object) -> str:
    """Return a cell of a spreadsheet as text: empty for None, a `TypedNumber` for a number."""
    if value is None:
        return ""
    if isinstance(value, numbers.Real | decimal.Decimal) and not isinstance(value, bool):
        return TypedNumber(str(value).removesuffix(".0"))
    return str(value)


def check_cells(cells: Iterable[str], place: str) -> None:
    """Raise where a cell is longer than `LONGEST_CELL`, as the reader of CSV does."""
    longest = max(map(len, cells), default=0)
    if longest > LONGEST_CELL:
        raise TableError(
            f"{place}: got a cell of {longest:,} characters, expected at most {LONGEST_CELL:,}."
        )
