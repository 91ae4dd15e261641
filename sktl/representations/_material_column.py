"""Which column of a table holds the materials: the others stand beside them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sktl.exceptions import FormulaError, InputError
from sktl.representations._atoms import is_atoms
from sktl.representations._conditions import is_missing
from sktl.representations._formula import SYMBOLS, parse_formulas
from sktl.representations._structures import is_structure

AUTO = "auto"
FORMULA_NAMES = ("formula", "composition", "compound", "material")
_MOST_TRIED = 200
_FEW = 5
"""So many distinct texts may be those of a category, whatever they read as."""


class _Judged(NamedTuple):
    """What the distinct cells of a column of texts and objects are.

    Attributes
    ----------
    usual : bool
        The column is named as columns of formulas are.
    n : int
        How many, of 200 at most, read as formulas.
    share : float
        Of all distinct ones.
    compounds : bool
        Most of these formulas are of several elements.
    objects : bool
        There is a structure or a Composition, which is nothing else than a material.
    """

    usual: bool
    n: int
    share: float
    compounds: bool
    objects: bool = False

    @property
    def is_rich(self) -> bool:
        """Whether these are more formulas, of several elements, than a category has values."""
        return self.compounds and self.n > _FEW

    def outweighs(self, other: _Judged) -> bool:
        """Tell whether this column rather than the other one surely holds the materials."""
        if other.share < 0.5:
            return self.is_rich if other.usual else self.n >= other.n
        return self.compounds and self.n >= 3 * other.n and not other.is_rich


def find_material(
    columns: Mapping[Hashable, Sequence[Any]], material: str, labels: Iterable[Hashable]
) -> Hashable | None:
    """Return the label of the column of a table that holds the materials, or None for none.

    Parameters
    ----------
    columns : mapping of label to sequence
        The columns of texts and objects.
    material : str
        The label, or "auto": the column that surely is it. Words such as FCC and SPS read as
        formulas too, so where several columns can be it, one of them has to have a usual name, or
        by far the most formulas.
    labels : iterable of labels
        Of all columns.

    Raises
    ------
    InputError
        There is no column of this name, or it is not sure which one it is.
    """
    labels = list(labels)
    if material != AUTO:
        named = [label for label in columns if str(label) == str(material)]
        if not named:
            raise InputError(
                f"Got material={material!r}, expected the name of a column of formulas or "
                f"structures: X has {list(map(str, labels))}."
            )
        return named[0]
    judged = {label: _judge(label, cells) for label, cells in columns.items()}
    found = [label for label, each in judged.items() if each.share >= 0.5]
    if not found:
        return None
    usual = [label for label in found if judged[label].usual]
    if len(usual) == 1 and not any(judged[label].objects for label in found):
        return usual[0]
    doubts = {label: _doubts(judged, label) for label in found}
    sure = [label for label, others in doubts.items() if not others]
    if not sure:
        names = list(dict.fromkeys([*found, *doubts[found[0]]]))
        raise InputError(
            f"Got X in which the columns {' and '.join(map(repr, names))} can hold the materials, "
            f"expected their name: material={str(names[0])!r}."
        )
    elements = [str(label) for label in labels if label in SYMBOLS and label not in columns]
    if len(elements) > 1 and not judged[sure[0]].is_rich:
        raise InputError(
            f"Got X with the column {sure[0]!r} and columns named by elements, {elements[:5]}, "
            f"both of which can be the materials: say material={str(sure[0])!r}, or leave out "
            f"{sure[0]!r} where the others are amounts of elements."
        )
    return sure[0]


def _doubts(judged: Mapping[Hashable, _Judged], label: Hashable) -> list[Hashable]:
    """Return the columns that may be the materials rather than this one."""
    own = judged[label]
    return [
        other
        for other, each in judged.items()
        if other != label and (each.usual or each.n) and not own.outweighs(each)
    ]


def _judge(label: Hashable, cells: Sequence[Any]) -> _Judged:
    usual = str(label).strip().casefold() in FORMULA_NAMES
    distinct: dict[str, None] = {}
    for cell in cells:
        if is_structure(cell) or is_atoms(cell) or hasattr(cell, "get_el_amt_dict"):
            return _Judged(usual, _MOST_TRIED, 1.0, compounds=True, objects=True)
        if isinstance(cell, str) and not is_missing(cell):
            distinct[cell] = None
        if len(distinct) == _MOST_TRIED:
            break
    good = _readable(list(distinct))
    if not good:
        return _Judged(usual, 0, 0.0, compounds=False)
    n_elements = np.bincount(parse_formulas(good).rows)
    return _Judged(usual, len(good), len(good) / len(distinct), bool((n_elements > 1).mean() > 0.5))


def _readable(texts: list[str]) -> list[str]:
    """Return the texts that read as formulas."""
    if not texts:
        return []
    try:
        parse_formulas(texts)
    except FormulaError as error:
        bad = set(error.rows)
        return [text for row, text in enumerate(texts) if row not in bad]
    return texts
