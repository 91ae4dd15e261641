"""Columns beside the materials as networks and trees read them, learned from training rows."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from sktl._state import stored
from sktl._types import AnyArray, FloatArray, SingleArray
from sktl._warnings import warn_caller
from sktl.exceptions import InputError
from sktl.representations._conditions import (
    Conditions,
    finite_part,
    is_numeric,
    reads_as_number,
)

N_BINS = 16
MOST_CATEGORIES = 100
ALIKE = 1e-6
"""Numbers that differ by less, as a share of their size, are one: float32 holds seven digits."""

_NOISE = 1e-15  # of the largest number of a column: what sums and differences of others leave
Unseen: TypeAlias = Literal["warn", "error"]


@stored("number-column/1")
class NumberColumn:
    """A column of numbers, seen through steps between its quantiles.

    The first step rises from 0 to 1 between the lowest value and the first quantile, the second
    from there to the next, and so on: what is learned of them bends at the quantiles, and is
    constant beyond the range that was seen (doi:10.48550/arXiv.2203.05556). The value itself
    stands beside them, centred and scaled, and a mark for a missing cell, if there were any; if
    there were none, a missing cell is taken as the mean. Numbers that differ by less than a
    millionth, as 0.3 and 0.1 + 0.2, are one. Nothing depends on the unit of the column.

    Parameters
    ----------
    cells : float array (n,)
        Of the training rows; NaN is missing.
    """

    def __init__(self, cells: FloatArray) -> None:
        seen = finite_part(cells)
        self.edges = _levels(np.unique(np.quantile(seen, np.linspace(0, 1, N_BINS + 1))))
        self.center = float(seen.mean())
        size = float(abs(self.edges[0])) or 1.0  # of a constant, which has no spread
        self.scale = float(seen.std()) if len(self.edges) > 1 else size
        self.has_missing = len(seen) < len(cells)

    @property
    def is_constant(self) -> bool:
        """Whether all training rows are alike."""
        return len(self.edges) < 2 and not self.has_missing

    @property
    def names(self) -> tuple[str, ...]:
        """What is added to the column's name in those of the columns that trees read."""
        return ("",)

    def encode(self, cells: AnyArray) -> SingleArray:
        """Return steps, value and mark of cells (n,), float32 (n, w).

        Of a missing cell zeros, where training rows had some; else those of the mean.
        """
        low, high = self.edges[:-1], self.edges[1:]
        if not self.has_missing:
            cells = np.where(np.isnan(cells), self.center, cells)
        value = np.clip(cells, self.edges[0], self.edges[-1])[:, None]
        with np.errstate(over="ignore"):  # of steps that are nearly none; what is large is clipped
            parts = [(value - low) / (high - low), (value - self.center) / self.scale]
        missing = np.isnan(cells)[:, None]
        encoded = np.where(missing, 0.0, np.clip(np.hstack(parts), -9.0, 9.0))
        encoded[:, : len(low)] = np.clip(encoded[:, : len(low)], 0.0, 1.0)
        return np.hstack([encoded, missing] if self.has_missing else [encoded]).astype(np.float32)

    def plain(self, cells: AnyArray) -> FloatArray:
        """Return cells (n,) as a column that trees read, (n, 1); NaN where missing."""
        return cells[:, None]

    def excess(self, cells: AnyArray) -> FloatArray:
        """Return how far cells (n,) are beyond the range that was seen, in standard deviations.

        Of a constant column in shares of its number.
        """
        ends = self.edges[[0, -1]]
        beyond = np.maximum(ends[0] - cells, cells - ends[1])
        nearest = np.where(cells < ends[0], ends[0], ends[1])
        outside = np.nan_to_num(beyond) > _tolerance(nearest, ends)
        unknown = np.isnan(cells) & (not self.has_missing)
        return np.where(unknown, 1.0, np.where(outside, beyond, 0.0) / self.scale)


