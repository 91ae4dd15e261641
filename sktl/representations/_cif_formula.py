"""What a CIF file states of its content: formula, formula units, density."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sktl._limits import LONGEST_FORMULA
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
_LOOSE = ("_chemical_formula_iupac", "_chemical_formula_analytical")
_FORMULAS += _LOOSE
_UNITS = "_cell_formula_units_z"
_DENSITY = "_exptl_crystal_density_diffrn"
_VOLUME = "_cell_volume"
_TERM = re.compile(r"([A-Z][a-z]?)\s*(\d*\.?\d*)")
_CHARGE = re.compile(r"(?<=[\s)])[0-9]*[-+][0-9]*(?=[\s),;\]}]|$)")
_PARTS = re.compile(r"[,;*\u00b7\u2022\u22c5]|(?<![0-9])\.(?![0-9])")
_HYDRATE = re.compile(r"\s*\.(?=\s*[0-9]*\s*(?:H2|D2|\(H2)\s*O)")
_MULTIPLE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)")
_WORD = re.compile(r"(?:[0-9]+|[nx])?(?:[A-Z][a-z]?[0-9]*)+[nx]?")
_HYDROGEN = {"D": "H", "T": "H"}
_EXACT = 1e-3
_ROUNDED = 0.02


class _Formula(NamedTuple):
    """A formula that a file states: its elements, and what their amounts may be, if known."""

    key: str
    text: str
    elements: frozenset[str]
    readings: list[dict[str, float]]


def formula_elements(block: Mapping[str, Any]) -> frozenset[str]:
    """Return the elements of all formulas that a block states, deuterium as H."""
    return frozenset().union(*(formula.elements for formula in _formulas(block)))


def _formulas(block: Mapping[str, Any]) -> list[_Formula]:
    """Return the formulas of a block; those of analyses count only if there is no other."""
    found: list[_Formula] = []
    for key in _FORMULAS:
        text = stated(block, key).strip("'\" ")
        readings = _readings(text)
        if text and (key not in _LOOSE or (readings and not any(each.readings for each in found))):
            elements = frozenset().union(*readings) if readings else _symbols(text)
            found.append(_Formula(key, text, elements, readings))
    return found


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
    formulas = _formulas(block)
    for formula in formulas:
        missing = " and ".join(sorted(formula.elements - read.keys()))
        if missing:
            raise UnreadableFile(f"{_told(formula, structure)}, {missing} has no sites")
    first = next((formula for formula in formulas if formula.readings), None)
    if first is None:
        return bool(stated(block, _DENSITY))
    units = _number(stated(block, _UNITS)) if first.key == _FORMULAS[0] else 0.0
    problems = [_amounts_problem(read, amounts, units) for amounts in first.readings]
    if all(problem is not None for problem in problems):
        raise UnreadableFile(_told(first, structure) + str(problems[0]))
    return bool(units) or bool(stated(block, _DENSITY))


def _told(formula: _Formula, structure: Structure) -> str:
    return f"it states the formula {formula.text!r} but is read as {structure.formula!r}"


def _amounts_problem(
    read: Mapping[str, float], formula: Mapping[str, float], units: float
) -> str | None:
    """Return what to add to a message if amounts disagree with those of a formula, else None."""
    if read.keys() != formula.keys():
        return ""
    scale = sum(read.values()) / sum(formula.values())
    whole = all(
        math.isclose(n, round(n), abs_tol=1e-6) for n in [*formula.values(), *read.values()]
    )
    tolerance = _EXACT if whole else _ROUNDED
    for element, amount in formula.items():
        if abs(read[element] - scale * amount) > tolerance * max(read[element], scale * amount):
            return ""
    of_cell = math.isclose(math.gcd(*map(round, formula.values())), units) if whole else True
    if not units or abs(scale / units - 1) <= tolerance:
        return None
    return None if of_cell and abs(scale - 1) <= tolerance else f", not {units:g} formula units"


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


def _readings(text: str) -> list[dict[str, float]]:
    """Return what a formula like 'C2 H6 O', 'Mg 2+, 2(O H 1-)' or 'Ca S O4.2H2 O' may mean."""
    if len(text) > LONGEST_FORMULA:
        return []
    plain = _CHARGE.sub("", text)
    forms = dict.fromkeys([plain, _HYDRATE.sub(",", plain)])
    found = [_sum([_part(part) for part in _PARTS.split(form) if part.strip()]) for form in forms]
    return [each for each in found if each]


def _sum(parts: Sequence[Mapping[str, float] | None]) -> dict[str, float]:
    """Return the sum of amounts, empty if some are not known."""
    total: dict[str, float] = {}
    for part in parts:
        for symbol, amount in (part or {}).items():
            total[symbol] = total.get(symbol, 0.0) + amount
    known = None not in parts and all(n >= 0 for n in total.values())
    return {symbol: n for symbol, n in total.items() if n} if known else {}


def _part(text: str) -> dict[str, float] | None:
    """Return the amounts of one part of a formula, such as '2(H2 O)', or None."""
    multiple = _MULTIPLE.match(text)
    rest = text[multiple.end() :] if multiple else text
    found = _amounts(re.sub(r"(?<=[)\]}])\s*n\s*$", "", rest))
    factor = float(multiple[1]) if multiple else 1.0
    return found and {symbol: n * factor for symbol, n in found.items()}


def _symbols(text: str) -> frozenset[str]:
    """Return the elements in a text that is no formula as a whole."""
    found: set[str] = set()
    for word in re.findall(r"[A-Za-z0-9]+", text[:LONGEST_FORMULA]):
        names = re.findall("[A-Z][a-z]?", word) if _WORD.fullmatch(word) else []
        names = [name if name in SYMBOLS else re.sub("[nxyz]$", "", name) for name in names]
        if {*names} <= {*SYMBOLS, "D"}:
            found |= {_HYDROGEN.get(name, name) for name in names}
    return frozenset(found)


def _amounts(text: str) -> dict[str, float] | None:
    """Return the amounts of a formula like 'C2 H6 O', or None if it is not of this kind."""
    if _TERM.sub("", text).strip():
        return _bracketed(text)
    amounts: dict[str, float] = {}
    for symbol, count in _TERM.findall(text):
        if count == ".":
            return None
        amounts[symbol] = amounts.get(symbol, 0.0) + float(count or 1)
    known = all(symbol in SYMBOLS or symbol in _HYDROGEN for symbol in amounts)
    return _plain(amounts) if known else None


def _bracketed(text: str) -> dict[str, float] | None:
    """Return the amounts of a formula with brackets, or None if it cannot be read."""
    from pymatgen.core import Composition

    try:
        amounts = _plain(Composition(text.replace(" ", "")).get_el_amt_dict())
    except (ValueError, KeyError):
        return None
    return amounts if amounts.keys() <= {*SYMBOLS} else None


def _number(text: str) -> float:
    """Return a number without its uncertainty, 0 if there is none."""
    try:
        return float(re.sub(r"\(.*", "", text))
    except ValueError:
        return 0.0
