"""Files of crystals: CIF with one or several blocks, extended XYZ with frames, POSCAR."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sktl._echo import echo
from sktl._limits import (
    LARGEST_CRYSTAL_FILE,
    LARGEST_POSCAR,
    LONGEST_COMMENT,
    MOST_COLUMNS,
    MOST_LINES,
)
from sktl._types import PathLike
from sktl.representations._atoms import structure_from_atoms
from sktl.representations._cif import read_cif
from sktl.representations._cif_text import split_cif
from sktl.representations._faults import UnreadableFile
from sktl.representations._poscar import read_poscar

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

CRYSTAL_FILES = (".cif", ".xyz", ".extxyz")
"""Endings of files that may hold more than one crystal."""

NAME_KEYS = ("id", "name", "label", "material_id")
"""What a frame of extended XYZ is called by, the first that its comment line has."""

_MAX_LISTED = 5
_STATED_COLUMNS = re.compile(r"\bproperties\s*=\s*['\"]?([^\s'\"]*)", re.IGNORECASE)
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class Block(NamedTuple):
    """One crystal of a file, not yet read.

    Attributes
    ----------
    name : str
        Of the block of a CIF file; of a frame what `NAME_KEYS` say, or its number from 0.
    line : int
        Where it begins in the file, from 1.
    read : callable
        Returns the Structure, or raises what its parser raises.
    values : dict of str to object
        What else the comment line of a frame says, such as an energy.
    """

    name: str
    line: int
    read: Callable[[], Structure]
    values: dict[str, Any]


def open_blocks(path: PathLike) -> tuple[Block, ...]:
    """Return the crystals of a file in their order, one or more.

    Raises
    ------
    UnreadableFile
        There is no such file, its name says no format, or nothing is in it.
    """
    path = Path(path).expanduser()
    name = path.name.lower()
    if not (
        name.endswith((*CRYSTAL_FILES, ".vasp"))
        or any(word in name for word in ("poscar", "contcar"))
    ):
        raise UnreadableFile(
            "expected *.cif, *.extxyz, *.xyz, *.vasp, or POSCAR or CONTCAR in the name"
        )
    if not path.is_file():
        raise UnreadableFile("there is no such file")
    status = path.stat()
    largest = LARGEST_CRYSTAL_FILE if name.endswith(CRYSTAL_FILES) else LARGEST_POSCAR
    if status.st_size > largest:
        raise UnreadableFile(f"it has {status.st_size:,} bytes, expected at most {largest:,}")
    return _open(path, status.st_mtime_ns, status.st_size)


def read_file(path: PathLike) -> Structure:
    """Return the one crystal of a file, or of several the one that a name after ``#`` says.

    Raises
    ------
    UnreadableFile
        The file cannot be read, or holds several crystals and the name is not of one of them.
    """
    path = Path(path).expanduser()
    place, mark, name = str(path).rpartition("#")
    if mark and not path.is_file():
        return _find(open_blocks(place), name).read()
    blocks = open_blocks(path)
    if len(blocks) > 1:
        raise UnreadableFile(
            f"it holds {len(blocks)} crystals, {_listed(blocks)}: write which one after a '#', "
            f"as in {f'{path.name}#{blocks[0].name}'!r}"
        )
    return blocks[0].read()


def _find(blocks: Sequence[Block], name: str) -> Block:
    """Return the crystal with a name, which is that of one only."""
    found = [block for block in blocks if block.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnreadableFile(f"{len(found)} of its crystals are called {name!r}, rename them")
    raise UnreadableFile(f"it has no crystal called {name!r}, but {_listed(blocks)}")


def _listed(blocks: Sequence[Block]) -> str:
    names = ", ".join(repr(block.name) for block in blocks[:_MAX_LISTED])
    return names + (", ..." if len(blocks) > _MAX_LISTED else "")


@lru_cache(maxsize=2)  # rows that name crystals of one file follow each other
def _open(path: Path, mtime: int, size: int) -> tuple[Block, ...]:
    """Return what is in a file of this age and size; its name says the format."""
    text = _text(path.read_bytes())
    suffix = path.suffix.lower()
    if suffix == ".cif":
        blocks = split_cif(text)
        if len(blocks) > 1:
            return tuple(
                Block(name, line, partial(read_cif, part), {}) for name, line, part in blocks
            )
        name, line, _ = blocks[0] if blocks else (path.stem, 1, text)
        return (Block(name, line, partial(read_cif, text), {}),)
    if suffix in CRYSTAL_FILES:
        return tuple(_frames(text))
    return (Block(path.stem, 1, partial(read_poscar, text), {}),)


def _text(content: bytes) -> str:
    """Return the text of a file: what its first bytes say, UTF-8, or what Windows writes."""
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)
    try:
        text = content.decode(marked or "utf-8", errors="replace" if marked else "strict")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _frames(text: str) -> list[Block]:
    """Return the frames of a file in extended XYZ, which ASE reads."""
    try:
        from ase.io.extxyz import read_xyz
    except ImportError as error:
        raise UnreadableFile("extended XYZ is read by ASE: pip install ase") from error
    n_lines = text.count("\n")
    if n_lines > MOST_LINES:
        raise UnreadableFile(f"it has {n_lines:,} lines, expected at most {MOST_LINES:,}")
    _check_frames(text.splitlines())
    blocks, line = [], 1
    try:
        frames: list[Atoms] = list(read_xyz(io.StringIO(text), index=slice(None)))
    except KeyError as error:  # of a table of elements
        raise UnreadableFile(f"it has the species {error}, which is no element of ASE") from None
    for number, atoms in enumerate(frames):
        values = dict(atoms.info)
        if atoms.calc is not None:
            values |= atoms.calc.results
        key = next((key for key in NAME_KEYS if key in values), None)
        name = str(number if key is None else values[key])
        blocks.append(Block(name, line, partial(structure_from_atoms, atoms), values))
        line += len(atoms) + 2
    if not blocks:
        raise UnreadableFile("it has no frames")
    return blocks


def _check_frames(lines: Sequence[str]) -> None:
    """Refuse frames that state more than the file has, before ASE takes memory for it."""
    for line in lines:
        if len(line) > LONGEST_COMMENT:
            raise UnreadableFile(f"it has a line of more than {LONGEST_COMMENT:,} characters")
        stated = line.strip()
        if stated.isdecimal() and int(stated[:20]) > len(lines):
            raise UnreadableFile(f"it states {stated[:20]} atoms, but has {len(lines):,} lines")
        found = _STATED_COLUMNS.search(line)
        numbers = re.findall(r"\d+", found[1]) if found else []
        if found and any(len(n) > 4 or int(n) > MOST_COLUMNS for n in numbers):
            raise UnreadableFile(
                f"it states {echo(found[1])}, expected at most {MOST_COLUMNS:,} numbers for an atom"
            )
