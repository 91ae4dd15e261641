"""The sites of a CIF file: their elements and occupancies, and the hydrogen that they imply."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sktl._limits import LARGEST_SEARCH
from sktl._types import FloatArray, IntArray
from sktl.representations._cif_formula import formula_elements
from sktl.representations._cif_text import NUMBER, UNSTATED, Items
from sktl.representations._faults import UnreadableFile
from sktl.representations._neighbours import close_pairs, search_size
from sktl.representations._structures import LARGEST_SHARE
from sktl.representations._symbols import ELEMENTS

if TYPE_CHECKING:
    from pymatgen.core import Structure

LABEL, TYPE, OCCUPANCY = (f"_atom_site_{name}" for name in ("label", "type_symbol", "occupancy"))
_ASSEMBLY, _GROUP = (f"_atom_site_disorder_{name}" for name in ("assembly", "group"))
_WATER = re.compile(r"wat?\d*|hyd|[hd]2o|hoh|o?aq|w\d*[a-z]?$|o\d*[hw]", re.IGNORECASE)
_WATER_UNTYPED = re.compile(r"wat|hyd|[hd]2o|hoh|o?aq|o\d*[hw]", re.IGNORECASE)
_SHARED = re.compile(r"[A-Z][a-z]?\d*[/,|&+]\s*[A-Z]")
_GROUPS = ("BH", "CH", "CN", "CO", "HO", "NH", "NO", "PO")
_BOND = 1.3  # Angstrom, between oxygen and hydrogen
_MEET = 0.1  # Angstrom
_FULL = 0.99


def occupancies(items: Items) -> list[str]:
    """Return the occupancy of each site; what is not stated is 1."""
    given = items.get(OCCUPANCY, ["1"] * len(items[LABEL]))
    filled = ["1" if value in UNSTATED else value for value in given]
    for label, value in zip(items[LABEL], filled, strict=True):
        if not NUMBER.fullmatch(value) or value.startswith("-"):
            raise UnreadableFile(f"site {label} has the occupancy {value!r}, expected a number of "
                                 "at least 0")  # fmt: skip
    _check_alternatives(items, filled)
    return filled


def _check_alternatives(items: Items, filled: Sequence[str]) -> None:
    """Refuse alternatives of a disordered part that are all there in full."""
    groups = items.get(_GROUP, [])
    assemblies = items.get(_ASSEMBLY, ["."] * len(groups))
    whole: dict[str, str] = {}
    for assembly, group, value in zip(assemblies, groups, filled, strict=False):
        if group in UNSTATED or float(value.partition("(")[0]) < _FULL:
            continue
        if whole.setdefault(assembly, group) != group:
            raise UnreadableFile(
                f"its groups {whole[assembly]!r} and {group!r} of disorder are alternatives, but "
                f"have no occupancies below 1: state them as {OCCUPANCY}"
            )


def types(items: Items) -> list[str]:
    """Return the element of each site, with its charge if stated."""
    formula = formula_elements(items)
    given = items.get(TYPE, [""] * len(items[LABEL]))
    upper = not any(re.match("[A-Z][a-z]", kind) for kind in given)
    found = []
    for label, kind in zip(items[LABEL], given, strict=True):
        if kind in UNSTATED:
            found.append(_element(label, formula))
        elif _may_be_group(label, kind, formula, upper):
            raise UnreadableFile(
                f"site {label} has the type {kind!r}, which may be a group of atoms: list each of "
                "them, or write the element as in 'Co'"
            )
        else:
            found.append(_checked_type(label, kind))
    hydrogen = [i for i, kind in enumerate(found) if letters_of(kind) in ("H", "D", "T")]
    shared = any(float(items[OCCUPANCY][i].partition("(")[0]) < _FULL for i in hydrogen)
    if shared and len({letters_of(found[i]) for i in hydrogen}) > 1:
        for i in hydrogen:  # isotopes on one site are one element
            found[i] = "H" + found[i][1:]
    return found


def _may_be_group(label: str, kind: str, formula: Collection[str], upper: bool) -> bool:
    """Tell whether a type such as 'CO3', 'NH4' or 'HO' may be a group, not one element."""
    symbol, rest = letters_of(kind), kind[len(letters_of(kind)) :]
    if len(symbol) == 1:
        return symbol in ("H", "D") and rest in tuple("23456789") and label != kind
    if not (len(symbol) == 2 and symbol.isupper() and {*symbol} <= ELEMENTS - {"T"}):
        return False
    name = symbol.capitalize()
    if name in formula or label.startswith(name) or not (rest.isdigit() or symbol in _GROUPS):
        return False
    return not (upper and label.startswith(symbol) and (label == kind or not rest.isdigit()))


def check_hydrogen(items: Items, structure: Structure) -> None:
    """Refuse sites whose labels mean hydrogen that has no site near them."""
    typed = items.get(TYPE, [])
    labels = {*items[LABEL]}
    wet = set()
    for label, kind in zip(items[LABEL], typed, strict=True):
        name = re.sub(r"[^A-Za-z0-9]", "", label)
        in_series = re.fullmatch(r"O\d+H", label) and f"{label[:-1]}G" in labels
        if letters_of(kind) == "O" and _WATER.match(name) and not in_series:
            wet.add(plain_label(label))
    if not wet:
        return
    symbols = np.array([site.species.elements[0].symbol for site in structure])
    hydrogen = np.isin(symbols, ["H", "D", "T"])
    first, second, _ = _pairs(structure, _BOND)
    bound = {*first[hydrogen[second]].tolist(), *second[hydrogen[first]].tolist()}
    for i, site in enumerate(structure):
        if site.label in wet and i not in bound:
            raise UnreadableFile(f"the label {site.label!r} means hydrogen, which has no site: add "
                                 "it, or rename the site if it is plain oxygen")  # fmt: skip


def plain_label(label: str) -> str:
    """Return what can stand in a text for pymatgen of a label, which it does not read."""
    return re.sub(r"[^!-~]|^[#;'\"_]|^(?=(?:loop|data)_)", "", label) or "X"


def check_images(structure: Structure) -> None:
    """Refuse a site whose images nearly meet: it is rounded off a special position."""
    first, second, distances = _pairs(structure, _MEET)
    for i, j, distance in zip(first.tolist(), second.tolist(), distances.tolist(), strict=True):
        site, image = structure[i], structure[j]
        together = site.species.num_atoms + image.species.num_atoms
        if i != j and site.label == image.label and together > LARGEST_SHARE:
            raise UnreadableFile(
                f"site {site.label} and its image are {distance:.2g} A apart: write its "
                "coordinates with more digits, as in 0.33333"
            )


def _pairs(structure: Structure, radius: float) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the pairs of atoms within a radius; none of a cell that is refused later."""
    matrix = np.array(structure.lattice.matrix)
    if search_size(matrix) * len(structure) > LARGEST_SEARCH:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    return close_pairs(matrix, np.array(structure.frac_coords), radius)


