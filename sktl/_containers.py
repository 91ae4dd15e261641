"""Rows of X out of whatever holds them: lists, arrays, and the series and frames of any library.

Nothing but `as_objects` makes an object array: numpy gives a list of Composition or Structure a
shape that depends on its content.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from sktl._types import AnyArray, ObjectArray
from sktl.exceptions import InputError


class Rows(NamedTuple):
    """What a container holds.

    Attributes
    ----------
    items : list of length n, or None
        One item a row, where the container has one dimension or one column.
    columns : dict of str or int to list, or None
        The columns of text or objects of a table with several columns, by name or number.
    names : tuple of str or None
        Names of all columns, where the container is a frame and all names are texts.
    frame : frame of narwhals or None
        The table itself, where it has several columns; its own names may be numbers.
    labels : sequence
        Names of all columns of such a table as it has them, texts or not.
    """

    items: list[Any] | None = None
    columns: dict[Any, list[Any]] | None = None
    names: tuple[str, ...] | None = None
    frame: nw.DataFrame[Any] | None = None
    labels: Sequence[Hashable] = ()


class Categories(list[Any]):
    """The cells of a column that its frame says is of categories."""


def as_objects(items: Collection[object]) -> ObjectArray:
    """Return a one-dimensional object array of the items, whatever they are."""
    array = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        array[i] = item
    return array


def is_sequence(X: object) -> bool:
    """Tell whether X can hold rows: a table, an array, or a sized collection with an order."""
    if hasattr(X, "shape") or hasattr(X, "__array__"):  # a kind of sparse matrix is a dict
        return True
    return hasattr(X, "__len__") and not isinstance(X, dict | set | frozenset)


def read_rows(X: Any) -> Rows:
    """Return the rows of a container; nothing is parsed, and no item is looked at.

    Parameters
    ----------
    X : list, tuple, array, or series or frame of pandas, polars or pyarrow
        What a user gives.

    Returns
    -------
    Rows
        Without items and columns where X is a table of numbers, or no container that is known.
    """
    frame = _as_frame(X)
    if frame is not None:
        return _read_frame(X, frame)
    if hasattr(X, "tolist") and hasattr(X, "ndim") and hasattr(X, "dtype"):
        return _read_array(X)
    if not isinstance(X, list | tuple):
        series = nw.from_native(X, pass_through=True, series_only=True)
        if isinstance(series, nw.Series):
            return Rows(series.to_list())
        return Rows(X.to_pylist() if hasattr(X, "to_pylist") else None)  # an array of pyarrow
    if X and type(X[0]) in (list, tuple) and all(map(_is_single, X)):
        return Rows([row[0] for row in X])
    return Rows(list(X))


def index_of(X: Any) -> Any:
    """Return the index of a series or frame of pandas; None of all else, also of a list."""
    return X.index if hasattr(X, "iloc") else None


def as_known_table(X: Any) -> Any:
    """Return X, or what numpy and scikit-learn know of a frame of another library: a pandas one."""
    frame = _as_frame(X)
    if frame is None or hasattr(X, "iloc"):
        return X
    import pandas as pd

    return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})


def _as_frame(X: Any) -> nw.DataFrame[Any] | None:
    """Return a frame of any library as narwhals has it, or None.

    Its columns are numbered where it is of pandas, in which names may occur twice.
    """
    if not hasattr(X, "shape") or not (hasattr(X, "columns") or hasattr(X, "column_names")):
        return None
    native = X.set_axis(range(X.shape[1]), axis=1) if hasattr(X, "set_axis") else X
    frame = nw.from_native(native, pass_through=True, eager_only=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def _read_frame(X: Any, frame: nw.DataFrame[Any]) -> Rows:
    names = _names(X)
    if frame.shape[1] == 1:
        return Rows(frame[:, 0].to_list(), names=names)
    columns, labels = {}, _labels(X)
    for place, (label, dtype) in enumerate(zip(labels, frame.schema.dtypes(), strict=True)):
        if not (dtype.is_numeric() or dtype == nw.Boolean):
            columns[label] = frame[:, place].to_list()
    return Rows(columns=columns, names=names, frame=frame, labels=labels)


def read_beside(rows: Rows, label: Hashable) -> dict[Any, list[Any] | AnyArray]:
    """Return all columns of a frame but one, by name: numbers as float arrays, others as lists.

    Those that the frame says are of categories are `Categories`.

    Parameters
    ----------
    rows : Rows
        What `read_rows` returned.
    label : str
        Name of the column that is left out.
    """
    found: dict[Any, list[Any] | AnyArray] = {}
    if rows.frame is None:
        return found
    names = rows.labels
    for place, (name, dtype) in enumerate(zip(names, rows.frame.schema.dtypes(), strict=True)):
        if name in names[:place]:
            raise InputError(f"Got two columns with the name {name!r}, expected one.")
        if name != label:
            found[name] = _read_column(rows.frame[:, place], dtype)
    return found


def _read_column(column: nw.Series[Any], dtype: nw.dtypes.DType) -> list[Any] | AnyArray:
    if dtype.is_numeric():
        return column.cast(nw.Float64).to_numpy()
    if dtype in (nw.Categorical, nw.Enum):
        return Categories(column.to_list())
    return column.to_list()


def _read_array(X: Any) -> Rows:
    if X.ndim == 2 and X.shape[1] == 1:
        X = X[:, 0]
    if X.ndim == 1:
        return Rows(X.tolist())
    if X.ndim == 2 and isinstance(X, np.ndarray) and X.dtype.kind in "OUT":
        return Rows(columns={i: X[:, i].tolist() for i in range(X.shape[1])})
    return Rows()


def _labels(X: Any) -> list[Hashable]:
    """Return the names of the columns of a frame as it has them, texts or not."""
    return list(X.column_names if hasattr(X, "column_names") else X.columns)


def _names(X: Any) -> tuple[str, ...] | None:
    labels = _labels(X)
    names = tuple(label for label in labels if isinstance(label, str))
    return names if len(names) == len(labels) else None


def _is_single(row: object) -> bool:
    return isinstance(row, list | tuple) and len(row) == 1
