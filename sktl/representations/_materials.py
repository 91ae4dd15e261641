"""What X is: formulas, crystal structures or columns of numbers, decided once and kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from sktl._containers import as_known_table, as_objects, is_sequence, read_beside, read_rows
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
from sktl.representations._compositions import Compositions, sort_fractions
from sktl.representations._conditions import Conditions
from sktl.representations._crystals import Crystals
from sktl.representations._formula import parse_formulas
from sktl.representations._items import (
    COLUMNS,
    FORMULAS,
    STRUCTURES,
    Kind,
    refuse_arrays_of_sites,
    refuse_other_columns,
    refuse_single,
    refuse_texts,
    sort_items,
)
from sktl.representations._material_column import find_material
from sktl.representations._structures import (
    is_structure,
    refuse_unusable,
    structure_from_text,
    structure_text,
)

if TYPE_CHECKING:
    from pymatgen.core import Structure


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
    conditions : Conditions, optional
        What stands beside the materials: n rows.
    material : str, optional
        Name of the column of the materials, where there are conditions.

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
        conditions: Conditions | None = None,
        material: str | None = None,
    ) -> None:
        self.kind = kind
        self.items = items
        self.names = names
        self.conditions = conditions
        self.material = material

    @classmethod
    def read(
        cls, X: Materials | MaterialsLike, material: str | None = None, *, tell: bool = True
    ) -> Materials:
        """Return X as `Materials`.

        Parameters
        ----------
        X : sequence or Materials, length n
            Formulas (str or pymatgen Composition), structures (pymatgen Structure or ASE Atoms),
            or numbers: a list, tuple or array, or a series or frame of pandas, polars or pyarrow
            with one column of formulas or structures.
        material : str, optional
            Where X is a frame with further columns, which then are the `Conditions`: the name of
            the column of the materials, or "auto" for the only one that can be it. Without it
            further columns are an error.
        tell : bool, default=True
            Warn of columns of texts that are numbers for the most part.

        Returns
        -------
        Materials
            X itself, if it is that.

        Raises
        ------
        InputError
            X is a single material, is empty, mixes kinds, or is no table at all; or it is not
            clear which column holds the materials, or a column beside it cannot be used.
        """
        if isinstance(X, cls):
            return X
        refuse_single(X)
        if not is_sequence(X):
            raise InputError(
                f"Got X of type {type(X).__name__}, expected a sequence of formulas or a table of "
                "numbers."
            )
        refuse_arrays_of_sites(X)
        rows = read_rows(X)
        if rows.items is not None:
            if not rows.items:
                raise InputError(_no_rows(X))
            kind, items = sort_items(rows.items)
            return cls(kind, as_known_table(X) if items is None else items, names=rows.names)
        if rows.frame is not None and not len(rows.frame):
            raise InputError(_no_rows(X))
        if material is None or rows.frame is None:
            refuse_other_columns(X, rows.columns or {})
        elif rows.columns:
            label = find_material(rows.columns, material, rows.labels)
            if label is None:
                refuse_texts(rows.columns)
            else:
                kind, items = sort_items(rows.columns[label])
                conditions = Conditions.read(read_beside(rows, label), tell=tell)
                return cls(
                    kind, items, names=rows.names, conditions=conditions, material=str(label)
                )
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
        taken = Materials(self.kind, items, names=self.names, material=self.material)
        if self.conditions is not None:
            taken.conditions = self.conditions.take(chosen)
        for made in vars(self).keys() & {"compositions", "crystals"}:
            vars(taken)[made] = getattr(self, made).take(chosen)
        return taken

    def alone(self) -> Materials:
        """Return the materials without what stands beside them."""
        if self.conditions is None:
            return self
        alone = Materials(self.kind, self.items)
        for made in vars(self).keys() & {"compositions", "crystals"}:
            vars(alone)[made] = getattr(self, made)
        return alone

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
        texts = self._texts()
        if self.conditions is None:
            return texts
        beside = self.conditions.texts()
        pairs = zip(texts, beside, strict=True)
        return [f"{text}, {more}" if more else text for text, more in pairs]

    def _texts(self) -> list[str]:
        if self.kind == COLUMNS:
            return [f"row {row}" for row in range(len(self))]
        if self.kind == STRUCTURES:
            return [structure.composition.reduced_formula for structure in self.items]
        return list(map(formula_text, self.items))

    def digests(self) -> list[str]:
        """Return a text for each row that is equal for equal rows only."""
        if self.kind == COLUMNS:
            digests = [row.tobytes().hex() for row in self.items]
        elif self.kind == STRUCTURES:
            digests = [sha256(structure_text(item)).hexdigest() for item in self.items]
        else:
            digests = list(map(formula_text, self.items))
        if self.conditions is None:
            return digests
        pairs = zip(digests, self.conditions.to_plain(), strict=True)
        return [json.dumps([digest, cells], sort_keys=True) for digest, cells in pairs]

    def to_plain(self) -> list[Any]:
        """Return the rows as plain data: formulas, structures as JSON, or lists of numbers.

        Where there are conditions, each row is a dict of its material and its conditions.
        """
        if self.kind == COLUMNS:
            plain = self.items.tolist()
        elif self.kind == STRUCTURES:
            plain = [json.dumps(item.as_dict(), sort_keys=True, default=str) for item in self.items]
        else:
            plain = list(map(formula_text, self.items))
        if self.conditions is None:
            return plain
        pairs = zip(plain, self.conditions.to_plain(), strict=True)
        return [{"material": item, "conditions": cells} for item, cells in pairs]

    @classmethod
    def from_plain(cls, kind: Kind, rows: Sequence[Any]) -> Materials:
        """Return what `to_plain` took apart, rows of one kind."""
        conditions = None
        if rows and isinstance(rows[0], dict):
            names = rows[0]["conditions"]
            columns = {name: [row["conditions"][name] for row in rows] for name in names}
            conditions = Conditions.read(columns, tell=False)
            rows = [row["material"] for row in rows]
        if kind == COLUMNS:
            return cls(kind, np.array(rows, dtype=np.float64))
        if kind == STRUCTURES:
            rows = list(map(structure_from_text, rows))
        return cls(kind, list(rows), conditions=conditions)

    def objects(self) -> ObjectArray | AnyArray:
        """Return the materials as other packages take them: an object array (n,), or numbers."""
        return self.items if self.kind == COLUMNS else as_objects(self.items)

    def plain_rows(self) -> Any:
        """Return the rows as a user gives them: materials, numbers, or a frame with conditions."""
        if self.conditions is None:
            return self.items
        import pandas as pd

        columns = {self.material or "material": as_objects(self.items), **self.conditions.columns}
        return pd.DataFrame({name: columns[name] for name in self.names or columns})


def _no_rows(X: object) -> str:
    return f"Got X of type {type(X).__name__} with 0 rows, expected at least one."


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


def label_pairs(first: IntArray, second: IntArray) -> IntArray:
    """Return one integer a row, equal for rows with equal labels in both of two arrays (n,)."""
    return np.unique(np.column_stack([first, second]), axis=0, return_inverse=True)[1].reshape(-1)
