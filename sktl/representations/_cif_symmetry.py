"""The symmetry operations of a CIF file: as listed, or those of its space group."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sktl._types import FloatArray, IntArray
from sktl.representations._cif_text import stated
from sktl.representations._faults import UnreadableFile

if TYPE_CHECKING:
    from pymatgen.core import Lattice

OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NAMES: tuple[str, ...] = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m")
_NAMES += ("_space_group_name_h-m_full", "_space_group_name_h-m_ref")
_NAMES += tuple(name.replace("h-m", "h_m") for name in _NAMES)
_NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")
_CODE = "_space_group_it_coordinate_system_code"

_OLD_NAMES = {"cmca": "cmce", "cmma": "cmme", "ccca": "ccce", "abm2": "aem2", "aba2": "aea2"}
_SETTING = re.compile(r"\s*(?::\s*(\w+)|\(?(?:O|origin\s*(?:choice)?)\s*([12])\)?|([HRZS])[HRS]?)$")
_ORIGINS = {"s": "1", "z": "2"}
_PART = re.compile(
    r"[-+]?(?:[xyz]|\d*\.?\d+(?:/\d+)?)(?:[-+](?:[xyz]|\d*\.?\d+(?:/\d+)?))*", re.I | re.A
)
_FIRST_CUBIC = 195
_N_SETTINGS = 530
_METRIC_TOLERANCE = 0.02  # share of the squared edges of a cell
_PLACE_TOLERANCE = 0.05  # of 1/24, in which all translations of the tables are whole


class Setting(NamedTuple):
    """One of the 530 settings of the space groups."""

    hall_number: int
    number: int
    choice: str
    names: frozenset[str]
    hall: str


class StatedGroup(NamedTuple):
    """What a file says of its space group; empty and 0 where it says nothing."""

    name: str
    choice: str
    hall: str
    number: int


def stated_group(block: Mapping[str, object]) -> StatedGroup:
    """Return the space group that a block states."""
    name, choice = stated(block, *_NAMES), stated(block, _CODE).lower()
    found = _SETTING.search(name)
    if found and found.start():
        name = name[: found.start()]
        choice = next(filter(None, found.groups())).lower()
    digits = re.match(r"\d+", stated(block, *_NUMBERS))
    hall = stated(block, *_HALL)
    return StatedGroup(name, _ORIGINS.get(choice, choice), hall, int(digits[0]) if digits else 0)


def listed_operations(block: Mapping[str, object]) -> list[str]:
    """Return the operations that a block lists, as texts; they must be a group.

    Raises
    ------
    UnreadableFile
        They cannot be read, or some are missing.
    """
    for key in OPERATIONS:
        value = block.get(key) or block.get(f"{key}_")
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and any(text not in (".", "?") for text in texts):
            rotations, translations = _parse(texts)
            if not _is_group(rotations, translations):
                raise UnreadableFile("its symmetry operations are no group: some are missing")
            return texts
    return []


def candidate_operations(group: StatedGroup, lattice: Lattice) -> list[list[str]]:
    """Return the operations of the settings of a space group that a file may mean.

    Returns
    -------
    list of list of str
        One list of operations for each setting; several only where the origin is not stated.

    Raises
    ------
    UnreadableFile
        The group is not known, or does not fit to the cell.
    """
    settings = _matching(group)
    shown = group.name or group.hall or f"number {group.number}"
    if not settings:
        raise UnreadableFile(f"it lists no symmetry operations, and the space group {shown!r} "
                            "with its setting and number is not known")  # fmt: skip
    found = []
    for setting in settings:
        rotations, translations = _operations(setting.hall_number)
        if fits(rotations, lattice):
            found.append((setting, _texts(rotations, translations)))
    if not found:
        raise UnreadableFile(f"its cell does not fit to the space group {shown!r}")
    origins = {setting.choice[:1] for setting, _ in found} & {"1", "2"}
    return [texts for _, texts in found] if len(origins) > 1 else [found[0][1]]


def check_listed(texts: list[str], lattice: Lattice) -> None:
    """Raise `UnreadableFile` if a cell does not fit to the operations of its file."""
    if not fits(_parse(texts)[0], lattice):
        raise UnreadableFile("its cell does not fit to its symmetry operations")


def is_whole_group(texts: list[str], group: StatedGroup) -> bool:
    """Tell whether operations are as many as those of the stated group, as far as is known."""
    settings = _matching(group) or _matching(group._replace(choice="", hall=""))
    if not settings:
        return True
    kinds = len(np.unique(_parse(texts)[0], axis=0))
    wanted = [_operations(setting.hall_number)[0] for setting in settings]
    return any(kinds == len(np.unique(each, axis=0)) and len(texts) == len(each) for each in wanted)


def group_number(group: StatedGroup) -> int:
    """Return the number of a stated group, or 0."""
    numbers = {setting.number for setting in _matching(group._replace(choice="", number=0))}
    return group.number or (numbers.pop() if len(numbers) == 1 else 0)


def fits(rotations: IntArray, lattice: Lattice) -> bool:
    """Tell whether rotations map a lattice on itself."""
    metric = lattice.matrix @ lattice.matrix.T
    turned = np.swapaxes(rotations, 1, 2) @ metric @ rotations
    scale = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    return bool((np.abs(turned - metric) <= _METRIC_TOLERANCE * scale).all())


@cache
def _settings() -> tuple[Setting, ...]:
    return tuple(map(_setting, range(1, _N_SETTINGS + 1)))


def _setting(hall_number: int) -> Setting:
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        kind = spglib.get_spacegroup_type(hall_number)
    if kind is None:
        raise UnreadableFile(f"the setting {hall_number} is not known to spglib")
    full = kind.international_full.split()
    names = {"".join(full), *(part for part in kind.international.split("="))}
    if kind.choice[:1].strip("-") in ("a", "b", "c") or kind.choice[:2] in ("-a", "-b", "-c"):
        names |= {"".join(part for part in full if part != "1")}
    else:
        names |= {kind.international_short} if kind.choice in ("", "1", "2", "H", "R") else set()
    names = {_compact(name) for name in names}
    if kind.number >= _FIRST_CUBIC:
        names |= {name.replace("-3", "3") for name in names if name != "f-43m"}
    hall = _compact(kind.hall_symbol)
    return Setting(hall_number, kind.number, kind.choice.lower(), frozenset(names), hall)


def _matching(group: StatedGroup) -> list[Setting]:
    """Return the settings that agree with all that is stated, the standard one first."""
    name = _compact(group.name)
    name = _OLD_NAMES.get(name, name)
    found = [each for each in _settings() if group.number in (0, each.number)]
    if name:
        found = [each for each in found if name in each.names]
    if group.hall and any(each.hall == _compact(group.hall) for each in _settings()):
        return [each for each in found if each.hall == _compact(group.hall)]
    if not name and found:
        usual = {found[0].choice, "1", "2", "h", "r"}
        found = [each for each in found if each.choice in usual] if group.number else []
    exact = [each for each in found if each.choice == group.choice]
    origin = [each for each in found if each.choice[:1] == group.choice]
    return (exact or origin) if group.choice else found


def _compact(name: str) -> str:
    return re.sub(r"[\s_()]", "", name).lower()


def _operations(hall_number: int) -> tuple[IntArray, FloatArray]:
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = spglib.get_symmetry_from_database(hall_number)
    if found is None:
        raise UnreadableFile(f"the setting {hall_number} is not known to spglib")
    return np.asarray(found["rotations"], dtype=np.int64), np.asarray(found["translations"])


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
