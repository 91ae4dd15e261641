"""The symmetry operations of a CIF file: as listed, or those of its space group."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sktl._types import FloatArray, IntArray
from sktl.representations._faults import UnreadableFile
from sktl.representations._space_groups import (
    StatedGroup,
    agreeing,
    largest,
    operations_of,
    settings,
)

if TYPE_CHECKING:
    from pymatgen.core import Lattice

OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_MAGNETIC = "_space_group_symop_magn_operation_xyz"
_CENTRINGS = "_space_group_symop_magn_centering_xyz"
_REVERSAL = re.compile(r",\s*[-+]?1\s*$")
_CENTRED = {"A": 2, "B": 2, "C": 2, "I": 2, "F": 4}
_LEAST_ORDERS = {"orthorhombic": 4, "tetragonal": 4, "trigonal": 3, "rhombohedral": 3}
_LEAST_ORDERS |= {"hexagonal": 3, "cubic": 12}
_SUMMAND = r"(?:[xyz]|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:/[0-9]+)?)"
_PART = re.compile(rf"[-+]?{_SUMMAND}(?:[-+]{_SUMMAND})*", re.IGNORECASE)
_METRIC_TOLERANCE = 0.02  # share of the squared edges of a cell
_PLACE_TOLERANCE = 0.13  # of 1/24, in which all translations of the tables are whole: 0.33 is 8/24
_EXACT_PLACE = 0.05  # of 1/24


def listed_operations(block: Mapping[str, object]) -> list[str]:
    """Return the operations that a block lists, as texts; they must be a group.

    Raises
    ------
    UnreadableFile
        They cannot be read, some are missing, or two lists of them disagree.
    """
    lists = [texts for key in OPERATIONS for name in (key, f"{key}_")
             if (texts := _listed(block, name))]  # fmt: skip
    magnetic = [_REVERSAL.sub("", text) for text in _listed(block, _MAGNETIC)]
    centrings = [_REVERSAL.sub("", text) for text in _listed(block, _CENTRINGS)]
    if magnetic:
        lists.append(_products(magnetic, centrings or ["x, y, z"]))
    if not lists:
        return []
    rotations, translations = _parse(lists[0])
    if not _is_group(rotations, translations):
        raise UnreadableFile("its symmetry operations are no group: some are missing")
    steps = translations * 24
    own = _codes(rotations, np.rint(steps).astype(np.int64) % 24)
    for texts in lists[1:]:
        others, shifts = _parse(texts)
        if set(_codes(others, np.rint(shifts * 24).astype(np.int64) % 24)) != set(own):
            raise UnreadableFile(
                f"it lists symmetry operations twice, {len(lists[0])} and {len(texts)} that "
                "disagree: leave out one of the lists"
            )
    apart = np.abs(steps - np.rint(steps)).max()
    return _texts(rotations, translations) if _EXACT_PLACE < apart <= _PLACE_TOLERANCE else lists[0]


def _listed(block: Mapping[str, object], key: str) -> list[str]:
    value = block.get(key)
    texts = [value] if isinstance(value, str) else value
    return texts if isinstance(texts, list) and not {*texts} <= {".", "?"} else []


def _products(operations: list[str], centrings: list[str]) -> list[str]:
    """Return the operations of a magnetic group, without the reversal of time, each once."""
    rotations, places = _parse(operations)
    turns, shifts = _parse(centrings)
    whole = np.einsum("aij,bjk->abik", turns, rotations).reshape(-1, 3, 3)
    moved = (np.einsum("aij,bj->abi", turns, places) + shifts[:, None]).reshape(-1, 3)
    codes = _codes(whole, np.rint(moved * 24).astype(np.int64) % 24)
    once = np.sort(np.unique(codes, return_index=True)[1])
    return _texts(whole[once], moved[once])


def candidate_operations(group: StatedGroup, lattice: Lattice) -> list[list[str]]:
    """Return the operations of the settings of a space group that a file may mean.

    Returns
    -------
    list of list of str
        One list of operations for each setting; several only where the origin is not stated.

    Raises
    ------
    UnreadableFile
        The group is not known, its name, number and symbol disagree, or it does not fit to the
        cell.
    """
    if not (group.known and group.named):
        raise UnreadableFile(f"it lists no symmetry operations, and the space group {group.shown} "
                             "with its setting and number is not known")  # fmt: skip
    meant = agreeing(group)
    if not meant:
        choice = f" with the setting {group.choice!r}" if group.choice else ""
        raise UnreadableFile(f"it lists no symmetry operations, and {group.shown}{choice} are not "
                             "known as one space group")  # fmt: skip
    found = []
    for setting in meant:
        rotations, translations = operations_of(setting.hall_number)
        if fits(rotations, lattice):
            found.append((setting, _texts(rotations, translations)))
    if not found:
        raise UnreadableFile(f"its cell does not fit to the space group {group.shown}")
    origins = {setting.choice[:1] for setting, _ in found} & {"1", "2"}
    return [texts for _, texts in found] if len(origins) > 1 else [found[0][1]]


def check_listed(texts: list[str], lattice: Lattice) -> None:
    """Raise `UnreadableFile` if a cell does not fit to the operations of its file."""
    if not fits(_parse(texts)[0], lattice):
        raise UnreadableFile("its cell does not fit to its symmetry operations")


def unlisted_group(texts: list[str], group: StatedGroup) -> int:
    """Return the number of the stated group, 0 if operations are all of it or it is not known."""
    meant = largest(group)
    if not meant:
        return 0
    rotations, translations = _parse(texts)
    kinds = len(np.unique(rotations, axis=0))
    wanted = [operations_of(setting.hall_number)[0] for setting in meant]
    whole = any(
        kinds == len(np.unique(each, axis=0)) and len(texts) == len(each) for each in wanted
    )
    number = meant[0].number
    return 0 if whole or _number(rotations, translations) == number else number


def check_unknown(texts: list[str], group: StatedGroup) -> None:
    """Refuse operations that cannot be those of a group whose name is not known."""
    rotations = _parse(texts)[0]
    kinds = len(np.unique(rotations, axis=0))
    lattice_points = int((rotations == np.eye(3)).all(axis=(1, 2)).sum())
    names = [name.strip("'\" -") for name in group.unknown if "(" not in name]
    centred = max((_CENTRED.get(name[:1], 1) for name in names), default=1)
    least = [2] * len(group.unknown) + [_least_order(text) for text in group.others]
    if lattice_points < centred or (not group.known and kinds < max(least, default=1)):
        raise UnreadableFile(
            f"its {len(texts)} symmetry operations are surely not those of the space group "
            f"{group.shown} that it states, whose name is not known: list all operations, or "
            "state 'P 1' if all atoms are listed"
        )


def _least_order(text: str) -> int:
    """Return how many rotations a crystal system, or the number of a magnetic group, asks for."""
    family = re.match(r"(\d{1,3})\.\d", text, re.ASCII)
    for setting in settings() if family else ():
        if setting.number == int(text.partition(".")[0]):
            return len(np.unique(operations_of(setting.hall_number)[0], axis=0))
    return _LEAST_ORDERS.get(text.lower(), 2)


def _number(rotations: IntArray, translations: FloatArray) -> int:
    """Return the number of the space group of some operations, 0 if it cannot be told."""
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            found = spglib.get_spacegroup_type_from_symmetry(rotations, translations)
        except spglib.SpglibError:
            return 0
    return found.number if found else 0


def fits(rotations: IntArray, lattice: Lattice) -> bool:
    """Tell whether rotations map a lattice on itself."""
    metric = lattice.matrix @ lattice.matrix.T
    turned = np.swapaxes(rotations, 1, 2) @ metric @ rotations
    scale = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    return bool((np.abs(turned - metric) <= _METRIC_TOLERANCE * scale).all())


def _parse(texts: list[str]) -> tuple[IntArray, FloatArray]:
    """Return rotations (n, 3, 3) and translations (n, 3) of operations like ``x+1/2, -y, z``."""
    rotations, translations = np.zeros((len(texts), 3, 3)), np.zeros((len(texts), 3))
    for i, text in enumerate(texts):
        parts = re.sub(r"\s", "", text).split(",")
        if len(parts) != 3 or not all(map(_PART.fullmatch, parts)):
            raise UnreadableFile(f"its symmetry operation {text!r} cannot be read")
        for j, part in enumerate(parts):
            for axis, value in _terms(part):
                if axis is None:
                    translations[i, j] += value
                else:
                    rotations[i, j, axis] += value
        if abs(abs(np.linalg.det(rotations[i])) - 1) > 1e-6:
            raise UnreadableFile(f"its symmetry operation {text!r} is no rotation")
    return rotations.astype(np.int64), translations


def _terms(part: str) -> Iterator[tuple[int | None, float]]:
    """Yield the terms of one coordinate: its axis, or None for a number, and its value."""
    for sign, term in re.findall(r"([-+]?)([^-+]+)", part.lower()):
        factor = -1.0 if sign == "-" else 1.0
        if term in ("x", "y", "z"):
            yield "xyz".index(term), factor
        else:
            number, _, divisor = term.partition("/")
            if divisor and not int(divisor):
                raise UnreadableFile(f"its symmetry operations hold {term!r}")
            yield None, factor * float(number) / float(divisor or 1)


def _is_group(rotations: IntArray, translations: FloatArray) -> bool:
    """Tell whether each product of two operations is one of them."""
    steps = np.rint(translations * 24)
    if np.abs(translations * 24 - steps).max() > _PLACE_TOLERANCE:
        return True  # of an unusual cell, in which products cannot be recognised
    places = steps.astype(np.int64) % 24
    own = _codes(rotations, places)
    products = np.einsum("aij,bjk->abik", rotations, rotations)
    shifts = (np.einsum("aij,bj->abi", rotations, places) + places[:, None]) % 24
    codes = _codes(products.reshape(-1, 3, 3), shifts.reshape(-1, 3))
    return bool(np.isin(codes, own).all())


def _codes(rotations: IntArray, places: IntArray) -> IntArray:
    codes = (rotations.reshape(-1, 9) + 2) @ 5 ** np.arange(9, dtype=np.int64)
    return np.asarray(codes * 24**3 + places @ np.array([576, 24, 1]))


def _texts(rotations: IntArray, translations: FloatArray) -> list[str]:
    """Return operations as CIF writes them."""
    texts = []
    steps = np.rint(translations * 24).astype(int) % 24
    for rotation, shifts in zip(rotations.tolist(), steps.tolist(), strict=True):
        parts = []
        for row, shift in zip(rotation, shifts, strict=True):
            axes = [("+" if n > 0 else "-") + axis for n, axis in zip(row, "xyz", strict=True) if n]
            parts.append("".join(axes).removeprefix("+") + (f"+{shift}/24" if shift else ""))
        texts.append(", ".join(parts))
    return texts
