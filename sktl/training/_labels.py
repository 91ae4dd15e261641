"""Tables of labels joined to one matrix over distinct compositions."""

from dataclasses import dataclass, field

import numpy as np

from sktl.exceptions import InputError
from sktl.representations import Compositions, parse_formulas
from sktl.sources import TRANSFORMS


@dataclass(frozen=True)
class PropertyTable:
    """One property of many compositions, for pretraining.

    Attributes
    ----------
    name : str
        The field's term with its database: ``oqmd_band_gap``.
    formulas : sequence of str
        Formulas, n rows; a composition may occur several times (its median counts).
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
    formulas: list
    values: np.ndarray
    unit: str
    transform: str = "identity"
    origin: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Labels:
    """Labels of distinct compositions.

    Attributes
    ----------
    compositions : Compositions
        n distinct compositions.
    y : float64 array (n, p)
        Median label of each composition in user units; NaN where missing.
    """

    compositions: Compositions
    y: np.ndarray


def join_tables(tables):
    """Join tables to one matrix with a row for each distinct composition.

    Parameters
    ----------
    tables : sequence of PropertyTable
        One for each property.

    Returns
    -------
    Labels
    """
    for table in tables:
        if len(table.formulas) != len(table.values):
            raise InputError(
                f"Table {table.name}: got {len(table.formulas)} formulas and {len(table.values)} values."
            )
        if table.transform not in TRANSFORMS:
            raise InputError(
                f"Table {table.name}: got transform={table.transform!r}, expected one of {list(TRANSFORMS)}."
            )
        infinite = np.flatnonzero(np.isinf(np.asarray(table.values, dtype=np.float64)))
        if len(infinite):
            raise InputError(f"Table {table.name}, row {infinite[0]}: the label is infinite.")
    formulas = [formula for table in tables for formula in table.formulas]
    compositions, row = parse_formulas(formulas).unique()
    y = np.full((len(compositions), len(tables)), np.nan)
    start = 0
    for column, table in enumerate(tables):
        place = row[start : start + len(table.formulas)]
        start += len(table.formulas)
        values = np.asarray(table.values, dtype=np.float64)
        known = ~np.isnan(values)
        y[:, column] = _medians(place[known], values[known], len(compositions))
    return Labels(compositions, y)


def _medians(place, values, n):
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
    clip: tuple
    center: float
    scale: float

    @classmethod
    def fit(cls, y, transform):
        """Learn the scale of labels y (n,) without NaN; the outermost 0.02 % on each side are clipped."""
        clip = tuple(float(value) for value in np.quantile(y, [0.0002, 0.9998]))
        t = TRANSFORMS[transform][0](np.clip(y, *clip))
        return cls(transform, clip, float(t.mean()), float(t.std()) or 1.0)

    def to_z(self, y):
        """Return labels in user units as z."""
        return (TRANSFORMS[self.transform][0](np.clip(y, *self.clip)) - self.center) / self.scale
