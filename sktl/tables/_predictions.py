"""Predictions for the rows of a table: which columns are added, and which rows cannot be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

import numpy as np

from sktl._types import MaterialsLike, NewCells
from sktl.exceptions import InputError, UnseenElementError
from sktl.representations import parse_formula
from sktl.tables._beside import BesideColumns
from sktl.tables._columns import formula_problems, row_problems, unknown_elements, usable_rows
from sktl.tables._findings import Finding
from sktl.tables._table import Table

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core import Structure

REASON = "reason"
"""The column that says why a row has no prediction."""

_OF_THE_TARGET = ("prediction", "standard_deviation", "interval_low", "interval_high")

ColumnKind: TypeAlias = Literal["float", "text"]


class ScreeningModel(Protocol):
    """A fitted model that predicts with `screen`."""

    def screen(self, X: MaterialsLike, coverage: float | None, progress: bool) -> pd.DataFrame: ...


def predict_table(
    model: ScreeningModel,
    table: Table,
    column: str,
    kinds: Mapping[str, ColumnKind],
    *,
    materials: tuple[Sequence[str | Structure | None], list[Finding]] | None = None,
    beside: BesideColumns | None = None,
    coverage: float | None = 0.9,
    target: Mapping[str, str | None] | None = None,
    progress: bool = False,
) -> tuple[Table, list[Finding]]:
    """Return a table with predictions, and what is wrong with rows that have none.

    Parameters
    ----------
    model : TransferRegressor, TransferClassifier or TransferStackRegressor
        Fitted on formulas, or on structures.
    table : Table
        n rows.
    column : str
        Name of the column of formulas, or of the names of files.
    kinds : dict of str to {"float", "text"}
        The columns to add: those of `column_kinds` with the same coverage and target.
    materials : (list of length n, list of Finding) or None, default=None
        What `read_structures` returned; None reads formulas.
    beside : BesideColumns or None, default=None
        What stands beside the materials.
    coverage : float or None, default=0.9
        Of the intervals, where the model can give them; None leaves them out.
    target : dict or None, default=None
        ``name`` and ``unit`` of what is predicted.
    progress : bool, default=False
        Show a bar with the time left, where there is a terminal.

    Returns
    -------
    predicted : Table, n rows
        All rows in their order, with columns added: see `prediction_columns`; then ``reason``. A
        row that cannot be used has empty cells there, and the reason.
    problems : list of Finding
        Why rows cannot be used, in the order of the rows.
    """
    given, found = materials or (table.column(column), formula_problems(table, column))
    X = cast("Sequence[str | Structure]", given)  # None stands only where there is a problem
    beside = beside or BesideColumns()
    problems = row_problems(table, found + beside.findings)
    kept = usable_rows(table, problems)
    columns: dict[str, NewCells] = {}
    while kept:
        try:
            chosen = beside.join(column, [X[row] for row in kept], kept)
            columns = prediction_columns(model, chosen, coverage, target, progress)
            break
        except UnseenElementError as error:
            if not error.rows:
                raise
            bad = [kept[row] for row in error.rows]
            problems += _unseen(table, column, X, bad, error)
            problems.sort(key=lambda problem: problem.row)
            kept = usable_rows(table, problems)
    whole = {name: _spread_out(columns, name, kind, kept, table) for name, kind in kinds.items()}
    whole[REASON] = _reasons(table, problems)  # the last one
    return _fitted(table).with_columns(whole), problems


def prediction_columns(
    model: ScreeningModel,
    X: Any,
    coverage: float | None = 0.9,
    target: Mapping[str, str | None] | None = None,
    progress: bool = False,
) -> dict[str, NewCells]:
    """Return the columns that a model gives for materials.

    Parameters
    ----------
    model : TransferRegressor, TransferClassifier or TransferStackRegressor
        Fitted on materials of this kind.
    X : list of str or Structure, length n
        All of them good.
    coverage : float or None, default=0.9
        Of the intervals; None leaves them out.
    target : dict or None, default=None
        ``name`` and ``unit`` of what is predicted; columns are named by them, such as "prediction
        of gap (eV)".
    progress : bool, default=False
        Show a bar with the time left, where there is a terminal.

    Returns
    -------
    dict of str to float array (n,) or list of str
        Those of ``model.screen``: of a classifier the label and the probability of each class; of a
        regressor the prediction and, where rows were held out in its fit, its standard deviation
        and an interval; then ``distance``, ``outside`` ("yes" or "no") and ``nearest``, the nearest
        training materials.
    """
    frame = model.screen(X, coverage, progress)
    columns = {name: frame[name].to_numpy() for name in frame}
    if hasattr(model, "classes_"):
        columns["prediction"] = list(map(str, columns["prediction"]))
    if "nearest" in columns:
        columns["outside"] = ["yes" if outside else "no" for outside in columns["outside"]]
        columns["nearest"] = ["; ".join(formulas) for formulas in columns["nearest"]]
    if "out_of_range" in columns:
        columns["out_of_range"] = ["; ".join(names) for names in columns["out_of_range"]]
    return {_title(name, target or {}): part for name, part in columns.items()}


def column_kinds(
    model: ScreeningModel,
    examples: Any,
    coverage: float | None = 0.9,
    target: Mapping[str, str | None] | None = None,
) -> dict[str, ColumnKind]:
    """Return names and kinds of the columns that `predict_table` adds.

    `examples` are materials of the kind that the model reads; the rest is as in
    `prediction_columns`.
    """
    columns = prediction_columns(model, examples, coverage, target)
    columns[REASON] = []
    return {name: "text" if isinstance(part, list) else "float" for name, part in columns.items()}


def possible_coverage(
    model: ScreeningModel, coverage: float | None, examples: Any
) -> tuple[float | None, str | None]:
    """Return a coverage and None, or None and the reason why the model has no such intervals.

    `examples` are materials of the kind that the model reads.
    """
    prediction_columns(model, examples, None)
    try:
        prediction_columns(model, examples, coverage)
    except InputError as error:
        return None, str(error)
    return coverage, None


def _title(name: str, target: Mapping[str, str | None]) -> str:
    """Return the name of a column with that of the target: "interval low of gap (eV)"."""
    what, unit = target.get("name"), target.get("unit")
    stem = next((each for each in _OF_THE_TARGET if name.startswith(each)), None)
    if not what or (stem is None and not name.startswith("probability_")):
        return name
    if stem is None:
        return f"{name.replace('_', ' of ', 1)} for {what}"
    return f"{name.replace('_', ' ')} of {what}{f' ({unit})' if unit else ''}"


def _spread_out(
    columns: Mapping[str, NewCells], name: str, kind: ColumnKind, kept: Sequence[int], table: Table
) -> NewCells:
    """Return the cells of a column for all rows, empty where there is no prediction."""
    part = columns.get(name)
    if kind == "float":
        numbers = np.full(len(table), np.nan)
        numbers[list(kept)] = np.empty(0) if part is None else np.asarray(part, dtype=np.float64)
        return numbers
    cells = [""] * len(table)
    if isinstance(part, list):
        for row, cell in zip(kept, part, strict=True):
            cells[row] = cell
    return cells


def _reasons(table: Table, problems: Sequence[Finding]) -> list[str]:
    """Return why each row has no prediction; of a row that is too long, all its cells too."""
    reasons: list[list[str]] = [[] for _ in range(len(table))]
    for problem in problems:
        long = len(table.cells[problem.row]) > len(table.header)
        cells = f": {problem.value!r}" if long else ""
        reasons[problem.row].append(f"{problem.column}: {problem.reason}{cells}")
    return ["; ".join(each) for each in reasons]


def _fitted(table: Table) -> Table:
    """Return a table whose rows are as long as the header."""
    width = len(table.header)
    return replace(table, cells=[(row + [""] * width)[:width] for row in table.cells])


def _unseen(
    table: Table,
    column: str,
    X: Sequence[str | Structure],
    rows: list[int],
    error: UnseenElementError,
) -> list[Finding]:
    """Return a `Finding` for each row with an element that the model does not know."""
    cells, problems = table.column(column), []
    for row in rows:
        unseen = sorted(set(error.elements).intersection(_elements(X[row])))
        problems.append(
            Finding(row, table.lines[row], column, cells[row], unknown_elements(unseen))
        )
    return problems


def _elements(material: str | Structure) -> set[str]:
    """Return the symbols of the elements of a formula or a structure."""
    if isinstance(material, str):
        return set(parse_formula(material))
    return {element.symbol for element in material.composition.elements}
