"""Alloys by their nominal composition, as Ti-6Al-4V: per cent by weight, or of atoms."""

from __future__ import annotations

import re
from typing import NamedTuple

from sktl._limits import LONGEST_ECHO
from sktl.representations._faults import Fault
from sktl.representations._formula_doubts import read_without_doubt
from sktl.representations._formula_grades import grade_name
from sktl.representations._formula_notes import harmless, without_note
from sktl.representations._symbols import ATOMIC_NUMBER, NONMETALS

_NUMBER = r"(?:[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)"
_UNIT = re.compile(
    r"[(\[]?\s*(?:(?<![A-Za-z])(?P<of>wt|w|mass|weight|at|atomic|atom|mol|vol))?\.?\s*[-/]?\s*"
    r"(?:%|per\s?cent\b|pct\b\.?)\s*[)\]]?",
    re.I,
)
_WEIGHT, _ATOMS = ("wt", "w", "mass", "weight"), ("at", "atomic", "atom", "mol")
_DASH = r"\s*[-–—‐‑−]\s*"
_BASED = re.compile(rf"([A-Z][a-z]?)((?:{_DASH}{_NUMBER}\s*-?\s*[A-Z][a-z]?)+)")
_COUNTED = re.compile(rf"{_NUMBER}\s*[A-Z][a-z]?(?:{_DASH}{_NUMBER}\s*[A-Z][a-z]?)+")
_JOINED = re.compile(rf"(?:{_NUMBER}\s*[A-Z][a-z]?){{2,}}")
_AMOUNT = re.compile(rf"({_NUMBER})\s*-?\s*([A-Z][a-z]?)")
_WHOLE = re.compile(rf"(?:[A-Z][a-z]?\s*{_NUMBER}(?:{_DASH}|\s*))+")
_SYMBOL_FIRST = re.compile(rf"([A-Z][a-z]?)\s*({_NUMBER})")
_SYSTEM = re.compile(r"[A-Z][a-z]?(?:[-–/][A-Z][a-z]?)+")
_DECIMALS = (5, 4, 6, 3)


class _Alloy(NamedTuple):
    """Per cent of each element, and of what: "weight", "atoms", or None where it is not said."""

    percent: dict[str, float]
    of: str | None


def from_weight_percent(text: str) -> str | None:
    """Return the formula of an alloy whose composition is stated in per cent by weight.

    Parameters
    ----------
    text : str
        As Ti-6Al-4V, where titanium makes up the rest, as Ti-6wt%Al-4wt%V, 80Ni-20Cr or
        Ti90Al6V4 (wt%).

    Returns
    -------
    str or None
        The formula in fractions of atoms; None where the text is no such alloy, or states that its
        numbers count atoms.

    Examples
    --------
    >>> from sktl.representations import from_weight_percent
    >>> from_weight_percent("Ti-6Al-4V")
    'Ti0.86204Al0.10195V0.036'
    """
    ways = [text, *(bare for bare, note in without_note(text) if harmless(note))]
    alloy = next(filter(None, map(_read_alloy, ways)), None)
    return None if alloy is None or alloy.of == "atoms" else _by_weight(alloy.percent)


def alloy_fault(text: str) -> Fault | None:
    """Return what is said of an alloy; None where the text is none."""
    if _SYSTEM.fullmatch(text) and {*re.split("[-–/]", text)} <= {*ATOMIC_NUMBER}:
        looks = "it looks like a system without amounts"
        return Fault("system without amounts", looks, "the amounts, as Al0.9Cu0.1")
    alloy = _read_alloy(text)
    if alloy is None:
        return None
    weight, atoms = _by_weight(alloy.percent), _by_atoms(alloy.percent)
    if alloy.of == "atoms":
        looks = "it looks like an alloy in atomic per cent"
        return Fault("alloy in atomic per cent", looks, f"{atoms!r}", atoms)
    kind, looks = "alloy in weight per cent", "it looks like an alloy in weight per cent"
    if alloy.of == "weight":
        return Fault(kind, looks, f"{weight!r}, or say --weight-percent", weight)
    return Fault(
        kind,
        looks,
        f"the amounts of atoms, {weight!r}, or say --weight-percent; {atoms!r} if the numbers are "
        "atomic per cent",
    )


def unsaid_fault(text: str) -> Fault | None:
    """Return what is said of an alloy as Cu70Zn30 where alloys are in per cent by weight.

    Parameters
    ----------
    text : str
        A formula that can be read.

    Returns
    -------
    Fault or None
        None unless all elements are metals, and their amounts add up to 100 without saying of what.

    Examples
    --------
    >>> from sktl.representations import unsaid_fault
    >>> unsaid_fault("Cu70Zn30").write
    "'Cu70Zn30 (wt%)' or 'Cu0.7Zn0.3'"
    """
    if not _WHOLE.fullmatch(text):
        return None
    percent = _amounts([pair[::-1] for pair in _SYMBOL_FIRST.findall(text)])
    if len(percent) < 2 or {*percent} & NONMETALS or abs(sum(percent.values()) - 100) > 0.5:
        return None
    looks = "it adds up to 100: per cent by weight, or of atoms"
    return Fault(
        "alloy in weight per cent", looks, f"{f'{text} (wt%)'!r} or {_by_atoms(percent)!r}"
    )


def _read_alloy(text: str) -> _Alloy | None:
    """Return the per cents of an alloy; None where the text is none."""
    if len(text) > LONGEST_ECHO:
        return None
    bare = grade_name(text) or text
    units = {(found["of"] or "").casefold() for found in _UNIT.finditer(bare)} - {""}
    of = "weight" if units and units <= {*_WEIGHT} else None
    of = "atoms" if units and units <= {*_ATOMS} else of
    if units and of is None:
        return None
    bare = _UNIT.sub("", bare).strip()
    if found := _BASED.fullmatch(bare):
        percent = _amounts(_AMOUNT.findall(found[2]))
        if not percent or found[1] in percent or not 0 < sum(percent.values()) < 100:
            return None
        percent = {found[1]: 100 - sum(percent.values()), **percent}
    elif _COUNTED.fullmatch(bare) or _JOINED.fullmatch(bare):
        percent = _amounts(_AMOUNT.findall(bare))
    elif _WHOLE.fullmatch(bare) and (units or re.search(_DASH, bare)):
        percent = _amounts([pair[::-1] for pair in _SYMBOL_FIRST.findall(bare)])
    else:
        return None
    total = sum(percent.values())
    if len(percent) < 2 or min(abs(total - 100), 100 * abs(total - 1)) > 0.5:
        return None
    return _Alloy(percent, of) if {*percent} <= {*ATOMIC_NUMBER} else None


def _amounts(pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Return the number of each symbol; nothing where a symbol is there twice."""
    found = {symbol: float(number.replace(",", ".")) for number, symbol in pairs}
    return found if len(found) == len(pairs) else {}


def _by_weight(percent: dict[str, float]) -> str:
    """Return per cents by weight as a formula in fractions of atoms."""
    from pymatgen.core import Element

    return _by_atoms({each: percent[each] / Element(each).atomic_mass for each in percent})


def _by_atoms(amounts: dict[str, float]) -> str:
    """Return amounts of atoms as a formula whose amounts add up to 1."""
    total = sum(amounts.values())
    written = ""
    for digits in _DECIMALS:
        shares = {each: f"{amounts[each] / total:.{digits}f}".rstrip("0") for each in amounts}
        written = "".join(f"{each}{share}" for each, share in shares.items())
        if read_without_doubt(written):
            break
    return written
