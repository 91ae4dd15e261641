"""What a file or a text may ask for: every limit, and the words in which it is refused.

What a file declares is compared with these before memory is taken. A file that is mostly repetition
may unpack to much more than it is: `expanded_problem` and `cells_problem` bound that by its size.
`docs/reliability.md` lists them.
"""

from __future__ import annotations

LONGEST_FORMULA = 10_000
"""Characters of a formula."""

DEEPEST_NESTING = 100
"""Brackets inside brackets of a formula."""

LONGEST_ECHO = 200
"""Characters of a cell, a name or a formula that a message shows."""

LONGEST_LINE = 2000
"""Characters of a line of a message."""

LONGEST_CELL = 131_072
"""Characters of a cell of a table, in any format."""

MOST_CELLS = 5 * 10**7
"""Cells of a table that is held in memory."""

FREE_CELLS, CELLS_PER_BYTE = 2 * 10**6, 2
"""Cells that any file may have, and those that it may have for each of its bytes."""

FREE_BYTES, MOST_EXPANSION, MOST_EXPANDED = 2**25, 100, 2**32
"""Bytes that any archive may unpack to; how many times its size; and the most of all."""

MOST_MEMBERS = 10_000
"""Files in an archive."""

LARGEST_SETTINGS = 2**22
"""Bytes of a part of a workbook other than sheets and texts: styles, names, properties."""

LONGEST_HEADER = 2**25
"""Bytes of the header of a source or a model file."""

LARGEST_ARGUMENT = 10**5
"""Any number among the arguments of a network."""

LARGEST_NUMBER = 1e100
"""Numbers beside materials, and targets of a stack or an evaluation, which are squared."""

LARGEST_SEED = 2**63 - 1
"""Seed of pretraining."""

LARGEST_CRYSTAL_FILE = 2**28
"""Bytes of a file of crystals."""

LARGEST_POSCAR = 2**24
"""Bytes of a POSCAR file."""

MOST_LINES = 10**7
"""Lines of a file of extended XYZ."""

LARGEST_CIF = 2**22
"""Characters of a block of a CIF file."""

LONGEST_COMMENT = 20_000
"""Characters of a comment line of extended XYZ."""

MOST_ATOMS = 20_000
"""Atoms of one crystal."""

MOST_SITE_OPERATIONS = 50_000
"""Listed sites of a CIF file times the symmetry operations on them."""

MOST_COLUMNS = 1000
"""Numbers for an atom that a comment line of extended XYZ may state."""

LARGEST_LENGTH = 1e6
"""Edges of cells in Angstrom, and fractional coordinates."""

LARGEST_VOLUME = 1e8
"""Volume of a cell in cubic Angstrom."""

LARGEST_SEARCH = 10**7
"""Atoms of one crystal and their images within reach."""


def expanded_problem(expanded: int, size: int) -> str | None:
    """Return why a file must not be unpacked, None if it may be.

    Parameters
    ----------
    expanded : int
        Bytes that it unpacks to, as it declares.
    size : int
        Bytes of the file.
    """
    most = min(max(FREE_BYTES, MOST_EXPANSION * size), MOST_EXPANDED)
    if expanded <= most:
        return None
    return f"it unpacks to {expanded:,} bytes, expected at most {most:,} of a file of {size:,}"


def cells_problem(cells: int, size: int) -> str | None:
    """Return why a table must not be read, None if it may be.

    Parameters
    ----------
    cells : int
        Cells that it has, empty ones too.
    size : int
        Bytes of the file, unpacked where it is an archive.
    """
    most = min(FREE_CELLS + CELLS_PER_BYTE * size, MOST_CELLS)
    if cells <= most:
        return None
    return f"it has {cells:,} cells, expected at most {most:,} of a file of {size:,} bytes"
