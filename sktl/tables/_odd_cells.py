"""Cells that say more, or less, than one number: limits, uncertainties, ranges, units, dates."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from sktl.representations import Fault
from sktl.tables._cells import STRUCK
from sktl.tables._marks import MARK_NAMES, OTHER_MARK, WRITTEN, clean

Role: TypeAlias = Literal["", "limit", "uncertain", "range"]

_NO_VALUE = set(". .. … x * nan na n/a n.a. n.a none null - -- --- – — ? tbd tba missing".split())
_NO_VALUE |= {"", "unknown", "not available", "n/m", "nil"}
_NOT_MEASURED = set("n.d. n.d nd n.m. n.m nm bdl b.d.l. lod <lod < lod <dl udl u.d.l.".split())
_NOT_MEASURED |= {f"not {each}" for each in ("measured", "determined", "detected", "observed")}
_NOT_MEASURED |= {"below detection limit", "not reported", "n.r.", "nr", "< lod", "<bdl", "trace"}
_WORDS = {*"x * none nil nm nr trace".split(), "not detected", "not observed"}  # names as well
_ERRORS = re.compile(r"#(?:N/A|DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!|#+)|Err:[0-9]+", re.I)
_ROOM = {"rt", "r.t.", "room temperature", "room temp", "room temp.", "ambient", "raumtemperatur"}
_BOOLEANS = {"true", "false", "yes", "no", "wahr", "falsch", "vrai", "faux"}
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|okt|dez|mär|mrz)[a-zéû]*\.?"
_DATE = re.compile(
    rf"[0-9]{{1,2}}[-/. ]+{_MONTH}(?:[-/. ]+[0-9]{{2,4}})?|{_MONTH}[-/. ]+[0-9]{{1,4}}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+Z?)?|[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2,4}"
    r"|0[0-9][-/][0-9]{1,2}|[0-9]{1,2}[-/]0[0-9]|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?",
    re.I,
)
_PLUS = r"(?=[.,]*[0-9])[0-9.,]+(?:[eE][+-]?[0-9]+)?"
_N = rf"[+-]?{_PLUS}"
_DASH = r"\s*(?:-|–|—|‐|‑|~|∼|to|bis|\.\.\.?|…)\s*"
_LIMIT = re.compile(
    r"(?P<low><=?|≤|⩽|≦|less than|below|under|at most|up to|max\.?)\s*(?P<at_most>.+)"
    r"|(?P<high>>=?|≥|⩾|≧|more than|greater than|above|over|at least|min\.?)\s*(?P<at_least>.+)",
    re.I,
)
_APPROXIMATE = re.compile(
    r"(?:~|∼|≈|≃|≅|≲|≳|˜|c\.|ca\.?|circa|about|approx\.?|approximately|around)\s*(?P<value>.+)",
    re.I,
)
_SPREAD = re.compile(
    rf"(?P<value>{_N})\s*(?:±|\+/-|\+-|\\pm)\s*(?P<spread>{_PLUS})\s*(?P<percent>%?)"
)
_TWO_SPREADS = re.compile(rf"(?P<value>{_N})\s*\(?\+\s*{_PLUS}\s*[/,]?\s*-\s*{_PLUS}\)?")
_DIGITS = re.compile(
    r"(?P<value>[+-]?(?P<whole>[0-9]+(?:[.,](?P<digits>[0-9]+))?))"
    r"\((?P<last>[0-9]+|[0-9]*[.,][0-9]+)\)(?P<power>[eE][+-]?[0-9]+)?"
)
_RANGE = re.compile(rf"(?P<low>{_N}){_DASH}(?P<high>{_N})")
_LOST_POWER = re.compile(r"10\s*[-–]\s*[0-9]+")
_MANY_POINTS = re.compile(r"(?P<whole>[+-]?[0-9]+)(?:\.\.\.?|…)(?P<digits>[0-9]+)")
_LETTERED = re.compile(r"[+-]?(?=.*[0-9])(?=.*[OolIS])[0-9OolIS]*(?:[.,][0-9OolIS]*)?")
_LETTERS = str.maketrans("OolIS", "00115")
_SPACED_POWER = re.compile(rf"{_PLUS}\s*[eE]\s*[+-]?\s*[0-9]+")
_POWER = re.compile(
    rf"(?:(?P<value>{_N})\s*[x×·*⋅]\s*)?10\s*(?P<up>\^|\*\*)?\s*[({{]?(?P<power>[+-]?[0-9]+)[)}}]?"
)
_EXPONENT = re.compile(
    r"(?P<value>[+-]?(?=[.,]*[0-9])[0-9.,]+)(?P<letter>[eEdD])(?P<power>[+-]?[0-9]+)"
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_UNIT = re.compile(
    rf"(?P<value>.*?{_N}(?:\([0-9.,]+\)|\))?)\s*(?P<unit>(?!x[0-9])(?:[^\W\d_]|[°%‰Ω℃Å$€µ])[^()\[\]<>±,;]*)"
)
_MARKED = re.compile(
    rf"['\"`´‘’“”=]+\s*(?P<value>{_N})\s*['\"`´‘’“”]*|(?P<value2>{_N})['\"`´‘’“”]+"
)
_NOTED = re.compile(rf"(?P<value>{_N})\s*(?:[*†‡§#?!⁰¹²³⁴⁵⁶⁷⁸⁹]+|\^[^0-9].*|[(\[{{].*[)\]}}])")
_BRACKETED = re.compile(rf"[(\[]\s*(?P<value>{_N})\s*[)\]]")
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(?: [0-9]{3})+(?:[.,][0-9]+)?")
_SEVERAL = re.compile(rf"{_N}(?:\s*(?:[/;|&]|,\s|\s|\band\b|\bor\b)\s*{_N})+")


TWO_MARKS = "decimal mark with two readings"
FORMULA = "formula of a spreadsheet"
_LONGEST = 200
_LARGEST_PART = 0.5


class OddCell(NamedTuple):
    """What is wrong with a cell, and what an option can make of it.

    Attributes
    ----------
    fault : Fault
    role : {"", "limit", "uncertain", "range"}
        Which option reads it; none for "".
    value : float
        The limit, the value or the middle; NaN where no option reads it.
    spread : float
        The uncertainty; NaN where it is not stated.
    side : int
        -1: at most `value`; 1: at least; 0: neither.
    """

    fault: Fault
    role: Role = ""
    value: float = math.nan
    spread: float = math.nan
    side: int = 0


def odd_cell(text: str, mark: str, unit: str | None = None) -> OddCell:
    """Return what a text says that is no number.

    Parameters
    ----------
    text : str
        The cell.
    mark : {".", ","}
        Decimal mark of the column.
    unit : str or None, default=None
        What its header states.
    """
    text = clean(text)
    lost = lost_value(text)
    if lost is not None:
        return OddCell(lost)
    for look in _LOOKS if len(text) <= _LONGEST else ():
        if found := look(text, mark, unit):
            return found
    if len(text) <= _LONGEST and _has_other_mark(text, OTHER_MARK[mark]):
        looks = f"its decimal mark is not the {MARK_NAMES[mark]} of the column"
        return OddCell(Fault(TWO_MARKS, looks, "it with that mark, or say --decimal"))
    return OddCell(Fault("not a number", "not a finite number"))


def _has_other_mark(text: str, other: str) -> bool:
    """Return whether a text says more than a number, and the number has this mark."""
    found = _UNIT.fullmatch(text) if other in text else None
    bare = found["value"].strip() if found else text
    looks = (_limit, _approximate, _uncertain, _range)
    return other in text and (
        math.isfinite(_number(bare, other)) or any(look(bare, other, None) for look in looks)
    )


def is_blank(text: str) -> bool:
    """Tell whether a text among words says that there is no value; "none" and "x" are words."""
    return is_missing(text) and _word(text.strip()) not in _WORDS


def lost_value(text: str) -> Fault | None:
    """Return what is wrong with a cell whose value a spreadsheet does not give; None of others."""
    text = text.strip()
    if _ERRORS.fullmatch(text):
        return Fault("error of a spreadsheet", "no value: an error of a spreadsheet")
    if text.startswith("=") and not _MARKED.fullmatch(text):
        looks = "it is a formula of the spreadsheet without a stored value"
        return Fault(FORMULA, looks, "its value, or open and save the file in its program")
    if STRUCK in text:
        return Fault("struck-out text", "text in it is struck out", "what is meant alone")
    return None


def is_missing(text: str) -> bool:
    """Tell whether a text says that there is no value."""
    return _word(text.strip()) in _NO_VALUE | _NOT_MEASURED


def _word(text: str) -> str:
    """Return a text in lower case, without space after full stops: n. d. is n.d."""
    return re.sub(r"(?<=\.) (?=[a-z])", "", text.casefold())


def _number(text: str | None, mark: str) -> float:
    """Return a text as a number, NaN if it is none with this mark."""
    text = clean(text or "")
    if not WRITTEN[mark].fullmatch(text) or OTHER_MARK[mark] in text:  # 1,234 is in doubt here
        return math.nan
    return float(text.replace(mark, "."))


def _shown(number: float, mark: str) -> str:
    return f"{number:.12g}".replace(".", mark)


def _missing(text: str, mark: str, unit: str | None) -> OddCell | None:
    word = _word(text)
    if word in _NO_VALUE:
        return OddCell(Fault("not measured", "no value"))
    if word in _NOT_MEASURED:
        return OddCell(Fault("not measured", "no value: not measured or not detected"))
    if word in _ROOM:
        write = "the temperature, such as 298 in K or 25 in °C"
        return OddCell(Fault("room temperature", "it means room temperature", write))
    if word in _BOOLEANS:
        return OddCell(Fault("true or false", "not a finite number: it is true or false"))
    return None


def _date(text: str, mark: str, unit: str | None) -> OddCell | None:
    if not _DATE.fullmatch(text):
        return None
    looks = "it looks like a date or a time; a spreadsheet may have changed a number"
    return OddCell(Fault("date", looks, "the number as text, or format the column as numbers"))


def _limit(text: str, mark: str, unit: str | None) -> OddCell | None:
    found = _LIMIT.fullmatch(text)
    number = _number(found["at_most"] or found["at_least"], mark) if found else math.nan
    if not found or not math.isfinite(number):
        return None
    side = -1 if found["low"] else 1
    looks = f"it is {'below' if side < 0 else 'above'} a limit"
    write = "a number, or say --censored"
    return OddCell(Fault("below or above a limit", looks, write), "limit", number, side=side)


def _approximate(text: str, mark: str, unit: str | None) -> OddCell | None:
    found = _APPROXIMATE.fullmatch(text)
    number = _number(found["value"], mark) if found else math.nan
    if not found or not math.isfinite(number):
        return None
    write = f"{_shown(number, mark)!r} if that is good enough, or say --uncertain value"
    return OddCell(Fault("approximate", "it is approximate", write), "uncertain", number)


def _uncertain(text: str, mark: str, unit: str | None) -> OddCell | None:
    """Look for uncertainties; the spread is NaN where it is zero, or one of two."""
    value = spread = math.nan
    text = text[1:-1] if text[:1] == "(" and text[-1:] == ")" else text
    if found := _SPREAD.fullmatch(text):
        value, spread = _number(found["value"], mark), _number(found["spread"], mark)
        spread = abs(value) * spread / 100 if found["percent"] else spread
    elif found := _TWO_SPREADS.fullmatch(text):
        value, spread = _number(found["value"], mark), 0.0
    elif found := _DIGITS.fullmatch(text):
        value, spread = _number(found["value"] + (found["power"] or ""), mark), _last(found, mark)
        spread = spread if spread > 0 else math.nan
    if not (math.isfinite(value) and math.isfinite(spread)):
        return None
    write = f"{_shown(value, mark)!r}, or say --uncertain"
    fault = Fault("with an uncertainty", "it has an uncertainty", write)
    return OddCell(fault, "uncertain", value, spread or math.nan)


def _last(found: re.Match[str], mark: str) -> float:
    """Return an uncertainty in brackets: of the last digits, or as it is where it has a mark.

    It is NaN where it is no small part of the value, and may be another value: 1.1(1.2).
    """
    power = float(f"1{found['power'] or ''}")
    if found["last"].isdecimal():
        return float(f"{found['last']}e{-len(found['digits'] or '')}") * power
    last = _number(found["last"], mark)
    return last * power if last < _LARGEST_PART * abs(_number(found["value"], mark)) else math.nan


def _range(text: str, mark: str, unit: str | None) -> OddCell | None:
    found = _RANGE.fullmatch(text)
    if not found:
        return None
    if _LOST_POWER.fullmatch(text):
        looks = "it may be a range or a power of ten"
        power = re.split("[-–]", text)[1].strip()
        return OddCell(Fault("range or power of ten", looks, f"'10 to {power}' or '1e-{power}'"))
    if points := _MANY_POINTS.fullmatch(text):
        whole, digits = points.groups()
        looks, write = (
            "it may be a range or a number",
            f"'{whole} to {digits}' or '{whole}{mark}{digits}'",
        )
        return OddCell(Fault("range or decimal number", looks, write))
    low, high = _number(found["low"], mark), _number(found["high"], mark)
    if not low < high:
        return None
    power = found["high"].lower().partition("e")[2]
    if power and "e" not in found["low"].lower() and low * float(f"1e{power}") < high:
        looks = f"the power of ten may be that of {found['low']} too"
        write = f"'{found['low']}e{power}-{found['high']}', or both without one"
        return OddCell(Fault("range with one power of ten", looks, write))
    middle = float(f"{(low + high) / 2:.12g}")
    write = f"one number, or say --ranges; the middle is {_shown(middle, mark)}"
    return OddCell(Fault("range", "it is a range", write), "range", middle)


def _exponent(text: str, mark: str, unit: str | None) -> OddCell | None:
    """Look for 8.5D-3, as Fortran writes it, and for 1e999."""
    found = _EXPONENT.fullmatch(text)
    if not found or not math.isfinite(_number(found["value"], mark)):
        return None
    if found["letter"] in "eE":
        return OddCell(Fault("number that is too large", "it is beyond all numbers"))
    written = f"{found['value']}e{int(found['power'])}"
    return OddCell(Fault("power of ten", "it looks like a power of ten", f"{written!r}", written))


def _power(text: str, mark: str, unit: str | None) -> OddCell | None:
    raised = re.search(r"10\s*[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+$", text)
    found = _POWER.fullmatch(text.translate(_RAISED).replace("\N{MINUS SIGN}", "-"))
    if not found or not (raised or found["up"] or found["value"]):
        return None
    value = found["value"] or "1"
    if not math.isfinite(_number(value, mark)) or "e" in value.casefold():
        return None
    written = f"{value}e{int(found['power'])}"
    repair = written if raised or found["up"] else None
    return OddCell(Fault("power of ten", "it looks like a power of ten", f"{written!r}", repair))


def _with_unit(text: str, mark: str, unit: str | None) -> OddCell | None:
    found = _UNIT.fullmatch(text)
    if not found:
        return None
    bare = found["value"].strip()
    inner = None if math.isfinite(_number(bare, mark)) else odd_cell(bare, mark, unit)
    if inner is not None and not inner.role:
        return None
    same = unit is not None and _simple(found["unit"]) == _simple(unit)
    write = f"{bare!r}, and the unit in the header"
    if unit is not None:
        write = f"{bare!r}, since the header has the unit" if same else f"the number in {unit}"
    return OddCell(Fault("with a unit", "it has a unit", write, bare if same else None))


def _simple(unit: str) -> str:
    """Return a unit without space, and with one of the two signs for micro."""
    return re.sub(r"[\s()\[\]]", "", unit).replace("\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}")


def _spaced(text: str, mark: str, unit: str | None) -> OddCell | None:
    joined = re.sub(r"\s", "", text)
    found = _GROUPED.fullmatch(text)
    if not (found or _SPACED_POWER.fullmatch(text)) or not math.isfinite(_number(joined, mark)):
        return None
    if joined.isdecimal() and text.count(" ") == 1:
        write = f"{joined!r}, or one of them"
        return OddCell(Fault("space in a number", "it may be one number or two", write))
    return OddCell(Fault("space in a number", "it has spaces", f"{joined!r}", joined))


def _lettered(text: str, mark: str, unit: str | None) -> OddCell | None:
    """Look for 1.O and 1l; a letter at the end may be a unit."""
    written = text.translate(_LETTERS)
    if not _LETTERED.fullmatch(text) or not math.isfinite(_number(written, mark)):
        return None
    if unit is not None and text.endswith(unit):
        return None
    looks = "it has a letter that may stand for a digit"
    return OddCell(
        Fault("letter in a number", looks, f"{written!r}, or the number without its unit")
    )


def _marked(text: str, mark: str, unit: str | None) -> OddCell | None:
    found = _MARKED.fullmatch(text)
    bare = (found["value"] or found["value2"]) if found else ""
    if not math.isfinite(_number(bare, mark)):
        return None
    return OddCell(Fault("marks around a number", "it has marks around it", f"{bare!r}", bare))


def _noted(text: str, mark: str, unit: str | None) -> OddCell | None:
    found = _BRACKETED.fullmatch(text)
    if found and math.isfinite(_number(found["value"], mark)):
        write = f"{found['value']!r}, or '-{found['value']}' if that is meant"
        return OddCell(Fault("number in brackets", "it is in brackets", write))
    found = _NOTED.fullmatch(text)
    if not found or not math.isfinite(_number(found["value"], mark)):
        return None
    if digits := _DIGITS.fullmatch(re.sub(r"\s", "", text)):
        write = f"{found['value']!r}, or {digits[0]!r} if that is its uncertainty"
        return OddCell(Fault("uncertainty or note", "it has an uncertainty or a note", write))
    write = f"{found['value']!r}, and the note in another column"
    return OddCell(Fault("number with a note", "it has a note", write))


def _several(text: str, mark: str, unit: str | None) -> OddCell | None:
    if not _SEVERAL.fullmatch(text):
        return None
    return OddCell(Fault("several numbers", "it has several numbers", "one, or a row for each"))


_LOOKS: tuple[Callable[[str, str, str | None], OddCell | None], ...] = (
    _missing,
    _date,
    _limit,
    _approximate,
    _uncertain,
    _range,
    _power,
    _exponent,
    _spaced,
    _marked,
    _noted,
    _several,
    _lettered,
    _with_unit,
)
