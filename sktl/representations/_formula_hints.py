"""What a cell that is no formula looks like, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable

from sktl._limits import LONGEST_ECHO
from sktl.representations._faults import Fault
from sktl.representations._formula_alloys import alloy_fault
from sktl.representations._formula_doubts import (
    check_doubts,
    listed,
    proposed,
    read_without_doubt,
    with_letter_o,
    zero_fault,
)
from sktl.representations._formula_grammar import Unreadable
from sktl.representations._formula_notes import (
    adduct_fault,
    charge_fault,
    harmless,
    isotope_fault,
    markup_fault,
    note_fault,
    without_note,
)
from sktl.representations._symbols import SYMBOL, SYMBOLS

_SYMBOLS_OF_MONTH = {2: "FeB", 9: "SeP", 11: "NoV"}
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*"
_DAY_MONTH = re.compile(rf"([0-9]{{1,2}})[-/. ]+{_MONTH}(?:[-/. ]+[0-9]{{2,4}})?", re.I)
_MONTH_DAY = re.compile(rf"{_MONTH}[-/. ]+([0-9]{{1,4}})", re.I)
_STORED_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ][0-9:.]+Z?)?")
_OTHER_DATE = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2,4}")

_NUMBER = r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
_LETTER = r"(?:[xyzδn]|delta)"
_VARIABLE = re.compile(
    rf"[0-9)]\s*[-+±−–]\s*(?:[0-9.]*{_LETTER}|d)(?![a-z])"  # O7-δ, La1-x
    rf"|\(\s*{_LETTER}\s*[=<>]"  # (x = 0.1)
    r"|[A-Z][a-z][xyzδ](?![a-z])|(?!Dy)[A-Z][xyzδ](?![a-z])"  # Srx, SiOx
    rf"|[)\].·*0-9]\s*{_LETTER}\s*(?:[A-Z(\[]|$)"  # .xH2O
)
_PART = rf"({_NUMBER})?\s*(?:wt|at|mol|vol)?\.?\s*%?\s*([A-Z(\[][^\s%+/|]*)"
_JOINT = re.compile(r"\s*(?:\+|/|\||[-–](?=\s*[0-9.]*[A-Z(\[])|\band\b|&|;)\s*")
_DOPED = re.compile(
    r":\s*[([]?\s*(?:[0-9.,]+\s*(?:(?:at|mol|wt)\.?)?\s*%?\s*)?[A-Z]"  # ZnO:Al, CaF2:0.5%Eu
    r"|[-\s]doped\b|\bdoped\b|\s[+/]\s*[0-9.]+\s*(?:at|mol|wt)\.?\s*%",
    re.I,
)
_CASELESS = {symbol.lower(): symbol for symbol in SYMBOLS}
_PIECE = re.compile(r"[a-z]+|[^a-z]+")
_MOST_LETTERS = 24
_CHARGES = "+-^⁺⁻−–⁰¹²³⁴⁵⁶⁷⁸⁹"
_NO_FORMULAS = frozenset(
    "- -- – — ? . / x n/a na n.a. nan none null tbd unknown true false".split()
)
_RARE = {*SYMBOLS[83:89], *SYMBOLS[90:91], *SYMBOLS[92:]}  # radioactive: not by a typing error
_SPELLED = {"silicon": "Si", "iron": "Fe", "tin": "Sn", "copper": "Cu", "carbon": "C"}
_SPELLED |= {"arsenic": "As", "neon": "Ne", "xenon": "Xe", "phosphorus": "P", "silica": "SiO2"}
_SPELLED |= {"water": "H2O", "alumina": "Al2O3", "titania": "TiO2", "zirconia": "ZrO2"}


def check_date(text: str) -> None:
    """Refuse what a spreadsheet makes of FeB3 and its like."""
    original = _before_date(text)
    if original is None:
        return
    may = f"; a spreadsheet may have changed {original}" if original else ""
    raise Unreadable(
        Fault("date", f"it looks like a date{may}", f"{original} as text" if original else "")
    )


def _before_date(text: str) -> str | None:
    """Return the formula that became a date, an empty text if it is unknown, None for no date."""
    if len(text) > LONGEST_ECHO:
        return None
    for pattern, month_at, day_at in ((_DAY_MONTH, 2, 1), (_MONTH_DAY, 1, 2)):
        found = pattern.fullmatch(text)
        if found:
            month = _MONTHS.index(found[month_at].lower()) + 1
            return _as_formula(month, [int(found[day_at])])
    found = _STORED_DATE.fullmatch(text)
    if found:
        year, month, day = map(int, found.groups())
        return _as_formula(month, [day, year % 100] if day == 1 else [day])
    return "" if _OTHER_DATE.fullmatch(text) else None


def _as_formula(month: int, amounts: list[int]) -> str:
    symbols = _SYMBOLS_OF_MONTH.get(month)
    if symbols is None:
        return ""
    return " or ".join(repr(f"{symbols}{each}") for each in dict.fromkeys(amounts))


def looks_like(text: str) -> Fault | None:
    """Return what a text that is no formula looks like, and what to write, if that is known."""
    if not text or len(text) > LONGEST_ECHO:
        return None
    return next(filter(None, (hint(text) for hint in _HINTS)), None)


def _missing(text: str) -> Fault | None:
    if text.casefold() not in _NO_FORMULAS and not re.fullmatch(r"#[A-Z/0]+[!?]?", text):
        return None
    return Fault("no value", "it says that there is no formula")


def _variable(text: str) -> Fault | None:
    if not _VARIABLE.search(text):
        return None
    return Fault(
        "variable amount",
        "it looks like a variable amount",
        "numbers, as La0.7Sr0.3MnO3 for La1-xSrxMnO3",
    )


def _doped(text: str) -> Fault | None:
    before, colon, after = text.partition(":")
    if colon and harmless(after.strip()):
        return note_fault(f"{before} ({after.strip()})")
    if not _DOPED.search(text):
        return None
    return Fault(
        "dopant",
        "it looks like a dopant without the amount of the host",
        "the amounts of all elements, as Zn0.98Al0.02O for ZnO:Al",
    )


def _mixture(text: str) -> Fault | None:
    parts = [re.fullmatch(_PART, part.strip()) for part in _JOINT.split(text)]
    found = [part for part in parts if part]
    if len(found) < len(parts) or len(found) < 2 or not any(len(part[2]) > 2 for part in found):
        if "%" not in text:
            return None
        return Fault("mixture", "it looks like a mixture", "one formula with amounts")
    if not all(read_without_doubt(part[2]) for part in found):
        return None
    if not all(part[1] for part in found):
        looks = "it looks like a mixture without amounts"
        return Fault("mixture", looks, "the amounts, as (Fe2O3)70(Al2O3)30")
    written = "".join(f"({part[2]}){part[1]}" for part in found)
    write = f"{written!r} if the numbers count formula units"
    return Fault("mixture", "it looks like a mixture", write)


def _zero(text: str) -> Fault | None:
    if "0" not in text or not listed(with_letter_o(text)):
        return None
    return zero_fault(text, "a zero may be typed for the letter O")


def _noted(text: str) -> Fault | None:
    """Return what is said of an alloy, or a formula with two readings, that has a note."""
    for bare, note in without_note(text):
        fault = alloy_fault(bare)
        if fault is None:
            try:
                check_doubts(bare)
            except Unreadable as error:
                fault = error.fault
        if fault is not None:
            looks = (
                f"it looks like a formula with a phase or a note; without it, {fault.looks_like}"
            )
            return Fault(fault.kind, looks, fault.write, fault.repair if harmless(note) else None)
    return None


def _comma(text: str) -> Fault | None:
    if re.search(r"\([A-Z][a-z]?(?:\s*,\s*[A-Z][a-z]?)+\)", text):
        looks = "it looks like a site shared by elements"
        return Fault("site shared by elements", looks, "the amounts, as (Ti0.5Zr0.5)O2")
    meant = [re.sub(r"(?<=[0-9]),(?=[0-9])", ".", text)]
    if "," not in text or not listed(meant):
        return None
    looks = "it looks like a decimal comma"
    return Fault("decimal comma", looks, *proposed(meant))


def _case(text: str) -> Fault | None:
    spelled = _SPELLED.get(text.lower())
    if spelled:
        return Fault("name in words", "it looks like a name", f"{spelled!r}")
    if sum(map(str.isalpha, text)) > _MOST_LETTERS:
        return None
    meant = _cased(text.lower())
    if "0" in text and not listed(meant):
        meant = [guess for each in meant for guess in with_letter_o(each)]
    meant = [*_look_alikes(text), *meant]
    if not listed(meant):
        return None
    looks = "it looks like letters of the wrong case"
    write, repair = proposed(meant)
    sure = repair and (text.islower() or text.isupper()) and not _RARE & {*SYMBOL.findall(repair)}
    return Fault("lower case or capitals by mistake", looks, write, repair if sure else None)


def _look_alikes(text: str) -> list[str]:
    """Return a text with one l as I, or one I as l."""
    other = {"l": "I", "I": "l"}
    return [text[:k] + other[c] + text[k + 1 :] for k, c in enumerate(text) if c in other]


def _cased(text: str) -> list[str]:
    """Return the spellings of a text as symbols, those of fewest elements first."""
    spellings = [""]
    for piece in _PIECE.findall(text):
        ways = _symbols(piece) if piece.isalpha() and piece.isascii() else [[piece]]
        spellings = [f"{head}{''.join(way)}" for head in spellings for way in ways[:4]][:16]
    return sorted(spellings, key=lambda spelling: sum(map(str.isupper, spelling)))


def _symbols(letters: str) -> list[list[str]]:
    """Return the ways to cut letters into symbols of elements, the shortest 8 of them."""
    ways: list[list[list[str]]] = [[[]]]
    for end in range(1, len(letters) + 1):
        found = []
        for size in (2, 1):
            symbol = _CASELESS.get(letters[max(end - size, 0) : end])
            if symbol and end >= size:
                found += [[*way, symbol] for way in ways[end - size]]
        ways.append(sorted(found, key=len)[:8])
    return ways[-1]


def _stops(text: str) -> Fault | None:
    parted = re.sub(r"\.([0-9]\.[0-9]+|[1-9][0-9]*)?(?=[A-Z(\[{])", r"·\1", text)
    if parted == text or not listed([parted]):
        return None
    looks = "its full stops are ambiguous"
    write = f"{listed([parted])} if the full stop parts compounds"
    return Fault("full stop with two readings", looks, write)


def _quoted(text: str) -> Fault | None:
    meant = [text.strip("\"'`´‘’“”?!*†‡.,; ")]
    if meant == [text] or not listed(meant):
        return None
    looks = "it looks like a formula with marks around it"
    return Fault("marks around a formula", looks, *proposed(meant))


def _number(text: str) -> Fault | None:
    if not re.fullmatch(r"[-+−]?[0-9.,]+(?:[eE][-+]?[0-9]+)?(?:\s*[a-zA-Z%]+)?", text):
        return None
    return Fault("a number", "it looks like a number, not a formula")


def _charge(text: str) -> Fault | None:
    if not set(text) & set(_CHARGES):
        return None
    return Fault("not a formula", "charges and ranges have no place")


_HINTS: tuple[Callable[[str], Fault | None], ...] = (
    _missing,
    alloy_fault,
    markup_fault,
    _doped,
    charge_fault,
    _variable,
    _zero,
    adduct_fault,
    note_fault,
    isotope_fault,
    _mixture,
    _stops,
    _comma,
    _noted,
    _case,
    _quoted,
    _number,
    _charge,
)
