"""A scikit-learn transformer that reads crystal structures from files and other objects."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias

from sklearn.base import BaseEstimator, TransformerMixin

from sktl._containers import as_objects, read_rows
from sktl._state import stored
from sktl._types import ObjectArray, PathLike, Shaped
from sktl.exceptions import InputError, StructureError
from sktl.representations._atoms import UnreadableAtoms, is_atoms, structure_from_atoms
from sktl.representations._faults import UnreadableFile
from sktl.representations._structure_files import (
    CRYSTAL_FILES,
    Block,
    open_blocks,
    read_file,
)
from sktl.representations._structures import MIX, is_structure, mix_disordered, refuse_rows

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure
    from sklearn.utils import Tags

_SITE_KEYS = ("species", "abc", "label")

Disordered: TypeAlias = Literal["refuse", "mix"]

StructuresToRead: TypeAlias = (
    "PathLike | Sequence[PathLike | Atoms | Structure | dict[str, Any]] | Shaped"
)
"""Crystals in any form that `StructureReader` reads."""


@stored("structure-reader/1")
class StructureReader(TransformerMixin, BaseEstimator):
    """Turn files and other objects into pymatgen Structures, for estimators that take those.

    Nothing is learned. Put it first in a pipeline.

    Parameters
    ----------
    disordered : {"refuse", "mix"}, default="refuse"
        What estimators that read structures do with a crystal that has sites shared by elements or
        partly empty. "mix": each element on a site is an atom of its own, whose messages to its
        neighbours are scaled by its occupancy, and which has that weight in the mean over the
        crystal; atoms of one site do not see each other. A site that is empty in part sends so
        much less. "refuse": they raise an error. Estimators that read the composition alone take
        such a crystal in any case.

    Raises
    ------
    InputError
        If X is no sequence: a single dict or structure, or a path that is no file of several; or
        `disordered` is neither.
    StructureError
        If a row cannot be read; the message names the row (0-based), the path or type, and the
        reason, and `rows` holds all bad rows.

    Notes
    -----
    A row is one of these, and rows may differ:

    - The path of a file, str or Path: ``*.cif``, ``*.extxyz`` or ``*.xyz``, or a name with POSCAR,
      CONTCAR or ``.vasp`` in it, in any case. Of a file with several crystals one is named after a
      ``#``: ``"all.cif#quartz"`` is the block ``data_quartz``, ``"run.extxyz#7"`` the frame whose
      comment line has ``id``, ``name``, ``label`` or ``material_id`` 7, or without these the
      frame 7, counted from 0. Extended XYZ is read by ASE. A CIF file is refused where what is
      read may be another crystal than the one that it states: elements without sites, other amounts
      than those of the formula, an unknown symmetry. A POSCAR without element symbols is refused:
      nothing in it says what the atoms are.
    - ASE Atoms. Only cell, positions, atomic numbers and periodicity are taken. ASE is not needed
      to run this.
    - A dict as `Structure.as_dict` returns it. Properties of sites are left out.
    - A pymatgen Structure, which stays as it is.

    X may also be the path of one file of several crystals, ``*.cif``, ``*.extxyz`` or ``*.xyz``:
    each of its blocks or frames is a row then, in the order of the file.
    `sktl.representations.list_crystals` names them.

    Whether a structure makes sense, without disorder or overlapping atoms, is checked by the
    estimator that gets it.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> salt = Structure(Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> structures = StructureReader().fit_transform([salt, salt.as_dict()])
    >>> [structure.formula for structure in structures]
    ['Cs1 Cl1', 'Cs1 Cl1']
    """

    disordered: Disordered = "refuse"  # of readers that were stored before there was a choice

    def __init__(self, *, disordered: Disordered = "refuse") -> None:
        self.disordered = disordered

    def fit(self, X: StructuresToRead, y: object = None) -> Self:
        """Do nothing but look at the container; rows are read by `transform`.

        Parameters
        ----------
        X : list, tuple, Series, one-column DataFrame or object array, shape (n,), or a path
            Paths, ASE Atoms, dicts or Structures, or the file of several crystals.
        y : ignored

        Returns
        -------
        StructureReader
            This transformer.
        """
        _as_items(X)
        self._check()
        self.n_features_in_ = 1
        return self

    def transform(self, X: StructuresToRead) -> ObjectArray:
        """Read all rows.

        Parameters
        ----------
        X : list, tuple, Series, one-column DataFrame or object array, shape (n,), or a path
            Paths, ASE Atoms, dicts or Structures, or the file of several crystals.

        Returns
        -------
        ndarray of object, shape (n,)
            pymatgen Structures.
        """
        self._check()
        structures, problems = [], {}
        items = _as_items(X)
        for row, item in enumerate(items):
            try:
                structures.append(_read(item))
            except _Unreadable as error:
                problems[row] = f"row {row}: {error}"
        refuse_rows(
            problems,
            f"of {len(items)} rows that cannot be read, expected CIF or POSCAR files, ASE Atoms, "
            "dicts or pymatgen Structures",
        )
        if self.disordered == MIX:
            structures = [each if each.is_ordered else mix_disordered(each) for each in structures]
        return as_objects(structures)

    def _check(self) -> None:
        if self.disordered not in ("refuse", MIX):
            raise InputError(f"Got disordered={self.disordered!r}, expected 'refuse' or 'mix'.")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = []
        return tags


class _Unreadable(Exception):
    """Why one row cannot be read."""


class _BlockOfFile(NamedTuple):
    """A row that is one crystal of the file that is X."""

    path: str
    block: Block


def list_crystals(path: PathLike) -> list[tuple[str, int, dict[str, Any]]]:
    """Return what the crystals of a file are called, and what else it says of each.

    Parameters
    ----------
    path : path-like
        ``*.cif``, ``*.extxyz`` or ``*.xyz``.

    Returns
    -------
    list of (str, int, dict)
        In the order of the file: a name, the line where the crystal begins, and values. The name is
        that of a block of a CIF file that has sites of atoms; of a frame of extended XYZ what its
        comment line says as ``id``, ``name``, ``label`` or ``material_id``, or else its number
        from 0. The values are those of the comment line by their names, in the units of the file.

    Raises
    ------
    StructureError
        The file cannot be read.
    """
    blocks = [item.block for item in _file_items(path)]
    return [(block.name, block.line, block.values) for block in blocks]


def _file_items(path: PathLike) -> list[_BlockOfFile]:
    """Return the crystals of a file as rows."""
    try:
        return [_BlockOfFile(str(path), block) for block in open_blocks(path)]
    except UnreadableFile as error:
        raise StructureError(f"Got {str(path)!r}: {error}.") from None
    except Exception as error:  # whatever a parser raises
        raise StructureError(f"Got {str(path)!r}: {type(error).__name__}: {error}.") from error


def _as_items(X: Any) -> Sequence[object]:
    """Return the rows of a container as a list, which may hold anything, or those of a file."""
    if (
        isinstance(X, str | os.PathLike)
        and str(X).lower().endswith(CRYSTAL_FILES)
        and os.path.isfile(X)
    ):
        return _file_items(X)
    single = isinstance(X, str | bytes | os.PathLike | dict) or is_atoms(X) or is_structure(X)
    items = None if single else read_rows(X).items
    if items is None:
        raise InputError(
            f"Got X of type {type(X).__name__}, expected a sequence of paths, ASE Atoms, dicts or "
            "pymatgen Structures."
        )
    if not items:
        raise InputError(f"Got X of type {type(X).__name__} with 0 rows, expected at least one.")
    return items


def _read(item: Any) -> Structure:
    """Return one row as a Structure, or raise `_Unreadable`."""
    if is_structure(item):
        return item
    read: Callable[[Any], Structure]
    if isinstance(item, str | os.PathLike):
        read, what = read_file, f"{str(item)!r}"
    elif isinstance(item, _BlockOfFile):
        read, what = _read_block, f"{item.path!r}, block {item.block.name!r}"
    elif is_atoms(item):
        read, what = structure_from_atoms, f"{type(item).__name__}"
    elif isinstance(item, dict):
        read, what = _read_dict, "dict"
    else:
        raise _Unreadable(f"Got {item!r} of type {type(item).__name__}")
    try:
        return read(item)
    except (_Unreadable, UnreadableFile, UnreadableAtoms) as error:
        raise _Unreadable(f"{what}: {error}") from None
    except Exception as error:  # whatever a parser raises is reported with its row
        raise _Unreadable(f"{what}: {type(error).__name__}: {error}") from error


def _read_block(item: _BlockOfFile) -> Structure:
    return item.block.read()


def _read_dict(content: dict[str, Any]) -> Structure:
    from pymatgen.core import Structure

    missing = {"lattice", "sites"} - content.keys()
    if missing:
        raise _Unreadable(f"it has no {' and no '.join(sorted(missing))}")
    sites = [{key: site[key] for key in _SITE_KEYS if key in site} for site in content["sites"]]
    return Structure.from_dict({"lattice": content["lattice"], "sites": sites})
