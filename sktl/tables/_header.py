"""Where a table begins: which sheet, which row has the names of the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sktl.exceptions import TableError

if TYPE_CHECKING:
    from sktl.tables._text import Dialect

MOST_HEADER_LINES = 100
_SAY = "say which with --sheet and --header-row"


class Page(NamedTuple):
    """What a table may be in: a sheet, or the text of a file split in one way."""

    rows: list[list[str]]
    lines: list[int]
    sheet: str | None = None
    dialect: Dialect | None = None
    hidden: bool = False

    def place(self, row: int) -> str:
        """Return where a row is, in words."""
        hidden = "hidden " if self.hidden else ""
        sheet = "" if self.sheet is None else f"{hidden}sheet {self.sheet!r}, "
        return f"{sheet}row {self.lines[row]}"


def find_header(
    readings: Iterable[Sequence[Page]],
    name: str,
    header_row: int | None,
    wanted: Callable[[tuple[str, ...]], bool] | None,
) -> tuple[Page, int]:
    """Return the page of a table and the place of its header among the rows of the page.

    Parameters
    ----------
    readings : iterable of list of Page
        Pages of a file; the next ones are tried where none of these has what is wanted.
    name : str
        The file, for messages.
    header_row : int or None
        Row of the header in the file, from 1, where the user says it.
    wanted : callable or None
        Whether a row names the columns that are needed. None: the first row that is not blank.

    Raises
    ------
    TableError
        Several rows may be the header, or there is none.
    """
    usual = None
    for pages in readings:
        starts = [(page, rows) for page in pages if (rows := _starts(page, header_row))]
        first = [(page, rows[0]) for page, rows in starts]
        usual = usual or next((each for each in first if _has_rows(*each)), None)
        usual = usual or next(iter(first), None)
        if wanted is None:
            break
        found = [(page, row) for page, rows in starts for row in _named(page, rows, wanted)]
        if len(found) > 1:
            places = "; ".join(page.place(row) for page, row in found)
            raise TableError(f"{name} has several tables with these columns: {places}: {_SAY}.")
        if found:
            return found[0]
    if usual is None:
        wrong = "is empty" if header_row is None else f"has no row {header_row}"
        raise TableError(f"{name} {wrong}, expected a header and rows.")
    return usual


def names_of(cells: Iterable[str]) -> tuple[str, ...]:
    """Return the names of columns; some may be empty or the same."""
    return tuple(cell.strip() for cell in cells)


def is_blank(row: Iterable[str]) -> bool:
    """Return whether a row has no text."""
    return not any(map(str.strip, row))


def fitted(row: list[str], header: Sequence[str]) -> list[str]:
    """Return a row with a cell for each column, where empty cells are all that is in the way.

    Empty cells beyond the header are left out; of columns without a name at the end, they are
    added.
    """
    width = stop = len(header)
    if len(row) > width:
        stop = len(row)
        while stop > width and not row[stop - 1].strip():
            stop -= 1
        row = row[:stop]
    if len(row) < width and row and not any(header[len(row) :]):
        return row + [""] * (width - len(row))
    return row


def _has_rows(page: Page, header: int) -> bool:
    return not all(map(is_blank, page.rows[header + 1 :]))


def _starts(page: Page, header_row: int | None) -> list[int]:
    """Return the rows that may be the header of a page, the usual one first."""
    start = page.rows[:MOST_HEADER_LINES] if header_row is None else page.rows
    rows = [row for row, cells in enumerate(start) if not is_blank(cells)]
    if header_row is not None:
        return [row for row in rows if page.lines[row] == header_row]
    filled = [sum(map(bool, names_of(page.rows[row]))) for row in rows]
    most = 0
    found = []
    for row, n in zip(rows, filled, strict=True):
        if n > most:  # what stands above a header is narrower: a title, a date
            found.append(row)
            most = n
    return found


def _named(
    page: Page, rows: Sequence[int], wanted: Callable[[tuple[str, ...]], bool]
) -> Sequence[int]:
    """Return those rows that have the names which are wanted; the first row alone if it has."""
    found = [row for row in rows if wanted(names_of(page.rows[row])) and _has_rows(page, row)]
    return found[:1] if found and found[0] == rows[0] else found
