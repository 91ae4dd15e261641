"""POSCAR files of VASP as pymatgen Structures; what disagrees within one is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from sktl._echo import echo
from sktl._limits import MOST_ATOMS
from sktl._types import FloatArray
from sktl.representations._faults import UnreadableFile
from sktl.representations._symbols import ELEMENTS

if TYPE_CHECKING:
    from pymatgen.core import Structure

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eEdD][-+]?\d+)?"
_ROW = re.compile(rf"\s*({_NUMBER})(?:\s+|(?=-))({_NUMBER})(?:\s+|(?=-))({_NUMBER})(?!\S)", re.A)
_SPECIES = re.compile(r"([A-Z][a-z]?)(?:[0-9]*\.?[0-9]*[-+]|[0-9]*)")
_COMMENT = re.compile(r"[!#].*")
_FLAG = re.compile(r"\.?[TF].*", re.IGNORECASE)


class _Header(NamedTuple):
    """What stands above the atoms: one species for each of them, or none, and where they begin."""

    species: list[str]
    n_atoms: int
    selective: bool
    cartesian: bool
    first: int


def read_poscar(text: str) -> Structure:
    """Return the crystal of a POSCAR file.

    Raises
    ------
    UnreadableFile
        It is incomplete, its parts disagree, or nothing in it says what the atoms are.
    """
    from pymatgen.core import Structure

    lines = text.splitlines()
    if not text.strip():
        raise UnreadableFile("Empty POSCAR")
    lattice, scale = _lattice(lines)
    header = _header(lines)
    end = header.first + header.n_atoms
    rows = [_row(lines, i) for i in range(header.first, end)]
    _check_rest(lines[end:], header.n_atoms)
    names = [_name(rest, header.selective) for _, rest in rows]
    species = header.species or names
    for number, (stated, name) in enumerate(zip(species, names, strict=True), header.first + 1):
        if not stated:
            raise UnreadableFile("Elements in POSCAR cannot be determined: write their symbols "
                                   "in a line above the numbers of atoms")  # fmt: skip
        if name and name != _symbol(stated):
            raise UnreadableFile(
                f"line {number} is an atom of {name}, but the line of species has {stated} there"
            )
    places = np.array([place for place, _ in rows]) * (scale if header.cartesian else 1.0)
    return Structure(lattice, species, places, coords_are_cartesian=header.cartesian)


def _lattice(lines: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Return the lattice vectors as rows, and the factors of x, y and z that are in them."""
    if len(lines) < 2:
        raise UnreadableFile("it has one line, expected a comment, a scale, a cell, and atoms")
    words = _COMMENT.sub("", lines[1]).split()
    if len(words) not in (1, 3) or not all(re.fullmatch(_NUMBER, word, re.A) for word in words):
        _refuse(lines, 1, "one scale, or three")
    scale = np.array([_float(word) for word in words])
    vectors = np.array([_row(lines, place)[0] for place in range(2, 5)])
    volume = abs(np.linalg.det(vectors))
    if not volume > 0:
        raise UnreadableFile(f"its cell {vectors.tolist()} has no volume")
    if len(scale) == 1 and scale[0] < 0:  # a volume
        scale = (-scale / volume) ** (1 / 3)
    if not (scale > 0).all():
        _refuse(lines, 1, "one scale, or three above 0")
    factors = np.broadcast_to(scale, 3)
    return vectors * factors, factors


