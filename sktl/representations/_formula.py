"""Read chemical formulas: one exact parser, and a fast path for the plain ones."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from sktl._containers import read_rows
from sktl._types import FloatArray, Formula, FormulasLike, IntArray
from sktl.exceptions import FormulaError
from sktl.representations._compositions import Compositions, offsets_from_sizes
from sktl.representations._plain_formulas import read_plain
from sktl.representations._symbols import ATOMIC_NUMBER, SYMBOLS

__all__ = ["ATOMIC_NUMBER", "SYMBOLS", "parse_formula", "parse_formulas"]

SMALLEST_AMOUNT = 1e-8
"""Amounts below this count as zero: the element is left out, as pymatgen does."""

_CANONICAL = {symbol: symbol for symbol in SYMBOLS} | {"D": "H", "T": "H"}
_CLOSING_OF = {"(": ")", "[": "]", "{": "}"}
_TRANSLATION = str.maketrans("₀₁₂₃₄₅₆₇₈₉⋅•∙‧*@", "0123456789····· ")

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
_DATE = re.compile(r"([0-9]{1,2})-(Feb|Sep|Nov)|(Feb|Sep|Nov)-([0-9]{1,2})")
_SYMBOLS_OF_MONTH = {"Feb": "FeB", "Sep": "SeP", "Nov": "NoV"}

_BLOCK = 2**16
_MAX_LISTED = 5


_Entries: TypeAlias = tuple[IntArray, IntArray, FloatArray]
"""Rows, atomic numbers and amounts, one of each for every element of a formula."""


class _Unreadable(ValueError):
    """Why a formula cannot be read."""


def parse_formulas(formulas: FormulasLike) -> Compositions:
    """Read many formulas into one batch of compositions.

    Parameters
    ----------
    formulas : sequence of str or pymatgen Composition, length n
        Formulas in the grammar of `parse_formula`. Of a Composition with oxidation states the
        charges are dropped.

    Returns
    -------
    Compositions
        Row i is ``formulas[i]``, with unreduced amounts.

    Raises
    ------
    FormulaError
        If any formula cannot be read; the message lists the first five rows (0-based) with the
        reason, and `rows` holds all of them.

    Examples
    --------
    >>> batch = parse_formulas(["Fe2O3", "Ca3(PO4)2", "CuSO4·5H2O"])
    >>> batch.keys()[0], batch.sizes.tolist()
    ('8:0.6000;26:0.4000', [2, 3, 4])
    """
    if isinstance(formulas, str | bytes) or hasattr(formulas, "get_el_amt_dict"):
        raise FormulaError(f"Got formulas={formulas!r}, expected a sequence: [{formulas!r}].")
    items: list[Formula]
    if isinstance(formulas, list):
        items = formulas
    else:
        found = read_rows(formulas).items
        items = list(formulas) if found is None else found
    blocks, odd = [], []
    for start in range(0, len(items), _BLOCK):
        block = items[start : start + _BLOCK]
        rows, numbers, amounts = read_plain(block)
        blocks.append((rows + start, numbers, amounts))
        odd.append(start + np.flatnonzero(np.bincount(rows, minlength=len(block)) == 0))
    blocks.append(_read_exactly(items, np.concatenate(odd).tolist() if odd else []))
    rows, numbers, amounts = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return _merge(rows, numbers, amounts, len(items))


def parse_formula(formula: Formula) -> dict[str, float]:
    """Read one formula exactly.

    Parameters
    ----------
    formula : str
        Element symbols with amounts (``Fe2O3``, ``Fe0.98O``, ``Al.5Ga.5As``), in nested brackets
        of any of three kinds, with hydrates; subscript digits and spaces between tokens are
        fine.

    Returns
    -------
    dict of str to float
        Amount of each element, in order of appearance, repeated elements added up.

    Raises
    ------
    FormulaError
        If the formula cannot be read; the message says why.

    Notes
    -----
    - ``·``, its look-alikes ``⋅ • ∙ ‧`` and ``*`` separate the parts of an adduct; a number
      after them, or at the beginning of such a formula, multiplies its part:
      ``3CdSO4·8H2O``. In such a formula every full stop is a decimal point.
    - Without them, a full stop is a decimal point as in pymatgen, except that it separates
      (a) right before a symbol or bracket, ``CuSO4.H2O``, and (b) before a whole number, or a
      number that begins with ``0.``, and water that ends its part: ``CuSO4.5H2O`` is copper
      sulfate pentahydrate, where pymatgen reads 4.5 O. ``Na0.5H2O`` stays decimal, since zero
      sodium makes no sense, and so does ``CoCl3.6NH3``: write ``CoCl3·6NH3``.
    - Where a full stop separates, every other full stop must belong to a number ``0.x``; else
      the formula (``Al2O3.2SiO2.2H2O``) is ambiguous and refused.
    - Elements with amount zero, as at the end of a doping series, are left out. D and T are
      hydrogen. ``@`` is ignored. ``NaN`` is sodium nitride. Charges are refused.

    Examples
    --------
    >>> parse_formula("CuSO4.5H2O")
    {'Cu': 1.0, 'S': 1.0, 'O': 9.0, 'H': 10.0}
    >>> parse_formula("K4[Fe(CN)6]")
    {'K': 4.0, 'Fe': 1.0, 'C': 6.0, 'N': 6.0}
    """
    try:
        return _read(formula)
    except _Unreadable as error:
        raise FormulaError(
            f"Got formula={formula!r}, expected a chemical formula such as 'Fe2O3': {error}."
        ) from None


def _read_exactly(formulas: Sequence[Formula], rows: Sequence[int]) -> _Entries:
    """Return rows, numbers and amounts of the formulas in `rows`, or raise for all bad ones."""
    entries, problems = [], {}
    for row in rows:
        try:
            amounts = _read(formulas[row])
        except _Unreadable as error:
            problems[row] = f"row {row}: Got {formulas[row]!r}: {error}"
        else:
            entries += [(row, ATOMIC_NUMBER[symbol], a) for symbol, a in amounts.items()]
    if problems:
        listed = "\n  ".join(list(problems.values())[:_MAX_LISTED])
        more = len(problems) - _MAX_LISTED
        raise FormulaError(
            f"Got {len(problems)} of {len(formulas)} formulas that cannot be read, expected "
            f"chemical formulas such as 'Fe2O3':\n  {listed}"
            + (f"\n  and {more} more" if more > 0 else ""),
            rows=problems,
        )
    columns = np.array(entries, dtype=np.float64).reshape(-1, 3).T
    return columns[0].astype(np.int64), columns[1].astype(np.int64), columns[2]


def _merge(rows: IntArray, numbers: IntArray, amounts: FloatArray, n: int) -> Compositions:
    """Sort entries by row and element, and add up repeated elements."""
    places = rows * 128 + numbers
    order = np.argsort(places, kind="stable")
    places, amounts = places[order], amounts[order]
    first = np.flatnonzero(np.diff(places, prepend=-1))
    amounts = np.add.reduceat(amounts, first) if first.size else amounts
    rows, numbers = np.divmod(places[first], 128)
    return Compositions(numbers, amounts, offsets_from_sizes(np.bincount(rows, minlength=n)))


def _read(item: object) -> dict[str, float]:
    """Return the amount of each element of a formula or pymatgen Composition."""
    if isinstance(item, str):
        return _checked(_read_text(item))
    if hasattr(item, "get_el_amt_dict"):
        total: dict[str, float] = {}
        for symbol, amount in item.get_el_amt_dict().items():
            _add(total, symbol, float(amount))
        return _checked(total)
    if isinstance(item, float) and math.isnan(item):
        raise _Unreadable(
            "it is a missing value; if it was the formula 'NaN' (sodium nitride), read the file "
            "with keep_default_na=False"
        )
    kind = type(item).__name__
    raise _Unreadable(f"it is of type {kind}, neither a string nor a pymatgen Composition")


def _checked(amounts: dict[str, float]) -> dict[str, float]:
    """Leave out zero amounts; refuse negative or infinite ones, and a formula of nothing."""
    if not math.isfinite(sum(amounts.values())):
        raise _Unreadable("an amount is not finite")
    if min(amounts.values(), default=0) <= -SMALLEST_AMOUNT:
        raise _Unreadable("an amount is negative")
    kept = {symbol: amount for symbol, amount in amounts.items() if amount >= SMALLEST_AMOUNT}
    if not kept:
        raise _Unreadable("all amounts are zero" if amounts else "it is empty")
    return kept


def _add(total: dict[str, float], symbol: str, amount: float) -> None:
    if symbol not in _CANONICAL:
        raise _Unreadable(f"unknown element {symbol!r}")
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
            raise _Unreadable("a bracket or a part is empty")
        _add_all(self.total, self.part, self.coefficient)
        self.part, self.coefficient = {}, coefficient


def _read_text(formula: str) -> dict[str, float]:
    """Walk through the tokens of a formula with a stack of open brackets."""
    text = _mark_stops(_check_date(formula.translate(_TRANSLATION).strip()))
    if not text:
        return {}
    leading = _COEFFICIENT.match(text) if "·" in text else None
    groups = [_Group("", float(leading[1]) if leading else 1.0)]
    for symbol, closing, dot, number, opening, odd in _TOKEN.findall(
        text, leading.end() if leading else 0
    ):
        amount = float(number) if number else 1.0
        if symbol:
            _add(groups[-1].part, symbol, amount)
        elif opening:
            groups.append(_Group(_CLOSING_OF[opening]))
        elif closing:
            _close(groups, closing, amount)
        elif dot:
            groups[-1].end_part(amount)
        else:
            raise _unexpected(odd)
    if len(groups) > 1:
        raise _Unreadable(f"{groups[-1].closing!r} is missing")
    groups[0].end_part()
    return groups[0].total


def _close(groups: list[_Group], closing: str, amount: float) -> None:
    """Close the innermost bracket and add its content to the group around it."""
    group = groups.pop()
    if group.closing != closing:
        raise _Unreadable(f"{closing!r} closes no bracket")
    group.end_part()
    _add_all(groups[-1].part, group.total, amount)


def _mark_stops(text: str) -> str:
    """Turn the full stops that separate parts into middle dots."""
    if "." not in text or "·" in text:
        return text
    marked = _BARE_STOP.sub("·", _HYDRATE_STOP.sub(r"·\1", text))
    if marked != text and _OTHER_STOP.search(marked):
        raise _Unreadable("its full stops are ambiguous; separate hydrates by '·', as CuSO4·5H2O")
    return marked


def _check_date(text: str) -> str:
    """Refuse what a spreadsheet makes of FeB3 and its like."""
    date = _DATE.fullmatch(text)
    if date:
        amount = int(date[1] or date[4])
        original = f"{_SYMBOLS_OF_MONTH[date[2] or date[3]]}{amount}"
        raise _Unreadable(f"it looks like a date; a spreadsheet may have changed {original!r}")
    return text


def _unexpected(character: str) -> _Unreadable:
    if character in "+-^⁺⁻−–⁰¹²³⁴⁵⁶⁷⁸⁹":
        return _Unreadable(f"unexpected {character!r}; charges and ranges have no place")
    return _Unreadable(f"unexpected {character!r}")
