"""Tables of labels joined to one matrix over distinct compositions."""

from dataclasses import dataclass, field

import numpy as np

from sktl.exceptions import FormulaError, InputError
from sktl.representations import MAX_ATOMIC_NUMBER, SYMBOLS, Compositions, parse_formulas
from sktl.sources import TRANSFORMS

_REACH = 10.0


@dataclass(frozen=True, eq=False)
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

    Raises
    ------
    FormulaError
        A formula cannot be read; the message names the table and the row.
    InputError
        A table is malformed, a label is infinite or outside its transform, or an element is too
        heavy.
    """
    columns = [_check_table(table) for table in tables]
    names = [table.name for table in tables]
    if not names or len(set(names)) != len(names):
        raise InputError(f"Got tables with names {names}, expected distinct names, at least one.")
    compositions, row = _parse_tables(tables).unique()
    y = np.full((len(compositions), len(tables)), np.nan)
    start = 0
    for column, values in enumerate(columns):
        place = row[start : start + len(values)]
        start += len(values)
        known = ~np.isnan(values)
        y[:, column] = _medians(place[known], values[known], len(compositions))
    return Labels(compositions, y)


def _check_table(table):
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
    if values.shape != (len(table.formulas),):
        raise InputError(
            f"Table {table.name}: got {len(table.formulas)} formulas and values of shape "
            f"{values.shape}, expected one value for each formula."
        )
    bad = np.isinf(values)
    if table.transform == "log1p":
        bad |= values <= -1
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            f"Table {table.name}, row {row} ({str(list(table.formulas)[row])!r}): got label "
            f"{values[row]}, expected a finite number"
            f"{' above -1' if table.transform == 'log1p' else ''}, or NaN."
        )
    return values


def _parse_tables(tables):
    """Return the compositions of all tables, one table after the other."""
    try:
        compositions = parse_formulas([formula for table in tables for formula in table.formulas])
    except FormulaError:
        for table in tables:
            try:
                parse_formulas(table.formulas)
            except FormulaError as error:
                raise FormulaError(f"Table {table.name}: {error}", error.rows) from None
        raise
    beyond = compositions.numbers > MAX_ATOMIC_NUMBER
    if beyond.any():
        position = int(compositions.rows[beyond.argmax()])
        for table in tables:
            if position < len(table.formulas):
                break
            position -= len(table.formulas)
        raise InputError(
            f"Table {table.name}, row {position} ({str(list(table.formulas)[position])!r}): got an "
            f"element beyond {SYMBOLS[MAX_ATOMIC_NUMBER - 1]}, the last one that networks know."
        )
    return compositions


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
        return cls(transform, tuple(map(float, clip)), float(t.mean()), scale)

    def to_z(self, y):
        """Return labels in user units as z."""
        return (TRANSFORMS[self.transform][0](np.clip(y, *self.clip)) - self.center) / self.scale