def _header(lines: Sequence[str]) -> _Header:
    """Return what the lines from the species on state."""
    place, symbols = 5, []
    while place < len(lines) and not re.match(r"\s*\d", lines[place]):
        words = _COMMENT.sub("", lines[place]).split()
        if not words:
            break
        symbols += [_species(word) for word in words]
        place += 1
    counts: list[int] = []
    while len(counts) < max(1, len(symbols)) and re.match(
        r"\s*\d+(?!\S)", "".join(lines[place : place + 1]), re.A
    ):
        words = _COMMENT.sub("", lines[place]).split()
        if not all(re.fullmatch(r"\d+", word, re.A) for word in words):
            _refuse(lines, place, "numbers of atoms")
        counts += [int(word[:20]) for word in words]
        place += 1
    if not counts:
        _refuse(lines, place, "numbers of atoms")
    if symbols and len(symbols) != len(counts):
        raise UnreadableFile(
            f"it has {len(symbols)} species, {echo(' '.join(symbols))}, but {len(counts)} numbers "
            "of atoms: write one for each"
        )
    n_atoms = _checked(sum(counts), len(lines))
    species = [name for name, n in zip(symbols, counts, strict=False) for _ in range(n)]
    selective = _word(lines, place).startswith("s")
    mode = place + selective
    return _Header(species, n_atoms, selective, _word(lines, mode)[:1] in ("c", "k"), mode + 1)


def _checked(n_atoms: int, n_lines: int) -> int:
    """Refuse what states more than a file has, before memory is taken for it."""
    if n_atoms > n_lines:
        raise UnreadableFile(f"it states {n_atoms:,} atoms, but has {n_lines:,} lines")
    if not 0 < n_atoms <= MOST_ATOMS:
        raise UnreadableFile(f"it states {n_atoms:,} atoms, expected at most {MOST_ATOMS:,}")
    return n_atoms


def _species(word: str) -> str:
    """Return a species without the name of its potential, as in 'Mg_pv/f474ac0d'."""
    name = re.split("[/_]", word)[0]
    if _symbol(name) in ELEMENTS:
        return _symbol(name) if name[-1].isdigit() else name
    usual = name.capitalize()
    raise UnreadableFile(
        f"its line of species has {echo(word)}, which is no element"
        + (f": write {usual!r} if it is that" if usual in ELEMENTS else "")
    )


def _symbol(name: str) -> str:
    found = _SPECIES.fullmatch(name)
    return found[1] if found else ""


def _word(lines: Sequence[str], place: int) -> str:
    """Return a line that begins with a letter, in lower case."""
    word = lines[place].strip().lower() if place < len(lines) else ""
    if not word[:1].isalpha():
        _refuse(lines, place, "'Direct' or 'Cartesian'")
    return word


def _row(lines: Sequence[str], place: int) -> tuple[list[float], list[str]]:
    """Return the three numbers of a line, and the words behind them."""
    line = lines[place] if place < len(lines) else ""
    found = _ROW.match(line)
    if not found:
        _refuse(lines, place, "three numbers")
    return [_float(each) for each in found.groups()], _COMMENT.sub("", line[found.end() :]).split()


def _float(text: str) -> float:
    return float(text.lower().replace("d", "e"))


def _name(words: Sequence[str], selective: bool) -> str:
    """Return the element that is written behind the coordinates of an atom, or an empty text."""
    if selective or (len(words) >= 3 and all(map(_FLAG.fullmatch, words[:3]))):
        words = words[3:]
    return words[0] if words and words[0] in ELEMENTS else ""


def _check_rest(lines: Sequence[str], n_atoms: int) -> None:
    """Refuse what follows the atoms, unless it is about their motion."""
    parts = [part for part in re.split(r"\n\s*\n", "\n".join(lines)) if part.strip()]
    if not parts:
        return
    begin = parts[0].strip()[:1].lower()
    moved = parts[1:] if begin == "l" else parts  # 'Lattice velocities and vectors'
    rows = moved[0].strip("\n").splitlines() if moved else []
    headed = bool(rows) and rows[0].strip()[:1].lower() in ("c", "k", "d")
    rows = rows[headed:]
    follows = begin == "l" or headed or not lines[0].strip()
    if follows and (not moved or (len(rows) == n_atoms and all(map(_ROW.match, rows)))):
        return
    raise UnreadableFile(
        f"it states {n_atoms:,} atoms, but {echo(parts[0].strip().splitlines()[0])} follows them: "
        "correct the numbers of atoms, or leave it out"
    )


def _refuse(lines: Sequence[str], place: int, wanted: str) -> NoReturn:
    found = echo(lines[place].strip()) if place < len(lines) else "missing"
    raise UnreadableFile(f"line {place + 1} is {found}, expected {wanted}")
