"""Find columns, and formulas in their cells, with a reason for every bad one."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from sktl._echo import shown
from sktl.exceptions import FormulaError, TableError
from sktl.representations import (
    FORMULA_NAMES,
    SYMBOLS,
    Fault,
    from_weight_percent,
    judge_formula,
    parse_formulas,
    unsaid_fault,
)
from sktl.tables._findings import Finding
from sktl.tables._odd_cells import lost_value
from sktl.tables._table import Table

FILE_NAMES = ("file", "filename", "file name", "structure")
BLOCK_NAMES = ("structure", "block", "id", "name")

_UNIT = re.compile(r"^(?P<name>.*?)\s*[(\[](?P<unit>[^()\[\]]*)[)\]]$")
_DATE = re.compile(r"([0-9]{2,4})-(0[1-9]|1[0-2])-([0-3][0-9])(?:[ T]00:00:00)?")
_MONTHS = {"02": "Feb", "09": "Sep", "11": "Nov"}  # which are also symbols of elements


class Column(NamedTuple):
    """A column by its whole name, by its title without the unit, and the unit, or None."""

    name: str
    title: str
    unit: str | None


def find_column(table: Table, wanted: str) -> Column:
    """Return the column that a user means.

    Parameters
    ----------
    table : Table
        Where to look.
    wanted : str
        The name, in whatever case, with or without a unit in brackets: "gap" finds "Gap (eV)". A
        unit has to be the same to the letter: meV is not MeV.

    Returns
    -------
    Column

    Raises
    ------
    TableError
        There is no such column, or several.
    """
    found = _called(table.header, wanted)
    if len(found) == 1:
        return found[0]
    names = [column.name for column in found]
    if len(set(names)) == 1:
        raise TableError(
            f"Got the column names {list(table.header)}, expected one {names[0]!r}: names must be "
            "all different where they are used."
        )
    if found:
        raise TableError(f"Got column={wanted!r}, which may be any of {names}.")
    titles = {title.casefold(): name for name in table.header if (title := split_unit(name)[0])}
    title, unit = split_unit(wanted.strip())
    near = difflib.get_close_matches(title.casefold(), titles, n=1)
    hint = f" Did you mean {titles[near[0]]!r}?" if near else ""
    if unit and near == [title.casefold()]:
        hint = (
            f" {titles[near[0]]!r} does not say that it is in {unit}: where it is, rename it to "
            f"{wanted.strip()!r}, and else convert it."
        )
    raise TableError(f"Got column={wanted!r}, expected one of {list(table.header)}.{hint}")


def names_column(header: Iterable[str], wanted: Iterable[str]) -> bool:
    """Return whether a header has a column, or several, with one of the names that are wanted."""
    header = list(header)
    return any(_called(header, name) for name in wanted)


def _called(header: Iterable[str], wanted: str) -> list[Column]:
    """Return the columns that a name may mean: the whole name goes before the title."""
    columns = [_column(name) for name in header if name]
    return [column for column in columns if column.name == wanted] or _alike(columns, wanted)


def _alike(columns: Sequence[Column], wanted: str) -> list[Column]:
    """Return the columns with a title in whatever case, and with the unit, if one is wanted.

    Those that have no unit themselves go before others, where none is wanted.
    """
    title, unit = _column(wanted.strip())[1:]
    titled = [column for column in columns if column.title.casefold() == title.casefold()]
    return [column for column in titled if column.unit == unit] or (titled if unit is None else [])


def find_formulas(table: Table, wanted: str | None = None) -> str:
    """Return the name of the column of formulas.

    Parameters
    ----------
    table : Table
        Where to look.
    wanted : str, optional
        As the user names it; if not given, the one column named like `FORMULA_NAMES`.

    Raises
    ------
    TableError
        There is no such column, or several.
    """
    if wanted is not None:
        return find_column(table, wanted).name
    return _find_usual(table, FORMULA_NAMES, "the formulas: --formula COLUMN")


def find_files_column(table: Table) -> str:
    """Return the name of the column of names of files: the one named like `FILE_NAMES`.

    Raises
    ------
    TableError
        There is no such column, or several.
    """
    return _find_usual(table, FILE_NAMES, "the names of the files: --file COLUMN")


def find_blocks_column(table: Table) -> str:
    """Return the name of the column of names of crystals: the first that is in `BLOCK_NAMES`.

    Raises
    ------
    TableError
        There is no such column.
    """
    for name in BLOCK_NAMES:
        with contextlib.suppress(TableError):
            return find_column(table, name).name
    raise TableError(f"Say which column names the crystals, one of {list(table.header)}: --file.")


def _find_usual(table: Table, names: Iterable[str], what: str) -> str:
    """Return the only column that has one of the usual names."""
    columns = [_column(name) for name in table.header if name]
    found = [column.name for name in names for column in _alike(columns, name)]
    if len(found) != 1:
        raise TableError(f"Say which column has {what}, one of {list(table.header)}.")
    return found[0]


def formula_problems(
    table: Table,
    column: str,
    elements: Collection[int] | None = None,
    weight_percent: bool = False,
) -> list[Finding]:
    """Return a `Finding` for each cell of a column that cannot be used as a formula.

    Parameters
    ----------
    table : Table
        Where the column is.
    column : str
        Its name.
    elements : collection of int or None, default=None
        Atomic numbers that may be there; None for any.
    weight_percent : bool, default=False
        Refuse alloys as Cu70Zn30, which do not say what their numbers count.

    Returns
    -------
    list of Finding
    """
    cells = [cell.strip() for cell in table.column(column)]
    distinct, bad = list(dict.fromkeys(cells)), {}
    try:
        parse_formulas(distinct)
    except FormulaError as error:
        bad = {distinct[row]: _fault(distinct[row]) for row in error.rows}
    if weight_percent:
        bad = {cell: fault for cell in distinct if (fault := unsaid_fault(cell))} | bad
    faults = {row: bad[cell] for row, cell in enumerate(cells) if cell in bad}
    if elements is not None:
        faults |= _unknown_elements(cells, faults, elements)
    return [
        Finding(row, table.lines[row], column, cells[row], faults[row]) for row in sorted(faults)
    ]


def convert_alloys(table: Table, column: str) -> Table:
    """Return a table whose alloys in per cent by weight, as Ti-6Al-4V, are formulas of atoms."""
    table.column(column)  # there is one
    place = table.header.index(column)
    cells = [list(row) for row in table.cells]
    for row in cells:
        formula = from_weight_percent(row[place].strip()) if place < len(row) else None
        row[place : place + 1] = [formula] if formula else row[place : place + 1]
    return replace(table, cells=cells)


def _unknown_elements(
    cells: list[str], bad: Collection[int], elements: Collection[int]
) -> dict[int, Fault]:
    """Return what is wrong with each formula, the bad ones aside, that holds another element."""
    rows = [row for row in range(len(cells)) if row not in bad]
    if not rows:
        return {}
    batch = parse_formulas([cells[row] for row in rows])
    found: dict[int, list[str]] = {}
    for entry in (entry for entry, z in enumerate(batch.numbers) if z not in elements):
        found.setdefault(rows[batch.rows[entry]], []).append(SYMBOLS[batch.numbers[entry] - 1])
    return {row: unknown_elements(names) for row, names in found.items()}


def unknown_elements(symbols: Iterable[str]) -> Fault:
    """Return what is said of a material with elements that the source never saw."""
    names = ", ".join(symbols)
    return Fault("element that the source does not know", f"the source does not know {names}")


def row_problems(table: Table, found: Iterable[Finding]) -> list[Finding]:
    """Return why rows cannot be used, in the order of the rows.

    Parameters
    ----------
    table : Table
        Whose rows are blank, or have more or fewer cells than the header, cannot be used.
    found : list of Finding
        Bad cells of the columns that are needed; those of such rows are left out.
    """
    problems = bad_rows(table)
    broken = {problem.row for problem in problems}
    problems += [problem for problem in found if problem.row not in broken]
    return sorted(problems, key=lambda problem: problem.row)


def usable_rows(table: Table, problems: Iterable[Finding]) -> list[int]:
    """Return the rows, ascending, that have no problem."""
    return sorted(set(range(len(table))) - {problem.row for problem in problems})


def skipped_rows(table: Table, problems: Iterable[Finding]) -> Table:
    """Return the rows that have problems as a table, with their line and the reasons.

    It is written as plain CSV, whatever the table was.
    """
    reasons: dict[int, list[str]] = {}
    for problem in problems:
        reasons.setdefault(problem.row, []).append(f"{problem.column}: {problem.reason}")
    rows, width = sorted(reasons), len(table.header)
    skipped = table.take(rows)
    cells = [(row + [""] * width)[:width] for row in skipped.cells]
    columns = {
        "line": [str(line) for line in skipped.lines],
        "reason": ["; ".join(reasons[row]) for row in rows],
    }
    return replace(skipped, cells=cells, dialect=None).with_columns(columns)


def bad_rows(table: Table) -> list[Finding]:
    """Return a `Finding` for each row that is blank or has more or fewer cells than the header."""
    width, problems = len(table.header), []
    for row, cells in enumerate(table.cells):
        if not any(cell.strip() for cell in cells):
            fault = Fault("blank row", "blank")
            problems.append(Finding(row, table.lines[row], "whole row", "", fault))
        elif len(cells) != width:
            fault = Fault("row of another length", f"{len(cells)} cells, the header has {width}")
            problems.append(Finding(row, table.lines[row], "whole row", ",".join(cells), fault))
    return problems


def _column(name: str) -> Column:
    """Return a column by its name; title and unit are as a line shows them."""
    title, unit = split_unit(name)
    return Column(name, shown(title), unit and shown(unit))


def split_unit(name: str) -> tuple[str, str | None]:
    """Return the title of a column, and its unit in brackets, or None."""
    found = _UNIT.match(name)
    return (found["name"], found["unit"].strip() or None) if found else (name, None)


def _fault(formula: str) -> Fault:
    date = _DATE.fullmatch(formula)
    if date:
        return _fault_of_date(*date.groups())
    lost = lost_value(formula) or judge_formula(formula)
    return lost or Fault("not a formula", "not a formula")


def _fault_of_date(year: str, month: str, day: str) -> Fault:
    """Return what is said of a date, as a workbook stores what was FeB3 or, with a year, FeB50."""
    if month not in _MONTHS:
        return Fault("date", "it is a date")
    whole_month = day == "01" and int(year[-2:]) > 28  # more days than February has
    return _fault(f"{_MONTHS[month]}-{year[-2:]}" if whole_month else f"{day}-{_MONTHS[month]}")
