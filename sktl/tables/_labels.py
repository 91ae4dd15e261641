"""Columns of class labels: told from numbers where that is without doubt, and read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sktl.tables._findings import Finding
from sktl.tables._odd_cells import is_blank, lost_value, odd_cell
from sktl.tables._table import Table

_UNKNOWN = "unknown"  # which may be a class
_NUMBER_LIKE = re.compile(r"[<>~=\u2248\u00b1]?\s*[-+\u2212]?[.,]?[0-9]")
_FALSE_OR_TRUE = {"0", "1"}
_MOST = 20
_FEWEST_ROWS = 5  # of a class, on average


def are_labels(cells: Sequence[str]) -> bool:
    """Return whether the cells of a column are class labels without doubt.

    They are if each is text that does not begin as a number does, or if all are 0 and 1, and if
    there are few distinct ones: at most 20, each in five rows on average.

    Parameters
    ----------
    cells : sequence of str, length n

    Returns
    -------
    bool
    """
    texts = [cell.strip() for cell in cells if not _is_missing(cell)]
    distinct = set(texts)
    if not 2 <= len(distinct) <= min(_MOST, len(texts) / _FEWEST_ROWS):
        return False
    return distinct == _FALSE_OR_TRUE or not any(map(_NUMBER_LIKE.match, distinct))


def read_labels(table: Table, column: str) -> tuple[list[str], list[Finding]]:
    """Return the labels of a column, and a `Finding` for each row without one.

    Cells that say in words that there is no value, such as n.d., are no labels; "none" and
    "unknown" are.

    Parameters
    ----------
    table : Table
        n rows.
    column : str
        Its name.

    Returns
    -------
    labels : list of str, length n
    problems : list of Finding
    """
    cells = table.column(column)
    problems = [
        Finding(row, table.lines[row], column, cell, odd_cell(cell, ".").fault)
        for row, cell in enumerate(cells)
        if _is_missing(cell)
    ]
    return [str(cell).strip() for cell in cells], problems


def _is_missing(cell: str) -> bool:
    return bool(lost_value(cell)) or (is_blank(cell) and cell.strip().casefold() != _UNKNOWN)
