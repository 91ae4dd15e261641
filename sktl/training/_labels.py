"""Tables of labels joined to one matrix over distinct materials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import numpy as np

from sktl._types import ArrayLike, FloatArray, FormulasLike, IntArray, StructuresLike
from sktl.exceptions import InputError, RowsError
from sktl.representations import (
    MAX_ATOMIC_NUMBER,
    SYMBOLS,
    Compositions,
    Crystals,
    Materials,
    Representation,
)
from sktl.sources import TRANSFORMS

Batch: TypeAlias = Compositions | Crystals
_REACH = 10.0


@dataclass(frozen=True, eq=False)
class PropertyTable:
    """One property of many materials, for pretraining.

    Attributes
    ----------
    name : str
        The field's term with its database: ``oqmd_band_gap``.
    materials : sequence of str, Composition or Structure
        Formulas, or structures for a network that reads crystals, n rows; one may occur several
        times (its median counts).
    values : array (n,)
        Labels in `unit`; NaN where there is none.
    unit : str
        Unit of `values`.
    transform : {"identity", "log1p", "asinh"}
        Applied to the labels before scaling.
    origin : dict
        Where the table comes from: ``database``, ``doi``, ``licence``.
    """

    name: str
    materials: FormulasLike | StructuresLike
    values: ArrayLike
    unit: str
    transform: str = "identity"
    origin: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Labels:
    """Labels of distinct materials.

    Attributes
    ----------
    materials : Compositions or Crystals
        n distinct materials.
    y : float64 array (n, p)
        Median label of each in user units; NaN where missing.
    """

    materials: Batch
    y: FloatArray


def join_tables(tables: Sequence[PropertyTable], representation: Representation) -> Labels:
    """Join tables to one matrix with a row for each distinct material.

    Parameters
    ----------
    tables : sequence of PropertyTable
        One for each property.
    representation : ElementTokens, ElementFractions or CrystalGraphs
        Reads their materials, and so determines which are equal.

    Returns
    -------
    Labels

    Raises
    ------
    FormulaError, StructureError
        A material cannot be read; the message names the table and the row.
    InputError
        A table is malformed, a label is infinite or outside its transform, or an element is too
        heavy.
    """
    columns = [_check_table(table) for table in tables]
    names = [table.name for table in tables]
    if not names or len(set(names)) != len(names):
        raise InputError(f"Got tables with names {names}, expected distinct names, at least one.")
    materials, row = _read_tables(tables, representation).unique()
    y = np.full((len(materials), len(tables)), np.nan)
    start = 0
    for column, values in enumerate(columns):
        place = row[start : start + len(values)]
        start += len(values)
        known = ~np.isnan(values)
        y[:, column] = _medians(place[known], values[known], len(materials))
    return Labels(materials, y)


def _check_table(table: PropertyTable) -> FloatArray:
    """Return the labels of a table as a float64 array (n,), NaN where there is none."""
    if not isinstance(table, PropertyTable):
        raise InputError(f"Got a table of type {type(table).__name__}, expected PropertyTable.")
    if table.transform not in TRANSFORMS:
        raise InputError(
            f"Table {table.name}: got transform={table.transform!r}, expected one of "
            f"{list(TRANSFORMS)}."
        )
    try:
        values = np.asarray(table.values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"Table {table.name}: a label is not a number: {error}.") from error
    if values.shape != (len(table.materials),):
        raise InputError(
            f"Table {table.name}: got {len(table.materials)} materials and values of shape "
            f"{values.shape}, expected one value for each."
        )
    bad = np.isinf(values)
    if table.transform == "log1p":
        bad |= values <= -1
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            f"Table {table.name}, {Materials.read(table.materials).name_row(row)}: got label "
            f"{values[row]}, expected a finite number"
            f"{' above -1' if table.transform == 'log1p' else ''}, or NaN."
        )
    return values


def _read_tables(tables: Sequence[PropertyTable], representation: Representation) -> Batch:
    """Return the materials of all tables as one batch, one table after the other."""
    batch: Batch
    try:
        batch = representation.read([item for table in tables for item in table.materials])
    except RowsError:
        for table in tables:
            try:
                representation.read(table.materials)
            except RowsError as error:
                raise type(error)(f"Table {table.name}: {error}", error.rows) from None
        raise
    beyond = batch.numbers > MAX_ATOMIC_NUMBER
    if beyond.any():
        position = int(batch.rows[beyond.argmax()])
        for table in tables:
            if position < len(table.materials):
                break
            position -= len(table.materials)
        row = Materials.read(table.materials).name_row(position)
        raise InputError(
            f"Table {table.name}, {row}: got an element beyond "
            f"{SYMBOLS[MAX_ATOMIC_NUMBER - 1]}, the last one that networks know."
        )
    return batch


def _medians(place: IntArray, values: FloatArray, n: int) -> FloatArray:
    """Return the median of the values at each of n places, NaN where there is none."""
    order = np.lexsort((values, place))
    place, values = place[order], values[order]
    counts = np.bincount(place, minlength=n)
    ends = np.cumsum(counts)
    result = np.full(n, np.nan)
    some = counts > 0
    low, high = ends - counts + (counts - 1) // 2, ends - counts + counts // 2
    result[some] = 0.5 * (values[low[some]] + values[high[some]])
    return result


@dataclass(frozen=True)
class LabelScale:
    """From labels in user units to the z of training: clip, transform, centre, scale."""

    transform: str
    clip: tuple[float, float]
    center: float
    scale: float

    @classmethod
    def fit(cls, y: FloatArray, transform: str) -> Self:
        """Learn the scale of labels y (n,) without NaN.

        The outermost 0.02 % on each side are clipped, and, on the transformed axis, what lies
        further from the median than 10 times the range of the central 90 %: a few wrong entries
        in a small table do not set its scale.
        """
        forward, inverse = TRANSFORMS[transform]
        clip = np.quantile(y, [0.0002, 0.9998])
        t = forward(np.clip(y, *clip))
        low, high = np.quantile(t, 0.05, method="higher"), np.quantile(t, 0.95, method="lower")
        median = np.median(t)
        reach = _REACH * (high - low)
        if reach > 0 and np.abs(t - median).max() > reach:
            t = np.clip(t, median - reach, median + reach)
            with np.errstate(over="ignore"):
                clip = np.clip(clip, *inverse(np.array([median - reach, median + reach])))
        spread = float(t.std())
        constant = spread <= 1e-12 * np.abs(t).max()
        scale = 1.0 if constant else spread
        return cls(transform, (float(clip[0]), float(clip[1])), float(t.mean()), scale)

    def to_z(self, y: FloatArray) -> FloatArray:
        """Return labels in user units as z."""
        return (TRANSFORMS[self.transform][0](np.clip(y, *self.clip)) - self.center) / self.scale
