"""Which column of a table holds the materials: the others stand beside them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from sktl.exceptions import FormulaError, InputError
from sktl.representations._atoms import is_atoms
from sktl.representations._conditions import is_missing
from sktl.representations._formula import parse_formulas
from sktl.representations._structures import is_structure

AUTO = "auto"
_MOST_TRIED = 200


def find_material(
    columns: Mapping[Hashable, Sequence[Any]], material: str, labels: Iterable[Hashable]
) -> Hashable | None:
    """Return the label of the column of a table that holds the materials, or None for none.

    Parameters
    ----------
    columns : mapping of label to sequence
        The columns of texts and objects.
    material : str
        The label, or "auto": the column that can be it, if there is only one.
    labels : iterable of labels
        Of all columns.

    Raises
    ------
    InputError
        There is no column of this name, or several can be it.
    """
    if material != AUTO:
        if material not in columns:
            raise InputError(
                f"Got material={material!r}, expected the name of a column of formulas or "
                f"structures: X has {list(map(str, labels))}."
            )
        return material
    shares = {label: share_of_materials(cells) for label, cells in columns.items()}
    found = [label for label, share in shares.items() if share == 1.0]
    found = found or [label for label, share in shares.items() if share >= 0.5]
    if len(found) > 1:
        raise InputError(
            f"Got X in which the columns {' and '.join(map(repr, found))} can hold the materials, "
            f"expected their name: material={str(found[0])!r}."
        )
    return found[0] if found else None


def share_of_materials(cells: Sequence[Any]) -> float:
    """Return the share of distinct cells that read as formulas; 1 if one is a structure."""
    distinct: dict[str, None] = {}
    for cell in cells:
        if is_structure(cell) or is_atoms(cell) or hasattr(cell, "get_el_amt_dict"):
            return 1.0
        if isinstance(cell, str) and not is_missing(cell):
            distinct[cell] = None
        if len(distinct) == _MOST_TRIED:
            break
    if not distinct:
        return 0.0
    try:
        parse_formulas(list(distinct))
    except FormulaError as error:
        return 1.0 - len(error.rows) / len(distinct)
    return 1.0