@stored("category-column/1")
class CategoryColumn:
    """A column of categories, each a column of zeros and ones.

    The 100 most frequent are told apart; the rest is one category. A missing cell is one of its
    own, if there were any.

    Parameters
    ----------
    cells : object array (n,)
        Texts of the training rows; None is missing.
    """

    def __init__(self, cells: AnyArray) -> None:
        known = [cell for cell in cells.tolist() if cell is not None]
        found, counts = np.unique(np.array(known, dtype=object).astype(str), return_counts=True)
        self.seen = found.tolist()
        frequent = np.sort(np.argsort(-counts, kind="stable")[:MOST_CATEGORIES])
        self.categories = [self.seen[place] for place in frequent]
        self.has_missing = len(known) < len(cells)

    @property
    def is_constant(self) -> bool:
        """Whether all training rows are alike."""
        return len(self.seen) + self.has_missing < 2

    @property
    def is_empty(self) -> bool:
        """Whether no training row has a cell: nothing tells whether they are numbers."""
        return not self.seen

    @property
    def names(self) -> tuple[str, ...]:
        """What is added to the column's name in those of the columns that trees read."""
        rest = [" is rare"] if len(self.seen) > len(self.categories) else []
        gone = [" is missing"] if self.has_missing else []
        return tuple([f" = {category}" for category in self.categories] + rest + gone)

    def encode(self, cells: AnyArray) -> SingleArray:
        """Return cells (n,) as zeros and ones, float32 (n, w); of an unseen category zeros."""
        items = cells.tolist()
        places = {category: place for place, category in enumerate(self.categories)}
        if len(self.seen) > len(self.categories):
            rest = len(places)
            places |= {category: rest for category in self.seen if category not in places}
        if self.has_missing:
            places[None] = len(self.names) - 1
        encoded = np.zeros((len(items), len(self.names)), dtype=np.float32)
        for row, cell in enumerate(items):
            if cell in places:
                encoded[row, places[cell]] = 1.0
        return encoded

    def plain(self, cells: AnyArray) -> FloatArray:
        """Return cells (n,) as columns that trees read, (n, w)."""
        return self.encode(cells).astype(np.float64)

    def excess(self, cells: AnyArray) -> FloatArray:
        """Return 1 for each of the cells (n,) that no training row had, else 0."""
        known = {*self.seen, *([None] if self.has_missing else [])}
        return np.array([float(cell not in known) for cell in cells.tolist()])


Column: TypeAlias = NumberColumn | CategoryColumn


@stored("condition-columns/1")
class ConditionColumns:
    """The columns beside the materials, as they were in the training rows.

    A column in which all training rows are alike tells nothing and is left out of what networks
    and trees read.

    Parameters
    ----------
    conditions : Conditions, n rows
        Of the training rows.
    """

    def __init__(self, conditions: Conditions) -> None:
        self.columns: dict[str, Column] = {
            name: NumberColumn(cells) if _has_numbers(cells) else CategoryColumn(_as_texts(cells))
            for name, cells in conditions.columns.items()
        }
        self.told = [name for name, each in self.columns.items() if not each.is_constant]

    @property
    def names(self) -> list[str]:
        """Names of the columns that `plain` returns."""
        return [name + each for name in self.told for each in self.columns[name].names]

    @property
    def numeric(self) -> dict[str, bool]:
        """Whether each column is of numbers."""
        return {name: isinstance(each, NumberColumn) for name, each in self.columns.items()}

    def check(self, conditions: Conditions) -> Conditions:
        """Return columns that are those of the training rows by name and kind, in their order.

        Raises
        ------
        InputError
            A column is missing, or of another kind.
        """
        given = conditions.columns
        if set(given) != set(self.columns):
            raise InputError(
                f"Got X with the columns {list(given)} beside the material, expected "
                f"{list(self.columns)}, as in fit."
            )
        found = {}
        for name, column in self.columns.items():
            found[name] = _as_fitted(name, column, given[name])
        return Conditions(found)

    def encode(self, conditions: Conditions) -> SingleArray:
        """Return what a network reads of n rows, float32 (n, w)."""
        parts = [self.columns[name].encode(conditions.columns[name]) for name in self.told]
        return np.hstack(parts) if parts else np.empty((len(conditions), 0), dtype=np.float32)

    def plain(self, conditions: Conditions) -> FloatArray:
        """Return what trees read of n rows, float64 (n, len(names)); missing numbers are NaN."""
        parts = [self.columns[name].plain(conditions.columns[name]) for name in self.told]
        return np.hstack(parts) if parts else np.empty((len(conditions), 0))

    def beyond(self, conditions: Conditions) -> tuple[FloatArray, list[tuple[str, ...]]]:
        """Tell what is outside of the training rows.

        Returns
        -------
        excess : float array (n,)
            How far, in standard deviations of the columns: the largest of all columns. 1 for a
            category, or a missing cell, that no training row has.
        names : list of tuple of str, length n
            The columns.
        """
        each = {
            name: self.columns[name].excess(cells) for name, cells in conditions.columns.items()
        }
        together = np.column_stack(list(each.values()))
        names = [tuple(np.array(list(each), dtype=object)[row > 0]) for row in together]
        return together.max(axis=1), names

    def tell_unseen(self, conditions: Conditions, unseen: Unseen) -> None:
        """Warn of categories and missing cells that no training row has, or raise an error.

        Raises
        ------
        InputError
            There is one, and `unseen` is "error".
        """
        for name, column in self.columns.items():
            cells = conditions.columns[name]
            rows = np.flatnonzero(~conditions.known(name)).tolist()
            if rows and not column.has_missing:
                taken = "their mean" if isinstance(column, NumberColumn) else "none of those known"
                _tell(
                    f"Got no value in {len(rows)} of {len(cells)} rows of the column {name!r}, "
                    f"first in row {rows[0]}",
                    "one in each, as in fit",
                    f"all training rows have one, so it is taken as {taken}",
                    unseen,
                )
            if isinstance(column, CategoryColumn):
                _tell_new(name, column, cells.tolist(), unseen)


