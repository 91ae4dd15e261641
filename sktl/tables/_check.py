"""Check a table: every cell that cannot be used, and the repairs that have one reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sktl.tables._columns import find_column, row_problems
from sktl.tables._findings import Finding
from sktl.tables._numbers import (
    CellRules,
    UndecidedMark,
    is_numeric,
    read_measurements,
)
from sktl.tables._table import Table


def check_table(
    table: Table,
    found: Iterable[Finding] = (),
    targets: Sequence[str] | None = None,
    rules: CellRules | None = None,
    *,
    besides: Iterable[str] = (),
) -> list[Finding]:
    """Return every cell that cannot be used, or has two readings, in the order of the rows.

    Parameters
    ----------
    table : Table
        What is checked.
    found : list of Finding, default=()
        What `formula_problems` or `read_structures` said of the materials.
    targets : list of str or None, default=None
        Columns of numbers, all of whose cells are needed. None: every column of which most cells
        are numbers; there a cell may be empty.
    rules : CellRules or None, default=None
        How numbers are read; a unit that they do not state is that of the header.
    besides : iterable of str, default=()
        Columns that are no numbers: that of the materials.

    Returns
    -------
    list of Finding
    """
    findings = list(found)
    names = targets
    if names is None:
        once = [name for name in table.header if name and table.header.count(name) == 1]
        names = [name for name in once if name not in besides and is_numeric(table, name)]
    for name in names:
        more = _number_problems(table, name, rules)
        findings += [each for each in more if targets is not None or each.value]
    return row_problems(table, findings)


def repair_table(table: Table, findings: Iterable[Finding]) -> tuple[Table, list[Finding]]:
    """Return a table with the repairs that have exactly one reading, and which these are.

    Parameters
    ----------
    table : Table
    findings : list of Finding
        What `check_table` returned for it.

    Returns
    -------
    repaired : Table
    repairs : list of Finding
        Those with a ``repair``.
    """
    cells = [list(row) for row in table.cells]
    repairs = [finding for finding in findings if finding.repair is not None]
    for finding in repairs:
        cells[finding.row][table.header.index(finding.column)] = finding.repair or ""
    return replace(table, cells=cells), repairs


def _number_problems(table: Table, name: str, rules: CellRules | None) -> list[Finding]:
    rules = rules or CellRules()
    rules = replace(rules, unit=rules.unit or find_column(table, name).unit)
    try:
        return read_measurements(table, name, rules).findings
    except UndecidedMark as error:
        return error.findings
