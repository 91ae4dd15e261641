"""How errors and predictions depend on the columns beside the material."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sktl.evaluation._folds import group_rows
from sktl.evaluation._names import COMPOSITION
from sktl.representations import Conditions, Materials

if TYPE_CHECKING:
    from sktl._types import AnyArray, FloatArray
    from sktl.estimators import TransferRegressor
    from sktl.evaluation._evaluation import Evaluation

N_COMPOUNDS = 5
N_BINS = 6
_MOST_SHOWN = 8
_N_POINTS = 25


@dataclass(frozen=True)
class Response:
    """What a model predicts for one compound along one column, all else as in one of its rows.

    Attributes
    ----------
    column, formula : str
    values : list of float or str, length m
        Of the column.
    predicted : float array (m,)
    known : list of (float or str, float)
        Value of the column and target of the compound's rows.
    """

    column: str
    formula: str
    values: list[Any]
    predicted: FloatArray
    known: list[tuple[Any, float]]


def errors_by_condition(evaluation: Evaluation) -> dict[str, list[dict[str, Any]]]:
    """Return the mean absolute error of transfer in each part of each column.

    Returns
    -------
    dict of str to list of dict
        For each column ``part`` (a range of numbers, or a category), ``rows`` and ``mae``; numbers
        are parted by their quantiles, and at most eight categories are told apart.
    """
    if evaluation.conditions is None:
        return {}
    errors = evaluation.absolute_errors()
    found = {}
    for name, cells in evaluation.conditions.columns.items():
        parts = _parts(cells)
        found[name] = [
            {"part": part, "rows": int(rows.sum()), "mae": float(errors[rows].mean())}
            for part, rows in parts.items()
            if rows.any()
        ]
    return found


def find_responses(model: TransferRegressor, materials: Materials, y: FloatArray) -> list[Response]:
    """Return the responses of the compounds with the most rows, one column at a time.

    Parameters
    ----------
    model : regressor
        It is fitted to these rows.
    materials : Materials, n rows
    y : float array (n,)
    """
    if materials.conditions is None:
        return []
    model.fit(materials, y)
    groups = group_rows(materials.compositions, COMPOSITION)
    largest = np.argsort(-np.bincount(groups), kind="stable")[:N_COMPOUNDS]
    found = []
    for name, cells in materials.conditions.columns.items():
        for group in largest:
            rows = np.flatnonzero(groups == group)
            known = [(cells[row], float(y[row])) for row in rows if _is_known(cells[row])]
            values = _grid(cells)
            if not known or len(values) < 2:
                continue
            like = materials.take(np.full(len(values), rows[0]))
            columns = {**_filled(like.conditions), name: np.array(values, dtype=cells.dtype)}
            like.conditions = Conditions(columns)
            formula = materials.alone().texts()[rows[0]]
            found.append(Response(name, formula, values, model.predict(like), known))
    return found


def _parts(cells: AnyArray) -> dict[str, AnyArray]:
    """Return for each part of a column a mask of its rows."""
    if cells.dtype.kind != "f":
        known = [cell for cell in cells.tolist() if cell is not None]
        names, counts = np.unique(known, return_counts=True)
        shown = names[np.argsort(-counts, kind="stable")][:_MOST_SHOWN].tolist()
        parts = {name: cells == name for name in shown}
        missing = np.array([cell is None for cell in cells.tolist()], dtype=bool)
    else:
        missing = np.isnan(cells)
        edges = np.unique(np.quantile(cells[~missing], np.linspace(0, 1, N_BINS + 1)))
        if len(edges) < 2:
            edges = np.array([edges[0], edges[0]])
        place = np.clip(np.searchsorted(edges, cells, side="right") - 1, 0, len(edges) - 2)
        parts = {
            f"{edges[k]:.3g} to {edges[k + 1]:.3g}": (place == k) & ~missing
            for k in range(len(edges) - 1)
        }
    return parts | {"not known": missing}


def _grid(cells: AnyArray) -> list[Any]:
    """Return the values of a column that a response is asked for."""
    if cells.dtype.kind == "f":
        seen = cells[~np.isnan(cells)]
        return np.linspace(seen.min(), seen.max(), _N_POINTS).tolist() if np.ptp(seen) else []
    known = [cell for cell in cells.tolist() if cell is not None]
    names, counts = np.unique(known, return_counts=True)
    return names[np.argsort(-counts, kind="stable")][:_MOST_SHOWN].tolist()


def _filled(conditions: Conditions | None) -> dict[str, AnyArray]:
    return {} if conditions is None else conditions.columns


def _is_known(cell: Any) -> bool:
    return cell is not None and not (isinstance(cell, float) and np.isnan(cell))
