"""Sheets of a workbook: every cell as text, and back as text or as a number."""

from __future__ import annotations

import importlib
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

from sktl._limits import FREE_CELLS, LARGEST_SETTINGS, MOST_MEMBERS, cells_problem, expanded_problem
from sktl.exceptions import TableError
from sktl.tables._cells import TypedNumber, as_text, check_cells
from sktl.tables._header import Page

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_DAMAGED = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)
_CELLS_OF_ROW = 8  # that an empty row counts for
_READ = (*("xl/workbook.xml", "xl/styles.xml", "xl/_rels/"), "[Content_Types].xml", "docProps/")


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
            sizes = _declared(file)
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            return [_read_sheet(sheet, sizes) for sheet in book.worksheets]
    except TableError as error:
        raise TableError(f"{path.name}: {error}") from error
    except _DAMAGED as error:
        raise TableError(f"{path.name} is not XLSX: {error}.") from error


def _declared(file: BinaryIO) -> dict[str, int]:
    """Return the unpacked size of each part of a workbook, which is all that is ever unpacked.

    Raises
    ------
    TableError
        It is too large for what the file is.
    """
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    size = file.seek(0, 2)
    file.seek(0)
    problem = expanded_problem(sum(member.file_size for member in members), size)
    if len(members) > MOST_MEMBERS:
        problem = f"it has {len(members):,} parts, expected at most {MOST_MEMBERS:,}"
    for member in members:
        if member.filename.startswith(_READ) and member.file_size > LARGEST_SETTINGS:
            problem = (
                f"its part {member.filename!r} has {member.file_size:,} bytes, expected at most "
                f"{LARGEST_SETTINGS:,}"
            )
    if problem:
        raise TableError(f"{problem}.")
    return {member.filename: member.file_size for member in members}


def _read_sheet(sheet: ReadOnlyWorksheet, sizes: Mapping[str, int]) -> Page:
    """Return a sheet; `sizes` has the bytes of the parts of the workbook."""
    size = sum(sizes.values())

    def refuse(cells: int) -> None:
        problem = cells_problem(cells, size)
        if problem:
            raise TableError(f"sheet {sheet.title!r}: {problem}: some are too far away.")

    refuse((sheet.max_row or 0) * (sheet.max_column or 0))
    sheet.reset_dimensions()  # what a file declares may be too small
    rows: list[list[str]] = []
    width = n_cells = 0
    for values in sheet.iter_rows(values_only=True):
        row = list(map(as_text, values))
        while row and not row[-1]:
            row.pop()
        rows.append(row)
        width, n_cells = max(width, len(row)), n_cells + max(len(values), _CELLS_OF_ROW)
        if max(n_cells, width * len(rows)) > FREE_CELLS:
            refuse(max(n_cells, width * len(rows)))
        if row:
            check_cells(row, sheet.title)
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
