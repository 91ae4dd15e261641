"""Types that many signatures share, each under one name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from pymatgen.core import Composition, Structure

__all__ = [
    "AnyArray",
    "ArrayLike",
    "BoolArray",
    "CellArrays",
    "FloatArray",
    "Formula",
    "FormulasLike",
    "Indices",
    "IntArray",
    "Material",
    "MaterialsLike",
    "NewCells",
    "ObjectArray",
    "PathLike",
    "Shaped",
    "SingleArray",
    "StructuresLike",
    "TableKind",
]


class Shaped(Protocol):
    """An array, a Series or a data frame, of whatever library."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...


class ReadRows(Protocol):
    """Rows of X that have been read: `Materials`."""

    kind: Any
    items: Any

    def __len__(self) -> int: ...

    def name_row(self, row: int) -> str: ...


AnyArray: TypeAlias = NDArray[Any]
"""An array of any kind of number, text or object."""

FloatArray: TypeAlias = NDArray[np.float64]
SingleArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.integer]
BoolArray: TypeAlias = NDArray[np.bool_]
ObjectArray: TypeAlias = NDArray[np.object_]

CellArrays: TypeAlias = tuple[IntArray, FloatArray, FloatArray]
"""Atomic numbers (n,), lattice vectors as rows (3, 3), Angstrom, fractional coordinates (n, 3)."""

Indices: TypeAlias = slice | Sequence[int] | IntArray | BoolArray
"""Which rows are meant, as in indexing a numpy array."""

PathLike: TypeAlias = str | os.PathLike[str]

Formula: TypeAlias = "str | Composition"
Material: TypeAlias = "str | Composition | Structure"

FormulasLike: TypeAlias = "Sequence[Formula] | Shaped"
"""Formulas in any container that users have them in."""

StructuresLike: TypeAlias = "Sequence[Structure] | Shaped"
"""Crystals in any container that users have them in."""

MaterialsLike: TypeAlias = "Sequence[Material] | Shaped | ReadRows"
"""Formulas or crystals in any container that users have them in, or as they were read from it."""

NewCells: TypeAlias = list[str] | FloatArray
"""Cells of a column that is added to a table: texts, or numbers."""

TableKind: TypeAlias = Literal["csv", "tsv", "parquet", "xlsx"]
