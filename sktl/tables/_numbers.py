"""Numbers as people write them: decimal marks, thousands, and cells with two readings.

A separator is taken out of a number only where it groups thousands as it should. A cell that the
rest of its column contradicts is refused, and its readings are named.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from sktl.exceptions import TableError
from sktl.tables._bad_cell import BadCell
from sktl.tables._cells import TypedNumber
from sktl.tables._table import Table

_MISSING = {"", "nan", "na", "n/a", "none", "null", "-", "?"}
_OTHER = {".": ",", ",": "."}
_NAMES = {".": "point", ",": "comma"}
_WRITTEN = {
    mark: re.compile(
        rf"[+-]?(?:(?:[0-9]+|[1-9][0-9]{{0,2}}(?:{re.escape(other)}[0-9]{{3}})+)"
        rf"(?:{re.escape(mark)}[0-9]*)?|{re.escape(mark)}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    )
    for mark, other in _OTHER.items()
}


class _Cell(NamedTuple):
    """A cell of text: what it says, and the number that it is with each decimal mark."""

    text: str
    readings: dict[str, float]

    @property
    def only(self) -> str | None:
        """The one mark with which the cell is a number; None where both or none do."""
        return next(iter(self.readings)) if len(self.readings) == 1 else None

    @property
    def ambiguous(self) -> bool:
        """Whether the marks give two different numbers, as those of 1,234 do."""
        return len(set(self.readings.values())) == 2

    def groups(self, mark: str) -> bool:
        """Whether the cell, read with this mark, has separators of thousands."""
        return mark in self.readings and _OTHER[mark] in self.text


def read_numbers(
    table: Table, column: str, decimal: str = "auto"
) -> tuple[list[float], list[BadCell]]:
    """Return the numbers of a column, NaN for bad cells, and a `BadCell` for each of these.

    Parameters
    ----------
    table : Table
        Where the column is.
    column : str
        Its name.
    decimal : {"auto", ".", ","}, default="auto"
        Decimal mark of cells of text; "auto" takes that of most cells which can only be read in one
        way. Cells that are numbers in the file (XLSX, Parquet) are taken as they are.

    Returns
    -------
    numbers : list of float, length n
    problems : list of BadCell
        A cell that goes with the other mark is among them, and so is one like 1,234 where no other
        cell shows that the comma groups thousands.

    Raises
    ------
    TableError
        With "auto", all commas may be decimal marks or separate thousands.
    """
    cells = table.column(column)
    texts = {
        row: _read(cell) for row, cell in enumerate(cells) if not isinstance(cell, TypedNumber)
    }
    found = list(texts.values())
    mark = _majority(table, column, texts) if decimal == "auto" else decimal
    grouped = any(cell.only == mark and cell.groups(mark) for cell in found)
    if decimal != "auto" and not any(cell.only == _OTHER[mark] for cell in found):
        grouped = True
    numbers, problems = [], []
    for row, cell in enumerate(cells):
        number, reason = _number(texts[row], mark, grouped) if row in texts else (float(cell), "")
        numbers.append(number if math.isfinite(number) else math.nan)
        if not math.isfinite(number):
            reason = reason or "not a finite number"
            problems.append(BadCell(row, table.lines[row], column, cell.strip(), reason))
    return numbers, problems


def _read(cell: str) -> _Cell:
    """Return a cell of text with its readings."""
    text = cell.strip().replace("\N{MINUS SIGN}", "-")
    readings = {
        mark: float(text.replace(_OTHER[mark], "").replace(mark, "."))
        for mark, written in _WRITTEN.items()
        if written.fullmatch(text)
    }
    return _Cell(text, readings)


def _majority(table: Table, column: str, texts: dict[int, _Cell]) -> str:
    """Return the decimal mark of most cells that have only one reading; else the point."""
    votes = [cell.only for cell in texts.values() if cell.only]
    commas = 2 * votes.count(",") - len(votes)
    if commas:
        return "," if commas > 0 else "."
    for row, cell in texts.items():
        if cell.ambiguous and (votes or "," in cell.text):
            raise TableError(
                f"line {table.lines[row]}, {column}: {cell.text!r} may be a decimal number or "
                "thousands: say which with --decimal , or --decimal ."
            )
    return "."


def _number(cell: _Cell, mark: str, grouped: bool) -> tuple[float, str]:
    """Return a cell of text as a number, or NaN and the reason."""
    if cell.text.casefold() in _MISSING:
        return math.nan, "no value"
    if not cell.readings:
        return math.nan, ""
    if mark in cell.readings and (grouped or not (cell.ambiguous and cell.groups(mark))):
        return cell.readings[mark], ""
    return math.nan, _two_readings(cell, mark)


def _two_readings(cell: _Cell, mark: str) -> str:
    """Return what is said of a cell whose separator is not the decimal mark of its column."""
    other = _OTHER[mark]
    readings = [f"{cell.readings[other]:.15g} with a decimal {_NAMES[other]}"]
    joined = cell.text.replace(other, "").replace(mark, ".")
    if _WRITTEN["."].fullmatch(joined) and other in cell.text:
        readings.append(f"{float(joined):.15g} without the {_NAMES[other]}")
    return (
        f"it may be {' or '.join(readings)}, and the decimal mark of the column is the "
        f"{_NAMES[mark]}: write the one that is meant, or say --decimal"
    )
