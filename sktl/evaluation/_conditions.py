"""How errors and predictions depend on the columns beside the material."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sktl.evaluation._folds import group_rows
from sktl.evaluation._names import COMPOSITION
from sktl.representations import Conditions, Materials

if TYPE_CHECKING:
    from sktl._types import AnyArray, BoolArray, FloatArray

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


def errors_by_condition(
    conditions: Conditions | None, errors: FloatArray, measure: str
) -> dict[str, list[dict[str, Any]]]:
    """Return the mean error in each part of each column.

    Parameters
    ----------
    conditions : Conditions or None, n rows
    errors : float array (n,)
        Of each row.
    measure : str
        What the mean of the errors is called, such as "mae".

    Returns
    -------
    dict of str to list of dict
        For each column ``part`` (a range of numbers, or a category), ``rows`` and the mean by its
        name; numbers are parted by their quantiles, and at most eight categories are told apart.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    if conditions is None:
        return found
    for name, cells in conditions.columns.items():
        parts = _parts(cells, conditions.known(name))
        found[name] = [
            {"part": part, "rows": int(rows.sum()), measure: float(errors[rows].mean())}
            for part, rows in parts.items()
            if rows.any()
        ]
    return found


def find_responses(
    predict: Callable[[Materials], FloatArray], materials: Materials, y: FloatArray
) -> list[Response]:
    """Return the responses of the compounds with the most rows, one column at a time.

    Parameters
    ----------
    predict : callable
        Materials to predictions (n,), by a model of these rows.
    materials : Materials, n rows
    y : float array (n,)
        What is predicted of these rows.
    """
    conditions = materials.conditions
    if conditions is None:
        return []
    groups = group_rows(materials.compositions, COMPOSITION)
    largest = np.argsort(-np.bincount(groups), kind="stable")[:N_COMPOUNDS]
    found = []
    for name, cells in conditions.columns.items():
        known_rows = conditions.known(name)
        values = _grid(cells[known_rows])
        for group in largest:
            rows = np.flatnonzero(groups == group)
            known = [(cells[row], float(y[row])) for row in rows if known_rows[row]]
            if not known or len(values) < 2:
                continue
            like = materials.take(np.full(len(values), rows[0]))
            beside = conditions.take(np.full(len(values), rows[0])).columns
            like.conditions = Conditions({**beside, name: np.array(values, dtype=cells.dtype)})
            formula = materials.alone().texts()[rows[0]]
            found.append(Response(name, formula, values, predict(like), known))
    return found


def _parts(cells: AnyArray, known: BoolArray) -> dict[str, BoolArray]:
    """Return for each part of a column a mask of its rows."""
    if cells.dtype.kind != "f":
        parts = {name: cells == name for name in _frequent(cells[known])}
    elif not known.any():
        parts = {}
    else:
        edges = np.unique(np.quantile(cells[known], np.linspace(0, 1, N_BINS + 1)))
        if len(edges) < 2:
            edges = np.array([edges[0], edges[0]])
        place = np.clip(np.searchsorted(edges, cells, side="right") - 1, 0, len(edges) - 2)
        parts = {
            f"{edges[k]:.3g} to {edges[k + 1]:.3g}": (place == k) & known
            for k in range(len(edges) - 1)
        }
    return parts | {"not known": ~known}


def _grid(cells: AnyArray) -> list[Any]:
    """Return the values that a response is asked for; the cells are those that are known."""
    if cells.dtype.kind != "f":
        return _frequent(cells)
    if len(cells) == 0 or np.ptp(cells) == 0:
        return []
    return np.linspace(cells.min(), cells.max(), _N_POINTS).tolist()


def _frequent(categories: AnyArray) -> list[str]:
    """Return the most frequent categories."""
    names, counts = np.unique(categories.astype(str), return_counts=True)
    return names[np.argsort(-counts, kind="stable")][:_MOST_SHOWN].tolist()
