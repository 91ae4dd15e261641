"""Predictions for the rows of a table: which columns are added, and which rows cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from sktl._types import MaterialsLike, NewCells
from sktl.exceptions import InputError, UnseenElementError
from sktl.representations import parse_formula
from sktl.tables._bad_cell import BadCell
from sktl.tables._columns import formula_problems, row_problems, usable_rows
from sktl.tables._table import Table

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core import Structure


class ScreeningModel(Protocol):
    """A fitted model that predicts with `screen`."""

    def screen(self, X: MaterialsLike, coverage: float | None, progress: bool) -> pd.DataFrame: ...


def predict_table(
    model: ScreeningModel,
    table: Table,
    column: str,
    *,
    materials: tuple[Sequence[str | Structure | None], list[BadCell]] | None = None,
    coverage: float | None = 0.9,
    skip: bool = False,
    progress: bool = False,
) -> tuple[Table | None, list[BadCell]]:
    """Return the rows that can be used, with predictions, and what is wrong with the others.

    Parameters
    ----------
    model : TransferRegressor, TransferClassifier or TransferStackRegressor
        Fitted on formulas, or on structures.
    table : Table
        n rows.
    column : str
        Name of the column of formulas, or of the names of files.
    materials : (list of length n, list of BadCell) or None, default=None
        What `read_structures` returned; None reads formulas.
    coverage : float or None, default=0.9
        Of the intervals, where the model can give them; None leaves them out.
    skip : bool, default=False
        Leave rows out that cannot be used. If False, nothing is predicted where there are such.
    progress : bool, default=False
        Show a bar with the time left, where there is a terminal.

    Returns
    -------
    predicted : Table or None
        With columns added: see `prediction_columns`. None where nothing is predicted.
    problems : list of BadCell
        Why rows cannot be used, in the order of the rows.
    """
    given, found = materials or (table.column(column), formula_problems(table, column))
    X = cast("Sequence[str | Structure]", given)  # None stands only where there is a problem
    problems = row_problems(table, found)
    kept = usable_rows(table, problems)
    while kept and (skip or not problems):
        try:
            columns = prediction_columns(model, [X[row] for row in kept], coverage, progress)
        except UnseenElementError as error:
            if not error.rows:
                raise
            bad = [kept[row] for row in error.rows]
            problems += _unseen(table, column, X, bad, error)
            problems.sort(key=lambda problem: problem.row)
            kept = usable_rows(table, problems)
        else:
            return table.take(kept).with_columns(columns), problems
    return None, problems


def prediction_columns(
    model: ScreeningModel,
    X: MaterialsLike,
    coverage: float | None = 0.9,
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
    return columns


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


def _unseen(
    table: Table,
    column: str,
    X: Sequence[str | Structure],
    rows: list[int],
    error: UnseenElementError,
) -> list[BadCell]:
    """Return a `BadCell` for each row with an element that the model does not know."""
    cells, problems = table.column(column), []
    for row in rows:
        unseen = sorted(set(error.elements).intersection(_elements(X[row])))
        reason = f"the source does not know {', '.join(unseen)}"
        problems.append(BadCell(row, table.lines[row], column, cells[row], reason))
    return problems


def _elements(material: str | Structure) -> set[str]:
    """Return the symbols of the elements of a formula or a structure."""
    if isinstance(material, str):
        return set(parse_formula(material))
    return {element.symbol for element in material.composition.elements}