def _tolerance(numbers: AnyArray, ends: AnyArray) -> AnyArray:
    """Return by how much a number may differ from each of some and be the same."""
    return ALIKE * np.abs(numbers) + _NOISE * np.abs(ends).max()


def _levels(ascending: FloatArray) -> FloatArray:
    """Return numbers without those that are the same as the one kept before them."""
    kept = [0]
    tolerance = _tolerance(ascending, ascending[[0, -1]])
    for place in range(1, len(ascending)):
        if ascending[place] - ascending[kept[-1]] > tolerance[place]:
            kept.append(place)
    return ascending[kept]


def _has_numbers(cells: AnyArray) -> bool:
    return is_numeric(cells) and not np.isnan(cells).all()


def _as_texts(cells: AnyArray) -> AnyArray:
    """Return categories as they are, numbers as texts, None where a cell is missing."""
    if not is_numeric(cells):
        return cells
    texts = [None if np.isnan(cell) else f"{cell:g}" for cell in cells.tolist()]
    return np.array(texts, dtype=object)


def _as_fitted(name: str, column: Column, cells: AnyArray) -> AnyArray:
    """Return the cells of a column as one of the kind that the training rows had."""
    if isinstance(column, CategoryColumn):
        if _has_numbers(cells) and not column.is_empty:
            raise InputError(
                f"Got numbers in the column {name!r}, expected categories, as in fit, such as "
                f"{column.seen[0]!r}."
            )
        return _as_texts(cells)
    if is_numeric(cells):
        return cells
    known = [(row, cell) for row, cell in enumerate(cells.tolist()) if cell is not None]
    if not known:
        return np.full(len(cells), np.nan)
    odd = next(((row, cell) for row, cell in known if not reads_as_number(cell)), known[0])
    raise InputError(
        f"Got categories in the column {name!r}, such as {odd[1]!r} in row {odd[0]}, expected "
        "numbers, as in fit: turn texts to numbers, and leave a cell empty where none is known."
    )


def _tell_new(name: str, column: CategoryColumn, cells: list[Any], unseen: Unseen) -> None:
    """Warn of, or refuse, categories of a column that no training row has."""
    seen = {None, *column.seen}
    rows = [row for row, cell in enumerate(cells) if cell not in seen]
    if not rows:
        return
    new = sorted({cells[row] for row in rows})
    shown = ", ".join(map(repr, new[:5])) + (" and others" if len(new) > 5 else "")
    taken = "nothing was learned of it" if column.is_empty else "it is taken as none of them"
    expected = f"one of {column.seen[:20]}" if column.seen else "no value"
    _tell(
        f"Got {shown} in {len(rows)} of {len(cells)} rows of the column {name!r}, first in row "
        f"{rows[0]}",
        f"{expected}, as in fit",
        f"no training row has {'any' if column.is_empty else 'it'}, so {taken}",
        unseen,
    )


def _tell(got: str, expected: str, taken: str, unseen: Unseen) -> None:
    if unseen == "error":
        raise InputError(f"{got}, expected {expected}.")
    warn_caller(f"{got}: {taken}.")
