"""A table of names of crystals, the crystals in their files, and such a file as a table."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sktl._progress import count
from sktl._types import PathLike
from sktl.exceptions import StructureError, TableError
from sktl.representations import (
    SYMBOLS,
    Fault,
    StructureReader,
    check_structures,
    list_crystals,
)
from sktl.tables._cells import as_text
from sktl.tables._findings import Finding
from sktl.tables._table import Table

if TYPE_CHECKING:
    from pymatgen.core import Structure

STRUCTURE = "structure"
"""Name of the column of names of crystals, where the table is a file of crystals."""

_ROW_NAMED = re.compile(r"^.*\n\s*row 0[^:]*: ", re.DOTALL)  # how an error on one row begins


def read_structures(
    table: Table,
    column: str,
    place: Path,
    elements: Collection[int] | None = None,
    *,
    outside: bool = False,
) -> tuple[list[Structure | None], list[Finding]]:
    """Return the structures that a column names.

    Parameters
    ----------
    table : Table
        n rows.
    column : str
        Name of the column of names: of files, of a file and one of its crystals after a ``#``, or
        of crystals.
    place : Path
        The folder of the files (CIF, extended XYZ, POSCAR), or the one file of all crystals.
    elements : collection of int or None, default=None
        Atomic numbers that may be there; None for any.
    outside : bool, default=False
        Whether names may lead out of the folder: absolute ones, and those with ``..`` in them.

    Returns
    -------
    structures : list of Structure or None, length n
        None for those that cannot be used.
    problems : list of Finding
        One for each of these.
    """
    structures, problems, reader = [], [], StructureReader()
    cells = count(table.column(column), "Reading crystals", len(table), "rows")
    for row, name in enumerate(map(str.strip, cells)):
        structure, path = None, f"{place}#{name}" if place.is_file() else str(place / name)
        try:
            if not name:
                raise StructureError("no name of a file")
            if not (outside or place.is_file()) and _leads_out(place, name):
                raise StructureError(
                    "the name leads out of the folder; if that is meant, say --outside-folder"
                )
            (structure,) = check_structures(reader.transform([path]))
            _check_elements(structure, elements)
        except StructureError as error:
            reason = _ROW_NAMED.sub("", str(error)).removeprefix(f"{path!r}: ")
            reason = f"{place.name}: {reason}" if place.is_file() else reason
            fault = Fault("crystal that cannot be used", reason)
            problems.append(Finding(row, table.lines[row], column, name, fault))
            structure = None
        structures.append(structure)
    return structures, problems


def read_crystal_table(path: PathLike) -> Table:
    """Return a file of crystals as a table: a row for each.

    Parameters
    ----------
    path : path-like
        One of `CRYSTAL_FILES`.

    Returns
    -------
    Table
        The column `STRUCTURE` has their names.
        Others have the values of the comment lines of extended XYZ that are one number or text.

    Raises
    ------
    TableError
        The file cannot be read.
    """
    try:
        found = list_crystals(path)
    except StructureError as error:
        raise TableError(str(error)) from error
    names = [name for name, _, _ in found]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise TableError(
            f"Got several crystals called {twice!r} in {Path(path).name}: rename them."
        )
    keys = list(dict.fromkeys(key for *_, values in found for key in values if key != STRUCTURE))
    cells = [[name, *(_cell(values.get(key)) for key in keys)] for name, _, values in found]
    kept = [place for place in range(len(keys) + 1) if any(row[place] for row in cells)]
    header = [STRUCTURE, *keys]
    return Table(
        tuple(header[place] for place in kept),
        [[row[place] for place in kept] for row in cells],
        [line for _, line, _ in found],
    )


def _leads_out(place: Path, name: str) -> bool:
    """Return whether a name may mean a file that is not below the folder, by a link too."""
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or name.startswith("~"):
        return True
    folder = os.path.realpath(place)
    names = {name, name.rpartition("#")[0] or name} if "\0" not in name else set()
    return not all(Path(os.path.realpath(place / each)).is_relative_to(folder) for each in names)


def _cell(value: object) -> str:
    """Return one number or text as a cell; empty for what has parts."""
    if isinstance(value, np.generic):
        value = value.item()
    return "" if isinstance(value, dict | list | tuple | np.ndarray) else as_text(value)


def _check_elements(structure: Structure, elements: Collection[int] | None) -> None:
    unseen = set() if elements is None else {*structure.atomic_numbers} - {*elements}
    if unseen:
        names = ", ".join(SYMBOLS[number - 1] for number in sorted(unseen))
        raise StructureError(f"the source does not know {names}")
