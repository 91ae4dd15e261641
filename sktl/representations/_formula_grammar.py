"""The grammar of formulas: from a text to the amount of each element, in linear time."""

from __future__ import annotations

import re
from dataclasses import replace

from sktl._echo import echo
from sktl._limits import DEEPEST_NESTING, LONGEST_FORMULA
from sktl.representations._faults import Fault
from sktl.representations._symbols import SYMBOLS

NO_FORMULA = "not a formula"
"""What a cell is called that looks like nothing known."""

_CANONICAL = {symbol: symbol for symbol in SYMBOLS} | {"D": "H", "T": "H"}
_CLOSING_OF = {"(": ")", "[": "]", "{": "}"}
_TRANSLATION = str.maketrans(
    "₀₁₂₃₄₅₆₇₈₉⋅•∙‧*", "0123456789·····", "\u200b\u200c\u200d\u2060\ufeff\xad"
)

_AMOUNT = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e-?[0-9]+)?"
_COEFFICIENT = re.compile(rf"({_AMOUNT})\s*")
_TOKEN = re.compile(
    r"(?:([A-Z][a-z]*)|([)\]}])|(·))\s*"  # symbol, closing bracket or dot
    rf"({_AMOUNT})?\s*"  # its amount
    r"|([(\[{])\s*|(.)",  # opening bracket, or what has no place
    re.DOTALL,
)
_WATER = r"(?:[HD]2O|\([HD]2O\)|\[[HD]2O\])"
_HYDRATE_STOP = re.compile(
    r"(?<![A-Za-z)\]}\s]0)\s*\.\s*(0\.[0-9]+|[1-9][0-9]*)\s*(?=" + _WATER + r"\s*(?:$|[.·)\]}]))"
)
_BARE_STOP = re.compile(r"\s*\.\s*(?=[A-Z(\[{])")
_OTHER_STOP = re.compile(r"(?<!(?<![0-9.])0)\.(?=[0-9])")


class Unreadable(ValueError):
    """Why a formula cannot be read.

    Parameters
    ----------
    reason : str or Fault
        A text alone is the fault of a cell that looks like nothing known.
    fault : Fault, optional
        What the cell looks like, to be said after the reason.
    """

    def __init__(self, reason: str | Fault, fault: Fault | None = None) -> None:
        known = reason if isinstance(reason, Fault) else Fault(NO_FORMULA, reason)
        if fault is not None:
            known = replace(fault, looks_like=f"{reason}; {fault.looks_like}")
        self.fault = known
        super().__init__(str(known))


def plain_text(formula: str) -> str:
    """Return a formula with plain digits, one kind of dot and single spaces."""
    if len(formula) > LONGEST_FORMULA:
        raise Unreadable(
            f"it has {len(formula):,} characters; a formula has at most {LONGEST_FORMULA:,}"
        )
    return " ".join(formula.translate(_TRANSLATION).split())


def add(total: dict[str, float], symbol: str, amount: float) -> None:
    """Add an amount of an element to a sum."""
    if symbol not in _CANONICAL:
        raise Unreadable(f"unknown element {echo(symbol)}")
    symbol = _CANONICAL[symbol]
    total[symbol] = total.get(symbol, 0.0) + amount


def _add_all(total: dict[str, float], part: dict[str, float], factor: float) -> None:
    for symbol, amount in part.items():
        total[symbol] = total.get(symbol, 0.0) + amount * factor


class _Group:
    """Sums inside one bracket: finished parts, and the part that is being read."""

    def __init__(self, closing: str, coefficient: float = 1.0) -> None:
        self.closing = closing
        self.coefficient = coefficient
        self.part: dict[str, float] = {}
        self.total: dict[str, float] = {}

    def end_part(self, coefficient: float = 1.0) -> None:
        if not self.part:
            raise Unreadable("a bracket or a part is empty")
        _add_all(self.total, self.part, self.coefficient)
        self.part, self.coefficient = {}, coefficient


def read_text(formula: str) -> dict[str, float]:
    """Walk through the tokens of a formula with a stack of open brackets."""
    text = mark_stops(formula)
    if not text:
        return {}
    leading = _COEFFICIENT.match(text) if "·" in text else None
    groups = [_Group("", float(leading[1]) if leading else 1.0)]
    for symbol, closing, dot, number, opening, odd in _TOKEN.findall(
        text, leading.end() if leading else 0
    ):
        amount = float(number) if number else 1.0
        if symbol:
            add(groups[-1].part, symbol, amount)
        elif opening:
            if len(groups) > DEEPEST_NESTING:
                raise Unreadable(f"its brackets are nested deeper than {DEEPEST_NESTING}")
            groups.append(_Group(_CLOSING_OF[opening]))
        elif closing:
            _close(groups, closing, amount)
        elif dot:
            groups[-1].end_part(amount)
        else:
            raise Unreadable(f"unexpected {odd!r}")
    if len(groups) > 1:
        raise Unreadable(f"{groups[-1].closing!r} is missing")
    groups[0].end_part()
    return groups[0].total


def _close(groups: list[_Group], closing: str, amount: float) -> None:
    """Close the innermost bracket and add its content to the group around it."""
    group = groups.pop()
    if group.closing != closing:
        raise Unreadable(f"{closing!r} closes no bracket")
    group.end_part()
    _add_all(groups[-1].part, group.total, amount)


def mark_stops(text: str) -> str:
    """Turn the full stops that separate parts into middle dots."""
    if "." not in text or "·" in text:
        return text
    marked = _BARE_STOP.sub("·", _HYDRATE_STOP.sub(r"·\1", text))
    if marked != text and _OTHER_STOP.search(marked):
        raise Unreadable("its full stops are ambiguous; separate hydrates by '·', as CuSO4·5H2O")
    return marked
