"""Columns of numbers, each read as it was written or refused with its readings.

A separator is taken out of a number only where it groups thousands as it should. A cell that the
rest of its column contradicts is refused, and its readings are named.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, NamedTuple

from sktl.exceptions import InputError, TableError
from sktl.representations import Fault
from sktl.tables._cells import TypedNumber
from sktl.tables._findings import Finding
from sktl.tables._marks import (
    MARK_NAMES,
    OTHER_MARK,
    WRITTEN,
    Readings,
    majority,
    read_marks,
    votes,
)
from sktl.tables._odd_cells import (
    FORMULA,
    TWO_MARKS,
    OddCell,
    is_blank,
    is_missing,
    lost_value,
    odd_cell,
)
from sktl.tables._table import Table

_WHOLE_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ]|$)")
_WRITE_DATE = "a number, such as days since the first, or leave the column out"
_PARTED = re.compile(r"\s*[+-]?[0-9]+\s*,\s*[0-9]+\s*")
_MOST_PARTED = 0.9
_MOST_LOOKED_AT = 1000  # cells, to tell numbers from words
_CHOICES = {
    "decimal": ("auto", ".", ","),
    "censored": ("refuse", "bound", "drop"),
    "uncertain": ("refuse", "value", "weight"),
    "ranges": ("refuse", "middle", "drop"),
}
_OPTIONS = {"limit": "censored", "uncertain": "uncertain", "range": "ranges"}


class UndecidedMark(TableError):
    """All commas of a column may be decimal marks or separate thousands.

    Attributes
    ----------
    findings : list of Finding
        The cells in doubt.
    """

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = list(findings)


@dataclass(frozen=True)
class CellRules:
    """How the cells of a column of numbers are read.

    Attributes
    ----------
    decimal : {"auto", ".", ","}, default="auto"
        Decimal mark of cells of text; "auto" takes that of most cells which can only be read in one
        way. Cells that are numbers in the file (XLSX, Parquet) are taken as they are.
    censored : {"refuse", "bound", "drop"}, default="refuse"
        Cells like <0.1: refused, read as a limit, or left out.
    uncertain : {"refuse", "value", "weight"}, default="refuse"
        Cells like 3.4(1), 2.4±0.1 or ~3.4: refused; their value is read; or their value and
        their uncertainty are, and then ~3.4, which states none, is refused.
    ranges : {"refuse", "middle", "drop"}, default="refuse"
        Cells like 7.6-7.8: refused, read as their middle, or left out.
    unit : str or None, default=None
        Unit of the column: a cell that states the same unit has one reading without it.

    Raises
    ------
    InputError
        A rule has another value.
    """

    decimal: Literal["auto", ".", ","] = "auto"
    censored: Literal["refuse", "bound", "drop"] = "refuse"
    uncertain: Literal["refuse", "value", "weight"] = "refuse"
    ranges: Literal["refuse", "middle", "drop"] = "refuse"
    unit: str | None = None

    def __post_init__(self) -> None:
        for rule in fields(self):
            given = getattr(self, rule.name)
            if rule.name in _CHOICES and given not in _CHOICES[rule.name]:
                raise InputError(
                    f"Got {rule.name}={given!r}, expected one of {_CHOICES[rule.name]}."
                )


class Measurements(NamedTuple):
    """What a column of n numbers says.

    Attributes
    ----------
    numbers : list of float, length n
        NaN for cells that cannot be used or are left out; of a limit the limit.
    uncertainties : list of float, length n
        Standard uncertainty, in the unit of the number; NaN where none is stated or wanted.
    sides : list of int, length n
        -1: at most the number; 1: at least; 0: the number.
    findings : list of Finding
        One for each cell that cannot be used.
    left_out : list of Finding
        One for each cell that a rule leaves out.
    """

    numbers: list[float]
    uncertainties: list[float]
    sides: list[int]
    findings: list[Finding]
    left_out: list[Finding]


def read_numbers(
    table: Table, column: str, decimal: Literal["auto", ".", ","] = "auto"
) -> tuple[list[float], list[Finding]]:
    """Return the numbers of a column, NaN for bad cells, and a `Finding` for each of these.

    Parameters
    ----------
    table : Table
        Where the column is.
    column : str
        Its name.
    decimal : {"auto", ".", ","}, default="auto"
        As in `CellRules`.

    Returns
    -------
    numbers : list of float, length n
    problems : list of Finding
        A cell that goes with the other mark is among them, and so is one like 1,234 where no other
        cell shows that the comma groups thousands.

    Raises
    ------
    TableError
        With "auto", all commas may be decimal marks or separate thousands.

    See Also
    --------
    read_measurements : The same, with limits, uncertainties and ranges.
    """
    found = read_measurements(table, column, CellRules(decimal))
    return found.numbers, found.findings


def read_measurements(table: Table, column: str, rules: CellRules | None = None) -> Measurements:
    """Return what a column of numbers says.

    Parameters
    ----------
    table : Table
        Where the column is.
    column : str
        Its name.
    rules : CellRules or None, default=None
        How cells are read that are no plain numbers; None refuses them.

    Returns
    -------
    Measurements

    Raises
    ------
    TableError
        As in `read_numbers`.
    """
    rules = rules or CellRules()
    cells = table.column(column)
    texts = {
        row: read_marks(cell) for row, cell in enumerate(cells) if not isinstance(cell, TypedNumber)
    }
    sure = _decide(table, column, texts) if rules.decimal == "auto" else rules.decimal
    mark = sure or "."
    found = list(texts.values())
    grouped = any(cell.only == mark and cell.groups(mark) for cell in found)
    if rules.decimal != "auto" and not any(cell.only == OTHER_MARK[mark] for cell in found):
        grouped = True
    made = Measurements([], [], [], [], [])
    parted = _parted(table, column)
    for row, cell in enumerate(cells):
        number = _number(texts[row], mark, grouped) if row in texts else float(cell)
        if row in parted:
            read = _Read(math.nan, fault=parted[row])
        elif number is None:
            read = _apply(rules, _odd(texts[row], mark, rules.unit, sure is None))
        elif not math.isfinite(number):
            read = _apply(rules, odd_cell(cell, mark))
        else:
            read = _Read(number)
        made.numbers.append(read.number)
        made.uncertainties.append(read.spread)
        made.sides.append(read.side)
        if read.fault is not None:
            finding = Finding(row, table.lines[row], column, cell.strip(), read.fault)
            (made.left_out if read.dropped else made.findings).append(finding)
    return made


class _Read(NamedTuple):
    """What the rules make of a cell; with a fault it is refused, or dropped."""

    number: float
    spread: float = math.nan
    side: int = 0
    fault: Fault | None = None
    dropped: bool = False


def _apply(rules: CellRules, odd: OddCell) -> _Read:
    """Return what the rules make of a cell that is no plain number."""
    rule = getattr(rules, _OPTIONS[odd.role]) if odd.role else "refuse"
    if rule in ("refuse", "drop") or (rule == "weight" and math.isnan(odd.spread)):
        return _Read(math.nan, fault=odd.fault, dropped=rule == "drop")
    return _Read(odd.value, odd.spread if rule == "weight" else math.nan, odd.side)


def _parted(table: Table, column: str) -> dict[int, Fault]:
    """Return what is said of rows where a decimal comma may have parted a number into two cells.

    They have digits in a column without a name, behind whole numbers.
    """
    place = table.header.index(column) + 1
    commas = table.dialect is not None and table.dialect.delimiter == ","
    if not commas or table.header[place : place + 1] != ("",):
        return {}
    pairs = {row: cells[place - 1 : place + 1] for row, cells in enumerate(table.cells)}
    pairs = {row: pair for row, pair in pairs.items() if len(pair) == 2 and pair[1].strip()}
    whole = [pair for pair in pairs.values() if _PARTED.fullmatch(",".join(pair))]
    if len(whole) < _MOST_PARTED * len(pairs):
        return {}
    return {row: _parted_fault(*map(str.strip, pair)) for row, pair in pairs.items()}


def _parted_fault(whole: str, digits: str) -> Fault:
    looks = f"it may be '{whole},{digits}', which is two cells of a comma-separated file"
    write = (
        f"'{whole}.{digits}', or '\"{whole},{digits}\"' in quotes, or a name for the next column"
    )
    return Fault("decimal comma between cells", looks, write)


class NamedValues(NamedTuple):
    """A column that may be of numbers or of words.

    Attributes
    ----------
    numeric : bool
        Whether most of its cells are numbers.
    values : list of float or list of (str or None), length n
        NaN or None where the cell is missing, or cannot be used.
    findings : list of Finding
        Cells of a column of numbers that are neither missing nor a number.
    """

    numeric: bool
    values: list[float] | list[str | None]
    findings: list[Finding]


def read_values(
    table: Table, column: str, rules: CellRules | None = None, numeric: bool | None = None
) -> NamedValues:
    """Return a column as numbers or as words.

    Parameters
    ----------
    table : Table
        Where the column is.
    column : str
        Its name.
    rules : CellRules or None, default=None
        How numbers are read.
    numeric : bool or None, default=None
        Whether it is of numbers; None: if most of its cells are.

    Returns
    -------
    NamedValues
        Words are stripped of space. A cell that is empty, or says that there is no value, such as
        n/a or -, is missing; "none" is a word, since it may mean that nothing was done. Words have
        a finding where they are a date, or have lost their value in a spreadsheet.

    Raises
    ------
    TableError
        As in `read_numbers`.
    """
    cells = [cell.strip() for cell in table.column(column)]
    if is_numeric(table, column) if numeric is None else numeric:
        found = read_measurements(table, column, rules)
        findings = [each for each in found.findings if not is_missing(each.value)]
        return NamedValues(True, found.numbers, findings)
    bad = [
        Finding(row, table.lines[row], column, cell, fault)
        for row, cell in enumerate(cells)
        if (fault := _no_word(cell))
    ]
    return NamedValues(False, [None if is_blank(cell) else cell for cell in cells], bad)


def _no_word(cell: str) -> Fault | None:
    """Return why a cell cannot be used as a word, None if it can."""
    date = Fault("date", "it is a date", _WRITE_DATE) if _WHOLE_DATE.match(cell) else None
    return date or lost_value(cell)


def is_numeric(table: Table, column: str) -> bool:
    """Tell whether most cells of a column that are not missing say a number, however written."""
    cells = table.column(column)
    filled = [cell for cell in cells if not is_missing(cell)]
    filled = filled[:: -(-len(filled) // _MOST_LOOKED_AT) or 1]
    return 2 * sum(map(_says_number, filled)) > len(filled)


def _says_number(cell: str) -> bool:
    if isinstance(cell, TypedNumber) or read_marks(cell).numbers:
        return True
    odd = [odd_cell(cell, mark) for mark in ".,"]
    kinds = ("with a unit", "power of ten", FORMULA)
    return any(each.role or each.fault.kind in kinds for each in odd)


def _decide(table: Table, column: str, texts: dict[int, Readings]) -> Literal[".", ","] | None:
    """Return the decimal mark of most cells that have only one reading, None where none has.

    Cells like 1.234 alone are in doubt where other columns have decimal commas.
    """
    marks = votes(texts.values())
    mark = majority(marks)
    if mark is not None:
        return "," if mark == "," else "."
    doubtful = {row: cell for row, cell in texts.items() if cell.ambiguous}
    either = bool(doubtful) and (bool(marks) or table.has_commas)
    if either or any("," in cell.text for cell in doubtful.values()):
        findings = [
            Finding(row, table.lines[row], column, cell.text, _two_readings(cell, "."))
            for row, cell in doubtful.items()
        ]
        first = next(each for each in findings if either or "," in each.value)
        raise UndecidedMark(
            f"line {first.line}, {column}: {first.value!r} may be a decimal number or "
            "thousands: say which with --decimal , or --decimal .",
            findings,
        )
    return None


def _number(cell: Readings, mark: str, grouped: bool) -> float | None:
    """Return a cell of text as a number, None if it is none in this column."""
    if mark in cell.numbers and (grouped or not (cell.ambiguous and cell.groups(mark))):
        return cell.numbers[mark]
    return None


def _odd(cell: Readings, mark: str, unit: str | None, unsure: bool) -> OddCell:
    """Return what a cell says; where its column does not tell the mark, 1.200 is no repair."""
    if cell.numbers:
        return OddCell(_two_readings(cell, mark))
    odd = odd_cell(cell.text, mark, unit)
    repair = read_marks(odd.fault.repair or "")
    if unsure and repair.ambiguous:
        write = " or ".join(f"'{number:.15g}'" for number in repair.numbers.values())
        return odd._replace(fault=replace(odd.fault, write=write, repair=None))
    return odd


def _two_readings(cell: Readings, mark: str) -> Fault:
    """Return what is said of a cell whose separator is not the decimal mark of its column."""
    other = OTHER_MARK[mark]
    readings = [f"{cell.numbers[other]:.15g} with a decimal {MARK_NAMES[other]}"]
    joined = cell.text.replace(other, "").replace(mark, ".")
    if "e" not in joined.casefold() and WRITTEN["."].fullmatch(joined) and other in cell.text:
        readings.append(f"{float(joined):.15g} without the {MARK_NAMES[other]}")
    looks = (
        f"it may be {' or '.join(readings)}, and the decimal mark of the column is the "
        f"{MARK_NAMES[mark]}"
    )
    return Fault(TWO_MARKS, looks, "the one that is meant, or say --decimal")
