"""Columns beside the material, in tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sktl._warnings import warn_caller
from sktl.representations import Fault
from sktl.tables._columns import find_column, split_unit
from sktl.tables._findings import Finding
from sktl.tables._marks import read_marks
from sktl.tables._numbers import CellRules, NamedValues, read_measurements, read_values
from sktl.tables._odd_cells import is_missing
from sktl.tables._table import Table

_FEW = 0.1
"""Share of the cells of a column of numbers that may be anything else."""


@dataclass
class BesideColumns:
    """Columns beside the material, n rows, and what is wrong with their cells.

    Attributes
    ----------
    columns : dict of str to list
        Numbers or words by name; NaN or None where a cell is empty.
    findings : list of Finding
        Cells of columns of numbers that are none.
    material : str or None
        What the column of materials is called where they are joined; None: as in the table.
    order : sequence of str or None
        Names of all columns in the order in which they are joined; None: the materials first.
    """

    columns: dict[str, list[Any]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    material: str | None = None
    order: Sequence[str] | None = None

    def join(self, name: str, X: list[Any], rows: Sequence[int]) -> Any:
        """Return materials with these columns, some of their rows, as an estimator reads them.

        Parameters
        ----------
        name : str
            Of the column of materials.
        X : list
            The materials of these rows.
        rows : list of int
        """
        if not self.columns:
            return X
        import pandas as pd

        beside: dict[str, Any] = {
            each: [cells[row] for row in rows] for each, cells in self.columns.items()
        }
        for each, cells in beside.items():
            if any(isinstance(cell, str) for cell in cells):
                beside[each] = pd.Categorical(cells)  # names, also where they look like numbers
        frame = pd.DataFrame({self.material or name: pd.Series(X, dtype=object), **beside})
        return frame if self.order is None else frame[list(self.order)]


def read_conditions(
    table: Table,
    names: Sequence[str],
    decimal: Literal["auto", ".", ","] = "auto",
    numeric: Mapping[str, bool] | None = None,
) -> BesideColumns:
    """Return columns of a table as numbers or words, and say where words are numbers.

    Parameters
    ----------
    table : Table
    names : list of str
        The columns.
    decimal : {"auto", ".", ","}, default="auto"
        Decimal mark of numbers that are text.
    numeric : dict of str to bool or None, default=None
        Whether a column is of numbers; of others: if most of their cells are.
    """
    found = BesideColumns()
    known = numeric or {}
    for name in names:
        unit = find_column(table, name).unit
        rules = CellRules(decimal, unit=unit)
        values = read_values(table, name, rules, known.get(name))
        if name not in known and not values.numeric:
            _tell_numbers(table, name, values.values)
        elif name not in known and unit is None:
            _tell_words(name, values)
        found.columns[name] = list(values.values)
        found.findings += values.findings
    return found


def find_fitted_columns(model: Any, table: Table) -> dict[str, str]:
    """Return the columns of a table that a model reads beside the material, by its own names.

    Parameters
    ----------
    model : fitted estimator
        Of sktl.
    table : Table
        Where to look. A column whose header has a unit, which the model's has not, gives a warning.

    Raises
    ------
    TableError
        There is no such column, or several.
    """
    if model.conditions_ is None:
        return {}
    found = {name: find_column(table, name) for name in model.conditions_.columns}
    for name, column in found.items():
        if column.unit is not None and column.name != name and split_unit(name)[1] is None:
            warn_caller(
                f"{column.name!r} is taken as {name!r}, which had no unit where the model was "
                f"fitted: make sure that it was in {column.unit} there too."
            )
    return {name: column.name for name, column in found.items()}


def read_fitted_conditions(
    model: Any, table: Table, decimal: Literal["auto", ".", ","] = "auto"
) -> BesideColumns:
    """Return the columns of a table that a model reads beside the material, by its own names.

    Parameters
    ----------
    model : fitted estimator
        Of sktl; its columns of numbers are read as numbers, and others as words.
    table : Table
        n rows.
    decimal : {"auto", ".", ","}, default="auto"
        Decimal mark of numbers that are text.

    Raises
    ------
    TableError
        There is no such column, or several.
    """
    places = find_fitted_columns(model, table)
    if not places:
        return BesideColumns()
    numeric = {places[name]: each for name, each in model.conditions_.numeric.items()}
    found = read_conditions(table, list(places.values()), decimal, numeric)
    columns = {name: found.columns[place] for name, place in places.items()}
    names = getattr(model, "feature_names_in_", None)
    order = None if names is None else names.tolist()
    return BesideColumns(columns, found.findings, model.material_, order)


def _tell_numbers(table: Table, name: str, words: Sequence[Any]) -> None:
    """Warn where some cells of a column of words are numbers."""
    rows = [row for row, word in enumerate(words) if word is not None and read_marks(word).numbers]
    if rows:
        warn_caller(
            f"{name} is taken as words, and {len(rows)} of {len(words)} cells are numbers, such as "
            f"{words[rows[0]]!r} in line {table.lines[rows[0]]}. If it is of numbers, write "
            "numbers alone, and nothing where it is not known."
        )


def _tell_words(name: str, column: NamedValues) -> None:
    """Warn where many cells of a column of numbers may be names, such as those of steels."""
    names = [each for each in column.findings if any(map(str.isalpha, each.value))]
    if len(names) > _FEW * len(column.values):
        warn_caller(
            f"{name} is taken as numbers, and {len(names)} cells are none, such as "
            f"{names[0].value!r} in line {names[0].line}. If its cells are names, such as those of "
            f"steels, say --words {name!r}."
        )


def read_uncertainties(
    table: Table, column: str, decimal: Literal["auto", ".", ","] = "auto"
) -> tuple[list[float], list[Finding]]:
    """Return the standard uncertainties of a column, and a `Finding` for each bad cell.

    Parameters
    ----------
    table : Table
        n rows.
    column : str
        Its name.
    decimal : {"auto", ".", ","}, default="auto"
        Decimal mark of numbers that are text.

    Returns
    -------
    uncertainties : list of float, length n
        NaN where the cell is bad, or says that there is no value.
    problems : list of Finding
        A cell that is no number, or not above zero.
    """
    found = read_measurements(
        table, column, CellRules(decimal, unit=find_column(table, column).unit)
    )
    problems = [each for each in found.findings if not is_missing(each.value)]
    fault = Fault(
        "uncertainty that is not above zero",
        "an uncertainty is above zero",
        "the standard uncertainty, or nothing where it is not known",
    )
    cells, numbers = table.column(column), list(found.numbers)
    for row, number in enumerate(found.numbers):
        if number <= 0:
            numbers[row] = math.nan
            problems.append(Finding(row, table.lines[row], column, cells[row].strip(), fault))
    return numbers, problems


def uncertainty_weights(uncertainties: Sequence[float]) -> list[float]:
    """Return weights of rows from their standard uncertainties.

    Parameters
    ----------
    uncertainties : list of float, length n
        In one unit; NaN where none is stated.

    Returns
    -------
    list of float, length n
        The square of the median uncertainty over that of the row, at most 10 and at least 0.1, so
        that no row decides alone; 1 where none is stated.
    """
    stated = sorted(each for each in uncertainties if math.isfinite(each))
    if not stated:
        return [1.0] * len(uncertainties)
    middle = statistics.median(stated)
    return [
        min(max((middle / each) ** 2, 0.1), 10.0) if math.isfinite(each) else 1.0
        for each in uncertainties
    ]