def _checked_type(label: str, kind: str) -> str:
    letters = letters_of(kind)
    symbol = letters.capitalize()
    if symbol in ELEMENTS and re.fullmatch(r"[-+0-9.]*", kind[len(letters) :]):
        return symbol + kind[len(letters) :]
    for n in (2, 1):  # types with a suffix, as in "Cval" and "Siva"
        if kind[n:] in ("val", "va", "v") and kind[:n] in ELEMENTS:
            return kind[:n]
    raise UnreadableFile(f"site {label} has the type {kind!r}, which is no element")


def _element(label: str, formula: Collection[str]) -> str:
    """Return the element that a label without a type begins with, if there is no doubt."""
    letters = letters_of(label)
    if _WATER_UNTYPED.match(re.sub(r"[^A-Za-z0-9]", "", label)):
        raise UnreadableFile(f"the label {label!r} means hydrogen, which has no site of its own: "
                             f"list each atom with its {TYPE}")  # fmt: skip
    if _SHARED.match(label):
        raise UnreadableFile(f"the label {label!r} means two elements, write a site of each with "
                             "its occupancy")  # fmt: skip
    if letters in ELEMENTS - {"T"}:
        return letters
    options = {letters[:2].capitalize(), letters[:1].upper()} & {*formula}
    if len(options) == 1:
        return options.pop()
    raise UnreadableFile(f"site {label} has no type, and its label does not say its element")


def letters_of(text: str) -> str:
    """Return the letters that a text begins with."""
    found = re.match(r"[A-Za-z]+", text)
    return found[0] if found else ""
