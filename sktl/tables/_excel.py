"""Sheets of a workbook: every cell as text, and back as text or as a number.

Raised digits stay raised, what is struck out stays so, and a formula without a stored value is the
text of the formula: `lost_value` of cells refuses them.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.etree.ElementTree import Element

from sktl._limits import FREE_CELLS, LARGEST_SETTINGS, MOST_MEMBERS, cells_problem, expanded_problem
from sktl.exceptions import TableError
from sktl.tables._cells import STRUCK, TypedNumber, as_text, check_cells
from sktl.tables._header import Page

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_DAMAGED = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)
_CELLS_OF_ROW = 8  # that an empty row counts for
_READ = (*("xl/workbook.xml", "xl/styles.xml", "xl/_rels/"), "[Content_Types].xml", "docProps/")
_SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ITEM, _INSIDE, _TEXT, _RUN, _LOOK, _PLACE, _STRIKE, _FORMULA, _VALUE = (
    f"{_SPACE}{name}" for name in ("si", "is", "t", "r", "rPr", "vertAlign", "strike", "f", "v")
)
_LITERAL = re.compile(r'"[^"]*"|\\.')  # in a format: 0"%" does not count in per cent
_RAISED = str.maketrans("0123456789+-\N{MINUS SIGN}", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")


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
    need("openpyxl", "excel")
    try:
        with open(path, "rb") as file:
            sizes = _declared(file)
            return [_read_sheet(sheet, sizes) for sheet in _open_book(file).worksheets]
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


def _open_book(file: BinaryIO) -> Workbook:
    """Return a workbook whose texts are those of `_text_of`."""
    reader = need("openpyxl.reader.excel", "excel").ExcelReader(
        file, read_only=True, data_only=True, keep_links=False
    )
    reader.read_strings = functools.partial(_read_texts, reader)
    reader.read()
    return reader.wb


def _read_texts(reader: Any) -> None:
    """Read the texts that cells of a workbook share."""
    part = reader.package.find(need("openpyxl.xml.constants", "excel").SHARED_STRINGS)
    if part is None:
        return
    with reader.archive.open(part.PartName[1:]) as source:
        for _, element in need("openpyxl.xml.functions", "excel").iterparse(source):
            if element.tag == _ITEM:
                reader.shared_strings.append(_text_of(element))
                element.clear()


def _text_of(item: Element) -> str:
    """Return a text: its raised digits raised, other raised text behind ^, and what is struck."""
    parts = [
        (part.text or "") if part.tag == _TEXT else _text_of_run(part)
        for part in item
        if part.tag in (_TEXT, _RUN)
    ]
    return "".join(parts).replace("x005F_", "")


def _text_of_run(run: Element) -> str:
    text, look = run.findtext(_TEXT) or "", run.find(_LOOK)
    if look is None or not text.strip():
        return text
    struck, place = look.find(_STRIKE), look.find(_PLACE)
    if place is not None and place.get("val") == "superscript":
        raised = text.translate(_RAISED)
        text = f"^{text}" if set(raised) & set(text) - {" "} else raised
    if struck is not None and struck.get("val", "1") not in ("0", "false"):
        text = "".join(letter + STRUCK for letter in text)
    return text


def _rows(sheet: ReadOnlyWorksheet) -> Iterator[Sequence[object]]:
    """Yield the values of each row of a sheet; a row that the file leaves out has none."""
    book, before = sheet.parent, 0
    with sheet._get_source() as source:
        parser = need("openpyxl.worksheet._reader", "excel").WorkSheetParser(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        parser.parse_cell = functools.partial(_read_cell, parser.parse_cell, _percent_styles(book))
        for number, cells in parser.parse():
            yield from itertools.repeat((), number - 1 - before)
            row = [None] * max((cell["column"] for cell in cells), default=0)
            for cell in cells:
                row[cell["column"] - 1] = cell["value"]
            if number > before:
                yield row
            before = max(before, number)


class _Percent(float):
    """A number that a workbook shows in per cent."""


def _percent_styles(book: Workbook) -> frozenset[int]:
    """Return the styles of cells that show numbers in per cent."""
    known = need("openpyxl.styles.numbers", "excel")
    first = known.BUILTIN_FORMATS_MAX_SIZE
    formats = known.BUILTIN_FORMATS | dict(enumerate(book._number_formats, first))
    percent = {key for key, text in formats.items() if "%" in _LITERAL.sub("", text)}
    styles = enumerate(book._cell_styles)
    return frozenset(place for place, style in styles if style.numFmtId in percent)


def _read_cell(
    read: Callable[[Element], dict[str, Any]], percents: frozenset[int], element: Element
) -> dict[str, Any]:
    """Return a cell as openpyxl reads it, with what that leaves out."""
    cell = read(element)
    if cell["style_id"] in percents and cell["data_type"] == "n" and cell["value"] is not None:
        cell["value"] = _Percent(cell["value"])
    text = element.find(_INSIDE)
    if text is not None and text.find(_RUN) is not None:
        cell["value"] = _text_of(text)
    formula = element.find(_FORMULA) if cell["value"] is None else None
    if formula is not None and (element.get("t") in (None, "n") or element.find(_VALUE) is None):
        cell["value"] = f"={formula.text or ''}"  # a stored text may be empty
    return cell


def _read_sheet(sheet: ReadOnlyWorksheet, sizes: Mapping[str, int]) -> Page:
    """Return a sheet; `sizes` has the bytes of the parts of the workbook."""
    size = sum(sizes.values())

    def refuse(cells: int) -> None:
        problem = cells_problem(cells, size)
        if problem:
            raise TableError(f"sheet {sheet.title!r}: {problem}: some are too far away.")

    refuse((sheet.max_row or 0) * (sheet.max_column or 0))
    rows: list[list[str]] = []
    shares: dict[int, dict[int, _Percent]] = {}
    width = n_cells = 0
    for values in _rows(sheet):
        for place, value in enumerate(values):
            if isinstance(value, _Percent):
                shares.setdefault(place, {})[len(rows)] = value
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
    _show_percents(cells, shares)
    hidden = sheet.sheet_state != "visible"
    return Page(cells, list(range(1, len(rows) + 1)), sheet.title, hidden=hidden)


def _show_percents(
    cells: Sequence[list[str]], shares: Mapping[int, Mapping[int, _Percent]]
) -> None:
    """Write 0.9 as the text 90%, as the workbook shows it, where its column has other numbers."""
    for place, found in shares.items():
        if sum(isinstance(row[place], TypedNumber) for row in cells) > len(found):
            for row, share in found.items():
                cells[row][place] = f"{100 * share:.12g}%"


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
