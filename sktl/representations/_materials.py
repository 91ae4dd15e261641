"""What X is: formulas, crystal structures or columns of numbers, decided once and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from sktl._containers import as_known_table, as_objects, is_sequence, read_rows
from sktl._types import (
    AnyArray,
    Formula,
    Indices,
    IntArray,
    MaterialsLike,
    ObjectArray,
    StructuresLike,
)
from sktl.exceptions import InputError, StructureError
from sktl.representations._atoms import is_atoms, structures_from_atoms
from sktl.representations._compositions import Compositions, sort_fractions
from sktl.representations._crystals import Crystals
from sktl.representations._formula import parse_formulas
from sktl.representations._structures import is_structure, refuse_unusable, structure_text

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    from pymatgen.core import Structure

FORMULAS: Final = "formulas"
STRUCTURES: Final = "structures"
COLUMNS: Final = "columns"
Kind: TypeAlias = Literal["formulas", "structures", "columns"]


class Materials:
    """The rows of X, n of one kind, as every estimator reads them.

    Made once, where a user's X comes in, by `Materials.read`; all that follows takes it and asks
    nothing again. What is made of the rows, such as their compositions, is made on first use and
    kept, also for rows taken from it later.

    Parameters
    ----------
    kind : {"formulas", "structures", "columns"}
        What the rows are.
    items : list of length n, or array (n, d)
        Strings and pymatgen Composition, not yet parsed; pymatgen Structure, not yet checked; or
        numbers. Where numeric X is to be checked by its estimator, the table as it was given.
    names : tuple of str, optional
        Names of the columns of the frame that held them.
    conditions : frame of narwhals, optional
        What stands beside the materials: n rows.

    See Also
    --------
    Compositions, Crystals : What formulas and structures become.

    Examples
    --------
    >>> materials = Materials.read(["NaCl", "Fe2O3"])
    >>> materials.kind, len(materials), materials.compositions.keys()
    ('formulas', 2, ['11:0.5000;17:0.5000', '8:0.6000;26:0.4000'])
    """

    def __init__(
        self,
        kind: Kind,
        items: Any,
        *,
        names: tuple[str, ...] | None = None,
        conditions: nw.DataFrame[Any] | None = None,
    ) -> None:
        self.kind = kind
        self.items = items
        self.names = names
        self.conditions = conditions

    @classmethod
    def read(cls, X: Materials | MaterialsLike) -> Materials:
        """Return X as `Materials`.

        Parameters
        ----------
        X : sequence or Materials, length n
            Formulas (str or pymatgen Composition), structures (pymatgen Structure or ASE Atoms),
            or numbers: a list, tuple or array, or a series or frame of pandas, polars or pyarrow
            with one column of formulas or structures.

        Returns
        -------
        Materials
            X itself, if it is that.

        Raises
        ------
        InputError
            X is a single material, is empty, mixes kinds, or is no table at all.
        """
        if isinstance(X, cls):
            return X
        _refuse_single(X)
        if not is_sequence(X):
            raise InputError(
                f"Got X of type {type(X).__name__}, expected a sequence of formulas or a table of "
                "numbers."
            )
        _refuse_arrays_of_sites(X)
        rows = read_rows(X)
        if rows.items is not None:
            if not rows.items:
                raise InputError(
                    f"Got X of type {type(X).__name__} with 0 rows, expected at least one."
                )
            kind, items = _sort_items(rows.items)
            return cls(kind, as_known_table(X) if items is None else items, names=rows.names)
        _refuse_other_columns(X, rows.columns or {})
        return cls(COLUMNS, as_known_table(X), names=rows.names)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"Materials(kind={self.kind!r}, n={len(self)})"

    def take(self, chosen: Indices) -> Materials:
        """Return some of the rows; `chosen` is an integer or boolean array, or a slice."""
        if self.kind == COLUMNS:
            items = self.items[chosen]
        else:
            items = [self.items[row] for row in np.arange(len(self))[chosen].tolist()]
        taken = Materials(self.kind, items, names=self.names)
        if self.conditions is not None:
            taken.conditions = self.conditions[np.arange(len(self))[chosen].tolist()]
        for made in vars(self).keys() & {"compositions", "crystals"}:
            vars(taken)[made] = getattr(self, made).take(chosen)
        return taken

    @property
    def formulas(self) -> list[Formula]:
        """The formulas, or the compositions of structures: list of str or Composition."""
        if self.kind == STRUCTURES:
            return [structure.composition for structure in self.items]
        if self.kind == COLUMNS:
            raise InputError(
                f"Got X of type {type(self.items).__name__} and shape {np.shape(self.items)}, "
                "expected formulas: a list, Series, one-column DataFrame or array of strings or "
                "pymatgen Composition."
            )
        return self.items

    @property
    def structures(self) -> list[Structure]:
        """The structures: list of pymatgen Structure, not yet checked."""
        if self.kind == FORMULAS:
            raise StructureError(
                f"Got the formula {str(self.items[0])!r} in row 0 of X, expected structures, which "
                "this source or network reads; StructureReader makes them from files.",
                rows=list(range(len(self))),
            )
        if self.kind == COLUMNS:
            raise InputError(
                f"Got X of type {type(self.items).__name__} without structures, expected a list, "
                "Series, one-column DataFrame or object array of pymatgen Structure."
            )
        return self.items

    @cached_property
    def compositions(self) -> Compositions:
        """The `Compositions` of the rows; columns are read as elemental fractions.

        Raises
        ------
        FormulaError, InputError
            A formula cannot be read, or the columns are no elemental fractions.
        """
        if self.kind == COLUMNS:
            return Compositions.from_fractions(*sort_fractions(self.items, self.names))
        return parse_formulas(self.formulas)

    @cached_property
    def crystals(self) -> Crystals:
        """The `Crystals` of the rows.

        Raises
        ------
        StructureError, InputError
            The rows are no structures, or a structure cannot be used.
        """
        return Crystals.from_structures(self.structures)

    def name_row(self, row: int) -> str:
        """Return "row 3 ('NaCl')" for messages."""
        if self.kind == COLUMNS:
            return f"row {row}"
        item = self.items[row]
        return f"row {row} ({item.formula if is_structure(item) else str(item)!r})"

    def texts(self) -> list[str]:
        """Return a text for each row that people can read: of a structure its formula."""
        if self.kind == COLUMNS:
            return [f"row {row}" for row in range(len(self))]
        if self.kind == STRUCTURES:
            return [structure.composition.reduced_formula for structure in self.items]
        return list(map(formula_text, self.items))

    def digests(self) -> list[str]:
        """Return a text for each row that is equal for equal rows only."""
        if self.kind == COLUMNS:
            return [row.tobytes().hex() for row in self.items]
        if self.kind == STRUCTURES:
            return [sha256(structure_text(item)).hexdigest() for item in self.items]
        return list(map(formula_text, self.items))

    def to_plain(self) -> list[str] | list[list[float]]:
        """Return the rows as plain data: formulas, structures as JSON, or lists of numbers."""
        if self.kind == COLUMNS:
            return self.items.tolist()
        if self.kind == STRUCTURES:
            return [json.dumps(each.as_dict(), sort_keys=True, default=str) for each in self.items]
        return list(map(formula_text, self.items))

    def objects(self) -> ObjectArray | AnyArray:
        """Return the rows as other packages take them: an object array (n,), or the numbers."""
        return self.items if self.kind == COLUMNS else as_objects(self.items)


def check_structures(X: Materials | StructuresLike) -> list[Structure]:
    """Return X as a list of structures that can be used, or raise for all that cannot.

    Parameters
    ----------
    X : list, tuple, Series, object array or one-column DataFrame of Structure, length n
        Crystals.

    Returns
    -------
    list of Structure, length n
        The objects as they are; of ASE Atoms the Structure.

    Raises
    ------
    InputError
        X holds no structures.
    StructureError
        A structure has no atoms, no finite cell with a volume, is not periodic in three
        directions, has coordinates that are not finite, a site that is not one whole atom of an
        element, or atoms closer than 0.5 Angstrom, periodic images included. The message names row
        (0-based), formula and reason; `rows` holds all bad rows.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> good = Structure(Lattice.cubic(3.0), ["Po"], [[0, 0, 0]])
    >>> bad = Structure(Lattice.cubic(3.0), ["Po", "Po"], [[0, 0, 0], [0, 0, 0.1]])
    >>> check_structures([good, bad])
    Traceback (most recent call last):
    sktl.exceptions.StructureError: Got 1 of 2 structures that cannot be used, expected ordered
    crystals without overlapping atoms:
      row 1 ('Po2'): sites 0 (Po) and 1 (Po) are 0.3 A apart, closer than 0.5 A
    """
    materials = Materials.read(X)
    refuse_unusable(materials.structures)
    return materials.structures


def formula_text(formula: Formula) -> str:
    """Return a formula or a Composition as text."""
    return formula if isinstance(formula, str) else formula.formula.replace(" ", "")


def label_rows(batch: Compositions | Crystals | AnyArray) -> IntArray:
    """Return one integer a row of `Compositions`, `Crystals` or an array, equal for equal rows.

    They are numbered in an order of their own, whatever the order of the rows.
    """
    if isinstance(batch, np.ndarray):
        return np.unique(batch, axis=0, return_inverse=True)[1].reshape(-1)
    distinct, place = batch.unique()
    rank = np.empty(len(distinct), dtype=np.int64)
    rank[np.argsort(distinct.keys(), kind="stable")] = np.arange(len(distinct))
    return rank[place]


def _sort_items(items: list[Any]) -> tuple[Kind, list[Any] | None]:
    """Return the kind of items, and the items as they are kept; None for numbers."""
    examples = _examples(items)
    if any(map(is_structure, examples)) or any(map(is_atoms, examples)):
        return STRUCTURES, _check_structures(items)
    if any(map(_is_formula, examples)):
        return FORMULAS, items
    _refuse_rows(items)
    return COLUMNS, None


def _examples(items: list[Any]) -> list[Any]:
    """Return an item of each type that occurs: asking each of many items would take long."""
    types = set(map(type, items))
    if len(types) == 1:
        return items[:1]
    first: dict[type, Any] = {}
    for item in items:
        first.setdefault(type(item), item)
    return list(first.values())


def _check_structures(items: list[Any]) -> list[Structure]:
    for row, item in enumerate(items):
        if not (is_structure(item) or is_atoms(item)):
            raise InputError(f"Got {item!r} in row {row} of X, expected a Structure as elsewhere.")
    return structures_from_atoms(items) if any(map(is_atoms, items)) else items


def _refuse_single(X: Any) -> None:
    if isinstance(X, str | bytes) or _is_formula(X):
        raise InputError(f"Got X={X!r}, expected a sequence of formulas: [{X!r}].")
    if is_structure(X):
        raise InputError(f"Got X={X.formula!r}, a structure, expected a sequence of them: [X].")
    if is_atoms(X):
        raise InputError(f"Got X={X!r}, a structure, expected a sequence of them: [X].")


def _refuse_arrays_of_sites(X: object) -> None:
    if isinstance(X, np.ndarray) and X.size and _is_site(X.flat[0]):
        raise InputError(
            f"Got an array of shape {X.shape} with sites of structures, into which numpy takes "
            "structures apart, expected the list of structures itself."
        )


def _refuse_rows(items: list[Any]) -> None:
    """Raise for a row that is neither a formula nor numbers; numpy's own messages name no row."""
    for row, item in enumerate(items):
        if item is None or isinstance(item, bytes | dict):
            raise InputError(
                f"Got {item!r} in row {row} of X, expected a formula (str or Composition) or "
                "numbers."
            )
    if isinstance(items[0], list | tuple) and any(map(_is_formula, items[0])):
        raise InputError(
            f"Got {items[0]!r} in row 0 of X, expected one formula a row. Other columns can stand "
            "beside it in a ColumnTransformer."
        )


def _refuse_other_columns(X: Any, columns: Mapping[Any, list[Any]]) -> None:
    """Raise if one of several columns holds formulas or structures."""
    for name, column in columns.items():
        kind = _kind_of_column(column)
        if kind is not None:
            place = f"[[{name!r}]]" if hasattr(X, "columns") else f"[:, {name}]"
            raise InputError(
                f"Got X of type {type(X).__name__} with {X.shape[1]} columns, expected one column "
                f"of {kind}: X{place}. Other columns can stand beside it in a ColumnTransformer."
            )


def _kind_of_column(column: Sequence[Any]) -> Kind | None:
    """Return "formulas" for text other than numbers and Composition, "structures", or None."""
    if any(_is_formula(item) and not _is_number(item) for item in column):
        return FORMULAS
    return STRUCTURES if any(map(is_structure, column)) else None


def _is_formula(item: object) -> bool:
    return isinstance(item, str) or hasattr(item, "get_el_amt_dict")


def _is_number(item: Any) -> bool:
    try:
        float(item)
    except (TypeError, ValueError):
        return False
    return True


def _is_site(item: object) -> bool:
    return hasattr(item, "lattice") and hasattr(item, "species") and not is_structure(item)
