"""What stands beside the materials: temperatures, processing, level of theory, and the like."""

from __future__ import annotations

import math
import numbers
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Self, TypeAlias

import numpy as np

from sktl._containers import Categories
from sktl._limits import LARGEST_NUMBER
from sktl._types import AnyArray, BoolArray, FloatArray, Indices, IntArray, ObjectArray
from sktl._warnings import warn_caller
from sktl.exceptions import InputError

Cells: TypeAlias = Sequence[Any] | AnyArray
_SHOWN = 60


class Conditions:
    """Columns that stand beside n materials, each of numbers or of categories.

    Parameters
    ----------
    columns : dict of str to array (n,)
        float64 with NaN where a cell is missing: numbers. object, None where missing: categories.

    See Also
    --------
    ConditionColumns : What networks and trees read of them.

    Examples
    --------
    >>> from sktl.representations import Conditions
    >>> conditions = Conditions.read({"T (K)": [300, None], "processing": ["cast", "wrought"]})
    >>> conditions.texts()
    ['T (K) = 300, processing = cast', 'processing = wrought']
    """

    def __init__(self, columns: Mapping[str, AnyArray]) -> None:
        self.columns = dict(columns)

    @classmethod
    def read(cls, columns: Mapping[Any, Cells], *, tell: bool = True) -> Self:
        """Return columns as a user gives them.

        Parameters
        ----------
        columns : mapping of str to sequence of length n
            Numbers, or booleans and texts, which are categories; so is all that a frame holds as a
            categorical column. None, NaN and the like are missing cells, and so are empty texts.
        tell : bool, default=True
            Warn of texts that are numbers for the most part: they are categories.

        Raises
        ------
        InputError
            A name is no text, or a column mixes numbers and texts, holds infinity or another kind
            of value; the message names the column and the row.
        """
        read = {_name(name): _read_column(name, cells) for name, cells in columns.items()}
        for name, cells in columns.items():
            if tell and not (is_numeric(read[name]) or isinstance(cells, Categories)):
                _tell_numbers(name, read[name])
        return cls(read)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns in their order."""
        return tuple(self.columns)

    def take(self, rows: Indices) -> Conditions:
        """Return some of the rows; `rows` is an integer or boolean array, or a slice."""
        return Conditions({name: cells[rows] for name, cells in self.columns.items()})

    def known(self, name: str) -> BoolArray:
        """Return whether the cells of a column are not missing, bool array (n,)."""
        cells = self.columns[name]
        if is_numeric(cells):
            return ~np.isnan(cells)
        return np.array([cell is not None for cell in cells.tolist()], dtype=bool)

    def labels(self) -> IntArray:
        """Return one integer a row, equal for equal rows, int array (n,)."""
        codes = [_codes(cells) for cells in self.columns.values()]
        return np.unique(np.column_stack(codes), axis=0, return_inverse=True)[1].reshape(-1)

    def texts(self) -> list[str]:
        """Return a text for each row, of the cells that are not missing."""
        return [
            ", ".join(
                f"{name} = {_show(cell)}"
                for name, cell in zip(self.columns, row, strict=True)
                if not is_missing(cell)
            )
            for row in zip(*self.columns.values(), strict=True)
        ]

    def to_plain(self) -> list[dict[str, Any]]:
        """Return the rows as JSON holds them, by column; None where a cell is missing."""
        return [
            {
                name: None if is_missing(cell) else cell
                for name, cell in zip(self.columns, row, strict=True)
            }
            for row in zip(*[cells.tolist() for cells in self.columns.values()], strict=True)
        ]


def is_missing(cell: Any) -> bool:
    """Tell whether a cell is None, NaN, pandas' NA or NaT, or an empty text."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return True
    if isinstance(cell, float | np.floating):
        return math.isnan(cell)
    return type(cell).__name__ in ("NAType", "NaTType")


def is_numeric(column: AnyArray) -> bool:
    """Tell whether a column of `Conditions` is one of numbers."""
    return column.dtype.kind == "f"


