"""What the items of X are: formulas, crystal structures or numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from sktl.exceptions import InputError
from sktl.representations._atoms import is_atoms, structures_from_atoms
from sktl.representations._structures import is_structure

if TYPE_CHECKING:
    from pymatgen.core import Structure

FORMULAS: Final = "formulas"
STRUCTURES: Final = "structures"
COLUMNS: Final = "columns"
Kind: TypeAlias = Literal["formulas", "structures", "columns"]


def sort_items(items: list[Any]) -> tuple[Kind, list[Any] | None]:
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


def refuse_single(X: Any) -> None:
    if isinstance(X, str | bytes) or _is_formula(X):
        raise InputError(f"Got X={X!r}, expected a sequence of formulas: [{X!r}].")
    if is_structure(X):
        raise InputError(f"Got X={X.formula!r}, a structure, expected a sequence of them: [X].")
    if is_atoms(X):
        raise InputError(f"Got X={X!r}, a structure, expected a sequence of them: [X].")


def refuse_arrays_of_sites(X: object) -> None:
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


def refuse_other_columns(X: Any, columns: Mapping[Any, list[Any]]) -> None:
    """Raise if one of several columns holds formulas or structures."""
    for name, column in columns.items():
        kind = _kind_of_column(column)
        if kind is not None:
            place = f"[[{name!r}]]" if hasattr(X, "columns") else f"[:, {name}]"
            raise InputError(
                f"Got X of type {type(X).__name__} with {X.shape[1]} columns, expected one column "
                f"of {kind}: X{place}. Other columns can stand beside it in a ColumnTransformer."
            )


def refuse_texts(columns: Mapping[Any, list[Any]]) -> None:
    """Raise if one of several columns, none of which can be the materials, holds texts."""
    for name, column in columns.items():
        for row, item in enumerate(column):
            if isinstance(item, str) and not _is_number(item):
                raise InputError(
                    "Got X in which no column can hold the materials, expected one column of "
                    f"formulas or structures: {item!r} in row {row} of {name!r} is none."
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
