"""What a CIF file states of its content: formula, formula units, density."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sktl.representations._cif_text import stated
from sktl.representations._faults import UnreadableFile
from sktl.representations._symbols import SYMBOLS

if TYPE_CHECKING:
    from pymatgen.core import Structure

_FORMULAS: tuple[str, ...] = (
    "_chemical_formula_sum",
    "_chemical_formula_structural",
    "_chemical_formula_moiety",
)
_FORMULAS += ("_chemical_formula_iupac", "_chemical_formula_analytical")
_UNITS = "_cell_formula_units_z"
_DENSITY = "_exptl_crystal_density_diffrn"
_VOLUME = "_cell_volume"
_TERM = re.compile(r"([A-Z][a-z]?)\s*(\d*\.?\d*)")
_HYDROGEN = {"D": "H", "T": "H"}
_EXACT = 1e-3
_ROUNDED = 0.02


def stated_formula(block: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the formula that a block states, deuterium as H; None if there is none to read."""
    for key in _FORMULAS:
        amounts = _amounts(stated(block, key))
        if amounts:
            return amounts
    return None


def stated_elements(block: Mapping[str, Any]) -> set[str]:
    """Return the types of all sites of a block that are occupied."""
    pairs = zip(block["_atom_site_type_symbol"], block["_atom_site_occupancy"], strict=True)
    return {kind for kind, occupancy in pairs if _number(occupancy)}


def check_content(block: Mapping[str, Any], structure: Structure) -> bool:
    """Refuse a structure that is not what its file states.

    Returns
    -------
    bool
        Whether the file states the number of atoms as well, by formula units or density.

    Raises
    ------
    UnreadableFile
        Elements, their amounts, the number of formula units, the density or the volume of the
        cell disagree beyond rounding.
    """
    read = _plain(structure.composition.element_composition.get_el_amt_dict())
    _check_types(block, read)
    _check_size(block, structure)
    formula = stated_formula(block)
    if formula is None:
        return bool(stated(block, _DENSITY))
    key = next(key for key in _FORMULAS if _amounts(stated(block, key)))
    told = f"it states the formula {stated(block, key)!r} but is read as {structure.formula!r}"
    if read.keys() != formula.keys():
        missing = " and ".join(sorted(formula.keys() - read.keys()))
        raise UnreadableFile(f"{told}" + (f", {missing} has no sites" if missing else ""))
    scale = sum(read.values()) / sum(formula.values())
    whole = all(
        math.isclose(n, round(n), abs_tol=1e-6) for n in [*formula.values(), *read.values()]
    )
    tolerance = _EXACT if whole else _ROUNDED
    for element, amount in formula.items():
        if abs(read[element] - scale * amount) > tolerance * max(read[element], scale * amount):
            raise UnreadableFile(told)
    units = _number(stated(block, _UNITS)) if key == _FORMULAS[0] else 0.0
    if not units:
        return bool(stated(block, _DENSITY))
    of_cell = math.isclose(math.gcd(*map(round, formula.values())), units) if whole else True
    if abs(scale / units - 1) > tolerance and not (of_cell and abs(scale - 1) <= tolerance):
        raise UnreadableFile(f"{told}, not {units:g} formula units")
    return True


def _check_types(block: Mapping[str, Any], read: Mapping[str, float]) -> None:
    """Refuse elements that are listed as types of atoms and have no sites."""
    listed = block.get("_atom_type_symbol", [])
    for kind in [listed] if isinstance(listed, str) else listed:
        symbol = re.sub(r"[^A-Za-z].*", "", kind).capitalize()
        if symbol in SYMBOLS and symbol not in read:
            raise UnreadableFile(f"it lists the element {symbol}, which has no sites")


def _check_size(block: Mapping[str, Any], structure: Structure) -> None:
    """Refuse another volume or density than stated."""
    sizes = {_VOLUME: (structure.volume, 0.02), _DENSITY: (float(structure.density), 0.05)}
    for key, (value, tolerance) in sizes.items():
        wanted = _number(stated(block, key))
        if wanted and abs(value / wanted - 1) > tolerance:
            raise UnreadableFile(
                f"it states {wanted:g} as {key} but is read as {structure.formula!r} "
                f"with {value:.4g}"
            )


def _plain(amounts: Mapping[str, float]) -> dict[str, float]:
    """Return amounts by element, with isotopes of hydrogen as H."""
    plain: dict[str, float] = {}
    for symbol, amount in amounts.items():
        name = _HYDROGEN.get(symbol, symbol)
        plain[name] = plain.get(name, 0.0) + amount
    return plain


def _amounts(text: str) -> dict[str, float] | None:
    """Return the amounts of a formula like 'C2 H6 O', or None if it is not of this kind."""
    text = re.sub(r"(?<=[\s)])\d*[-+]\s*\d*$", "", text.strip("'\" "))
    if not text:
        return None
    if _TERM.sub("", text).strip():
        return _bracketed(text)
    amounts: dict[str, float] = {}
    for symbol, count in _TERM.findall(text):
        amounts[symbol] = amounts.get(symbol, 0.0) + float(count or 1)
    known = all(symbol in SYMBOLS or symbol in _HYDROGEN for symbol in amounts)
    return _plain({key: n for key, n in amounts.items() if n}) if known else None


def _bracketed(text: str) -> dict[str, float] | None:
    """Return the amounts of a formula with brackets, or None if it cannot be read."""
    from pymatgen.core import Composition

    try:
        return _plain(Composition(text.replace(" ", "")).get_el_amt_dict())
    except (ValueError, KeyError):
        return None


def _number(text: str) -> float:
    """Return a number without its uncertainty, 0 if there is none."""
    try:
        return float(re.sub(r"\(.*", "", text))
    except ValueError:
        return 0.0
