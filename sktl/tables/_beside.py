"""Columns beside the material, in tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sktl.tables._findings import Finding
from sktl.tables._numbers import CellRules, read_values
from sktl.tables._table import Table


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

        beside = {each: [cells[row] for row in rows] for each, cells in self.columns.items()}
        frame = pd.DataFrame({self.material or name: pd.Series(X, dtype=object), **beside})
        return frame if self.order is None else frame[list(self.order)]


def read_conditions(
    table: Table, names: Sequence[str], decimal: Literal["auto", ".", ","] = "auto"
) -> BesideColumns:
    """Return columns of a table as numbers or words, whichever most of their cells are.

    Parameters
    ----------
    table : Table
    names : list of str
        The columns.
    decimal : {"auto", ".", ","}, default="auto"
        Decimal mark of numbers that are text.
    """
    found = BesideColumns()
    for name in names:
        values = read_values(table, name, CellRules(decimal=decimal))
        found.columns[name] = list(values.values)
        found.findings += values.findings
    return found
