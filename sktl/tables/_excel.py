"""Sheets of a workbook: every cell as text, and back as text or as a number."""

from __future__ import annotations

import importlib
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

from sktl.exceptions import TableError
from sktl.tables._cells import TypedNumber, as_text
from sktl.tables._header import Page

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_DAMAGED = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)
_MOST_ROWS = 2**20  # of a sheet, in Excel
_MOST_CELLS = 5 * 10**7


def need(module: str, extra: str) -> ModuleType:
    """Return an optional package, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise TableError(f"{extra.upper()} needs {package}: pip install sktl[{extra}]") from error


def read_sheets(path: Path) -> list[Page]:
    """Return the sheets of a workbook; rows of a sheet are of one length.

    Raises
    ------
    TableError
        The file is no workbook, or a sheet has more cells than memory should hold.
    """
    openpyxl = need("openpyxl", "excel")
    try:
        with open(path, "rb") as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            return [_read_sheet(sheet) for sheet in book.worksheets]
    except TableError as error:
        raise TableError(f"{path.name}: {error}") from error
    except _DAMAGED as error:
        raise TableError(f"{path.name} is not XLSX: {error}.") from error


def _read_sheet(sheet: ReadOnlyWorksheet) -> Page:
    if (sheet.max_row or 0) * (sheet.max_column or 0) > _MOST_CELLS:
        raise TableError(f"sheet {sheet.title!r} has cells too far away to be read.")
    sheet.reset_dimensions()  # what a file declares may be too small
    rows: list[list[str]] = []
    width = n_cells = 0
    for values in sheet.iter_rows(values_only=True):
        row = list(map(as_text, values))
        while row and not row[-1]:
            row.pop()
        rows.append(row)
        width, n_cells = max(width, len(row)), n_cells + len(values)
        if len(rows) > _MOST_ROWS or max(n_cells, width * len(rows)) > _MOST_CELLS:
            raise TableError(f"sheet {sheet.title!r} has cells too far away to be read.")
    cells = [row + [""] * (width - len(row)) for row in rows]
    return Page(cells, list(range(1, len(rows) + 1)), sheet.title)


def write_sheet(
    content: BinaryIO, header: Sequence[str], rows: Iterable[Sequence[str | int | float | None]]
) -> None:
    """Write a workbook with one sheet. Text stays text, also where it begins like a formula."""
    openpyxl, cells = need("openpyxl", "excel"), need("openpyxl.cell", "excel")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    errors = need("openpyxl.utils.exceptions", "excel")
    for values in (header, *rows):
        line = []
        for value in values:
            given = float(value) if isinstance(value, TypedNumber) else value
            try:
                cell = cells.WriteOnlyCell(sheet, given)
            except errors.IllegalCharacterError as error:
                raise TableError(f"Got the cell {value!r}, which XLSX cannot hold.") from error
            if isinstance(given, str):
                cell.data_type = "s"
            line.append(cell)
        sheet.append(line)
    book.save(content)