def _name(name: Hashable) -> str:
    if not isinstance(name, str):
        raise InputError(
            f"Got a column with the name {name!r} beside the material, expected a text: "
            "X.columns = [...] gives names."
        )
    return name


def _read_column(name: str, cells: Cells) -> AnyArray:
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "iuf":
        return _check_numbers(name, cells.astype(np.float64))
    missing = [is_missing(cell) for cell in cells]
    if isinstance(cells, Categories):
        return _read_categories(cells, missing)
    kinds = [None if gone else _kind(cell) for cell, gone in zip(cells, missing, strict=True)]
    present = {kind: row for row, kind in reversed(list(enumerate(kinds))) if kind is not None}
    if "other" in present:
        row = present["other"]
        raise InputError(
            f"Got {_short(cells[row])} in row {row} of the column {name!r}, expected a number or "
            "a text."
        )
    if len(present) > 1:
        rows = sorted(present.values())[:2]
        shown = " and ".join(f"{_short(cells[row])} in row {row}" for row in rows)
        raise InputError(
            f"Got {shown} of the column {name!r}, expected numbers or texts alone: turn it to one "
            "of them."
        )
    if "text" in present:
        return _read_categories(cells, missing)
    found = [math.nan if gone else float(cell) for cell, gone in zip(cells, missing, strict=True)]
    return _check_numbers(name, np.array(found, dtype=np.float64))


def _check_numbers(name: str, column: FloatArray) -> FloatArray:
    wrong = np.flatnonzero(np.abs(column) > LARGEST_NUMBER)
    if len(wrong):
        raise InputError(
            f"Got {column[wrong[0]]} in row {wrong[0]} of the column {name!r}, expected numbers of "
            f"at most {LARGEST_NUMBER:g}, or an empty cell where it is not known."
        )
    return column


def _read_categories(cells: Cells, missing: Sequence[bool]) -> ObjectArray:
    column = np.empty(len(cells), dtype=object)
    for row, (cell, gone) in enumerate(zip(cells, missing, strict=True)):
        column[row] = None if gone else str(cell).strip()
    return column


def _tell_numbers(name: str, column: ObjectArray) -> None:
    """Warn where half of the texts or more read as numbers."""
    known = [(row, cell) for row, cell in enumerate(column.tolist()) if cell is not None]
    others = [(row, cell) for row, cell in known if not reads_as_number(cell)]
    if 2 * len(others) > len(known):
        return
    what, repair = "texts that read as numbers", "turn it to numbers"
    if others:
        texts = list(dict.fromkeys(cell for _, cell in others))
        shown = ", ".join(map(_short, texts[:5])) + (" and others" if len(texts) > 5 else "")
        what += f" in {len(known) - len(others)} of {len(known)} cells"
        repair += f" (in row {others[0][0]} there is the first of {shown}), and leave cells empty "
        repair += "where none is known"
    example = min(cell for _, cell in known if reads_as_number(cell))
    warn_caller(
        f"The column {name!r} holds {what}, such as {example!r}, and is taken as categories. If "
        f"their size matters, {repair}. If they are names, make it a categorical column, which is "
        "taken so without a warning."
    )


def _kind(cell: Any) -> str:
    if isinstance(cell, bool | np.bool_ | str):
        return "text"
    return "number" if isinstance(cell, numbers.Real | Decimal) else "other"


def reads_as_number(text: str) -> bool:
    """Tell whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _codes(cells: AnyArray) -> IntArray:
    """Return one integer a cell, equal for equal ones; missing cells are equal."""
    if is_numeric(cells):
        return np.unique(cells, return_inverse=True, equal_nan=True)[1].reshape(-1)
    texts = ["" if cell is None else cell for cell in cells.tolist()]
    return np.unique(texts, return_inverse=True)[1].reshape(-1)


def _show(cell: Any) -> str:
    return cell if isinstance(cell, str) else f"{cell:g}"


def _short(cell: object) -> str:
    text = repr(cell)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def finite_part(column: FloatArray) -> FloatArray:
    """Return the cells of a column of numbers that are not missing."""
    return column[~np.isnan(column)]
