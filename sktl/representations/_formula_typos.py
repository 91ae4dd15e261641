"""Formulas that can be read, and that look as if a letter, a space or a bracket went wrong."""

from __future__ import annotations

import re
from typing import NamedTuple

from sktl.representations._symbols import NONMETALS, SYMBOL, SYMBOLS

_BARE = re.compile(r"[A-Z][a-z]?(?![a-z0-9.])")

_O_FOR_ZERO = re.compile(r"O(?=\.[0-9])")
_POINT_FIRST = re.compile(r"(?<![0-9O])\.[0-9]")  # Al.5Ga.5As: all are written so
_ONE_FOR_L = re.compile(r"(?<=[A-Za-z0-9)\]])C1(?![0-9.])|^T1(?=[A-Z])")
_ONE_FOR_I = re.compile(r"((?:Cs|Rb|K|CH3NH3|CH\(NH2\)2)Pb)1([23])")
_CHLORIDE = re.compile(  # by the charge of the metal, since there are carbides with iodine
    r"((?:H|Li|Na|K|Rb|Cs|Cu|Ag|Tl|NH4|BiO)(?=C[1I]$)"
    r"|(?:Be|Mg|Ca|Sr|Ba|Mn|Fe|Co|Ni|Cu|Zn|Cd|Hg|Sn|Pb)(?=C[1I]2$)"
    r"|(?:Al|Ga|In|Sc|Y|La|Fe|Cr|Bi|Sb)(?=C[1I]3$)|(?:Ti|Zr|Hf|Si|Ge|Sn|C)(?=C[1I]4$))C[1I]"
)
_ROMAN = re.compile(r"(?<=[a-z])(?:I{2,3}|IV)(?![a-z])|(?<=[A-Z])I{2,3}(?![a-z])")

_POLYTYPE = re.compile(r"(.*\S) [0-9]{1,2}[HRCT]")
_AFTER_SPACE = re.compile(r"(.*[A-Za-z]) ([0-9]+[A-Z(].*)")
_LAST_WORD = re.compile(r"(.*[A-Za-z0-9)\]]) ([A-Z][a-z]?|B[1-3])")
_LOST_DOT = re.compile(r"(.*[A-Za-z)\]][1-9])((?:[1-9]|1[0-9])H2O)")
_TWO_DOTS = re.compile(r"(?:(?<=[A-Za-z)\]])|(?<=[A-Za-z)\]][0-9]))\.(?=[0-9]*H2O(?:·|$))")
_SHARED = re.compile(
    r"[(\[{]\s*(?P<all>(?:[A-Z][a-z]?\s*){2,40})[)\]}]\s*(?P<share>0?\.[0-9]+(?!e)|(?![0-9.]))"
)


class Typo(NamedTuple):
    """What may be meant by a formula that can be read.

    Attributes
    ----------
    kind : str
    looks_like : str
        As in `Fault`.
    guesses : list of str
        What may be meant.
    """

    kind: str
    looks_like: str
    guesses: list[str]


def find_typo(text: str) -> Typo | None:
    """Return what may be wrong with a formula that can be read, None if nothing is."""
    found = _letters(text)
    if found is None and " " in text:
        found = _spaces(text)
    if found is None and any(each in text for each in "([{"):
        found = _brackets(text)
    return found or _water(text)


def _letters(text: str) -> Typo | None:
    """Return what is said of digits for letters, and the reverse."""
    kind = "letter for a digit, or digit for a letter"
    if _O_FOR_ZERO.search(text) and not _POINT_FIRST.search(text):
        meant = _O_FOR_ZERO.sub("0", text)
        return Typo(kind, "its letter O before a full stop may be a zero", [meant])
    if _CHLORIDE.match(text):
        return Typo(kind, "it may be a chloride", [_CHLORIDE.sub(r"\1Cl", text)])
    if (one := _ONE_FOR_L.search(text)) and (one[0] == "T1" or _BARE.search(text)):
        meant = _ONE_FOR_L.sub(lambda found: found[0].replace("1", "l"), text)
        return Typo(kind, f"its {one[0]!r} may end in the letter l", [meant])
    if _ONE_FOR_I.fullmatch(text):
        return Typo(kind, "its digit 1 may be iodine", [_ONE_FOR_I.sub(r"\1I\2", text)])
    if roman := _ROMAN.search(text):
        looks = f"its {roman[0]!r} may be an oxidation state, or iodine"
        return Typo("oxidation state", looks, [_ROMAN.sub("", text)])
    return None


def _spaces(text: str) -> Typo | None:
    """Return what is said of a phase, a dopant or water behind a space."""
    if found := _POLYTYPE.fullmatch(text):
        return Typo("phase or note", "it may be a formula with a polytype", [found[1]])
    if found := _AFTER_SPACE.fullmatch(text):
        looks = "a number stands between a space and a symbol"
        return Typo("space with two readings", looks, [f"{found[1]}·{found[2]}"])
    found = _LAST_WORD.fullmatch(text)
    if found and any(len(SYMBOL.findall(word)) > 1 for word in found[1].split()):
        looks = f"{found[2]!r} behind a space may be a phase or a dopant"
        return Typo("space with two readings", looks, [found[1]])
    return None


def _brackets(text: str) -> Typo | None:
    """Return what is said of a bracket whose metals may share a site."""
    if not NONMETALS.intersection(SYMBOL.findall(_SHARED.sub("", text))):
        return None
    for found in _SHARED.finditer(text):
        symbols = SYMBOL.findall(found["all"])
        if {*symbols} <= {*SYMBOLS} - {*NONMETALS}:
            shared = in_shares(found["all"], float(found["share"] or 1))
            looks = f"{found[0]!r} may say that its elements share the amount, or that each has it"
            return Typo("bracket with two readings", looks, [text.replace(found[0], shared)])
    return None


def in_shares(symbols: str, amount: float) -> str:
    """Return elements, written one after the other, with equal shares of an amount."""
    each_symbol = SYMBOL.findall(symbols)
    return "".join(f"{symbol}{amount / len(each_symbol):.6g}" for symbol in each_symbol)


def _water(text: str) -> Typo | None:
    """Return what is said of water whose dot is lost, or is a full stop beside a middle dot."""
    if not text.endswith("H2O") and "H2O·" not in text:
        return None
    if "·" in text and _TWO_DOTS.search(text):
        meant = _TWO_DOTS.sub("·", text)
        return Typo("full stop with two readings", "it has a full stop before water", [meant])
    found = _LOST_DOT.fullmatch(text)
    if found and "·" not in text and "." not in text:
        looks = "the dot before its water may be lost"
        return Typo("full stop with two readings", looks, [f"{found[1]}·{found[2]}"])
    return None
