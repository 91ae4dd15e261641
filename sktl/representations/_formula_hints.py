"""What a cell that is no formula looks like, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable

from sktl.representations._formula_doubts import listed, read_without_doubt, with_letter_o
from sktl.representations._formula_grammar import LONGEST_ECHO, Unreadable
from sktl.representations._symbols import SYMBOLS

_SYMBOLS_OF_MONTH = {2: "FeB", 9: "SeP", 11: "NoV"}
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*"
_DAY_MONTH = re.compile(rf"([0-9]{{1,2}})[-/. ]+{_MONTH}(?:[-/. ]+[0-9]{{2,4}})?", re.I)
_MONTH_DAY = re.compile(rf"{_MONTH}[-/. ]+([0-9]{{1,4}})", re.I)
_STORED_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ][0-9:.]+Z?)?")
_OTHER_DATE = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2,4}")

_NUMBER = r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
_PERCENT = r"(?:\s*[-(]?\s*(?:wt|at|mol|w|vol)?\.?\s*%\)?)"
_ALLOY = re.compile(rf"[A-Z][a-z]?(?:\s*[-–]\s*(?:{_NUMBER}){_PERCENT}?\s*[A-Z][a-z]?)+{_PERCENT}?")
_SYSTEM = re.compile(r"[A-Z][a-z]?(?:[-–/][A-Z][a-z]?)+")
_LETTER = r"(?:[xyzδn]|delta)"
_VARIABLE = re.compile(
    rf"[0-9)]\s*[-+±−–]\s*(?:[0-9.]*{_LETTER}|d)(?![a-z])"  # O7-δ, La1-x
    rf"|\(\s*{_LETTER}\s*[=<>]"  # (x = 0.1)
    r"|[A-Z][a-z][xyzδ](?![a-z])|(?!Dy)[A-Z][xyzδ](?![a-z])"  # Srx, SiOx
    rf"|[)\].·*0-9]\s*{_LETTER}\s*(?:[A-Z(\[]|$)"  # .xH2O
)
_PART = rf"({_NUMBER})?\s*(?:wt|at|mol|vol)?\.?\s*%?\s*([A-Z(\[][^\s%+/|]*)"
_JOINT = re.compile(r"\s*(?:\+|/|\||[-–](?=\s*[0-9.]*[A-Z(\[])|\band\b|&|;)\s*")
_DOPED = re.compile(r":|[-\s]doped\b|\bdoped\b", re.I)
_NOTE = re.compile(r"(.*\S)\s*[(\[]\s*[^()\[\]]+\s*[)\]]|([^\s,]+)[\s,_]+[a-zA-Z][-a-z0-9 /]*")
_PREFIX = re.compile(r"(?:[α-ωa-z]|alpha|beta|gamma|delta|[0-9]+[A-Z]|[a-z]{3,})'?[-\s]+(.+)")
_SUFFIX = re.compile(r"(.+?)[-_](?:[0-9]+[A-Z]|[α-ω]|[a-z]{3,}.*)")
_CHARGES = "+-^⁺⁻−–⁰¹²³⁴⁵⁶⁷⁸⁹"
_CASELESS = {symbol.lower(): symbol for symbol in SYMBOLS}
_PIECE = re.compile(r"[a-z]+|[^a-z]+")
_MOST_LETTERS = 24
_SPELLED = {"silicon": "Si", "iron": "Fe", "tin": "Sn", "copper": "Cu", "carbon": "C"}
_SPELLED |= {"arsenic": "As", "neon": "Ne", "xenon": "Xe", "phosphorus": "P", "silica": "SiO2"}
_SPELLED |= {"water": "H2O", "alumina": "Al2O3", "titania": "TiO2", "zirconia": "ZrO2"}


def check_date(text: str) -> None:
    """Refuse what a spreadsheet makes of FeB3 and its like."""
    original = _before_date(text)
    if original is None:
        return
    may = f"; a spreadsheet may have changed {original}" if original else ""
    raise Unreadable(f"it looks like a date{may}")


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


def looks_like(text: str) -> str:
    """Return what a text that is no formula looks like, and what to write; may be empty."""
    if not text or len(text) > LONGEST_ECHO:
        return ""
    return next(filter(None, (hint(text) for hint in _HINTS)), "")


def _variable(text: str) -> str:
    if not _VARIABLE.search(text):
        return ""
    return "it looks like a variable amount; write numbers, as La0.7Sr0.3MnO3 for La1-xSrxMnO3"


def _doped(text: str) -> str:
    if not _DOPED.search(text):
        return ""
    return "it looks like a dopant without amount; write the amounts, as Zn0.98Al0.02O for ZnO:Al"


def _alloy(text: str) -> str:
    if _SYSTEM.fullmatch(text):
        return "it looks like a system without amounts; write the amounts, as Al0.9Cu0.1"
    if not _ALLOY.fullmatch(text):
        return ""
    return (
        "it looks like an alloy in weight per cent; write the amounts of atoms, as "
        "Ti0.862Al0.102V0.036 for Ti-6Al-4V"
    )


def _mixture(text: str) -> str:
    parts = [re.fullmatch(_PART, part.strip()) for part in _JOINT.split(text)]
    found = [part for part in parts if part]
    if len(found) < len(parts) or len(found) < 2 or not any(len(part[2]) > 2 for part in found):
        return "it looks like a mixture; write one formula with amounts" if "%" in text else ""
    if not all(read_without_doubt(part[2]) for part in found):
        return ""
    amounts = [part[1] for part in found]
    if not all(amounts):
        return "it looks like a mixture without amounts; write the amounts, as (Fe2O3)70(Al2O3)30"
    written = "".join(f"({part[2]}){part[1]}" for part in found)
    return f"it looks like a mixture; write {written!r} if the numbers count formula units"


def _noted(text: str) -> str:
    for pattern in (_PREFIX, _NOTE, _SUFFIX):
        found = pattern.fullmatch(text)
        if found:
            bare = next(filter(None, found.groups())).strip()
            meant = listed([bare]) or listed(with_letter_o(bare))
            if meant:
                return f"it looks like a formula with a phase or a note; write {meant}"
    return ""


def _zero(text: str) -> str:
    meant = listed(with_letter_o(text)) if "0" in text else ""
    return f"a zero may be typed for the letter O: {meant} may be meant" if meant else ""


def _comma(text: str) -> str:
    if re.search(r"\([A-Z][a-z]?(?:\s*,\s*[A-Z][a-z]?)+\)", text):
        return "it looks like a site shared by elements; write the amounts, as (Ti0.5Zr0.5)O2"
    meant = listed([re.sub(r"(?<=[0-9]),(?=[0-9])", ".", text)]) if "," in text else ""
    return f"it looks like a decimal comma; write {meant}" if meant else ""


def _case(text: str) -> str:
    spelled = _SPELLED.get(text.lower())
    if spelled:
        return f"it looks like a name; write {spelled!r}"
    if sum(map(str.isalpha, text)) > _MOST_LETTERS:
        return ""
    meant = listed(_cased(text.lower()))
    return f"it looks like letters of the wrong case; write {meant}" if meant else ""


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


def _stops(text: str) -> str:
    parted = re.sub(r"\.(0\.[0-9]+|[1-9][0-9]*)?(?=[A-Z(\[{])", r"·\1", text)
    meant = listed([parted]) if parted != text else ""
    return f"write {meant} if the full stop parts compounds" if meant else ""


def _number(text: str) -> str:
    if not re.fullmatch(r"[-+−]?[0-9.]+(?:[eE][-+]?[0-9]+)?", text):
        return ""
    return "it looks like a number, not a formula"


def _charge(text: str) -> str:
    return "charges and ranges have no place" if set(text) & set(_CHARGES) else ""


_HINTS: tuple[Callable[[str], str], ...] = (
    _doped,
    _variable,
    _zero,
    _alloy,
    _noted,
    _mixture,
    _stops,
    _comma,
    _case,
    _number,
    _charge,
)
