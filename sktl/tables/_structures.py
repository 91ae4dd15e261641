"""A table of names of files, and the crystals in these files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from sktl.exceptions import StructureError
from sktl.representations import Fault, StructureReader, check_structures
from sktl.tables._findings import Finding
from sktl.tables._table import Table

if TYPE_CHECKING:
    from pymatgen.core import Structure

_ROW_NAMED = re.compile(r"^.*\n\s*row 0[^:]*: ", re.DOTALL)  # how an error on one row begins


def read_structures(
    table: Table, column: str, folder: Path
) -> tuple[list[Structure | None], list[Finding]]:
    """Return the structures in the files that a column names.

    Parameters
    ----------
    table : Table
        n rows.
    column : str
        Name of the column of names of files.
    folder : Path
        Where the files are: CIF or POSCAR.

    Returns
    -------
    structures : list of Structure or None, length n
        None for bad files.
    problems : list of Finding
        One for each bad file.
    """
    structures, problems, reader = [], [], StructureReader()
    cells = tqdm(table.column(column), "Reading files", disable=None, delay=2, leave=False)
    for row, name in enumerate(map(str.strip, cells)):
        structure = None
        try:
            if not name:
                raise StructureError("no name of a file")
            (structure,) = check_structures(reader.transform([folder / name]))
        except StructureError as error:
            reason = _ROW_NAMED.sub("", str(error)).removeprefix(f"{str(folder / name)!r}: ")
            fault = Fault("file that cannot be used", reason)
            problems.append(Finding(row, table.lines[row], column, name, fault))
        structures.append(structure)
    return structures, problems
