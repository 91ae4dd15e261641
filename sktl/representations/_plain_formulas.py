"""The fast way to read formulas: plain ones, such as ``Fe2O3`` and ``Al0.5Ga0.5As``, all at once.

Whatever is not plain to the last character is left to the exact parser.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sktl._limits import LONGEST_FORMULA
from sktl._types import BoolArray, FloatArray, IntArray
from sktl.representations._formula_grades import BASES, FEWEST, MOST
from sktl.representations._symbols import ATOMIC_NUMBER, NONMETALS

_LONGEST_NUMBER = 15  # digits and a full stop; longer ones may not be exact in float64
_LETTERS = 27

_Bytes: TypeAlias = NDArray[np.uint8]
_Code = TypeVar("_Code", int, IntArray)


def _symbol_table() -> IntArray:
    """Return atomic numbers by the code of a symbol, 0 where there is no such element."""
    table = np.zeros(26 * _LETTERS, dtype=np.int64)
    for symbol, number in (ATOMIC_NUMBER | {"D": 1}).items():  # T1Br may be TlBr
        table[_code(*symbol.encode().ljust(2, b"`"))] = number
    return table


def _code(first: _Code, second: _Code) -> _Code:
    """Return the code of the bytes of a symbol; those of one letter end in a grave accent."""
    return (first - ord("A")) * _LETTERS + second - ord("`")


def _marked(symbols: str) -> BoolArray:
    """Return a table of atomic numbers that marks some elements."""
    table = np.zeros(len(ATOMIC_NUMBER) + 1, dtype=bool)
    table[[ATOMIC_NUMBER[symbol] for symbol in symbols.split()]] = True
    return table


_TABLE = _symbol_table()
_MONOVALENT = _marked("H Li Na Cu Ag Tl N")
_NONMETAL = _marked(" ".join(NONMETALS))
_BASE = _marked(" ".join(BASES))


def read_plain(formulas: Sequence[Any]) -> tuple[IntArray, IntArray, FloatArray]:
    """Return rows, atomic numbers and amounts of the elements of all plain formulas.

    Parameters
    ----------
    formulas : list
        Any items; what is no text is not plain.

    Returns
    -------
    rows : int64 array (n_entries,)
        Ascending; rows that are not plain do not occur.
    numbers : int64 array (n_entries,)
    amounts : float64 array (n_entries,)
    """
    text = _join(formulas).encode("ascii", "replace")
    found = np.frombuffer(text, dtype=np.uint8)
    kinds = _Kinds(found)
    rows = np.cumsum(kinds.end) - kinds.end
    bounds = np.flatnonzero(kinds.upper | kinds.end)
    is_symbol = kinds.upper[bounds]
    starts, ends = bounds[is_symbol], bounds[np.flatnonzero(is_symbol) + 1]
    long = kinds.lower[starts + 1]
    numbers = _TABLE[_code(found[starts].astype(np.int64), np.where(long, found[starts + 1], 96))]
    amounts, fine = _read_amounts(found, starts + 1 + long, ends)
    odd = np.zeros(len(formulas), dtype=bool)
    odd[rows[kinds.misplaced()]] = True
    odd |= _capitals(found, kinds, rows, len(formulas))
    rows = rows[starts]
    fine &= ~_in_doubt(numbers, amounts, rows)
    odd[rows[(numbers == 0) | ~fine]] = True
    odd[_hydrates(found, kinds, len(formulas))] = True
    kept = ~odd[rows]
    return rows[kept], numbers[kept], amounts[kept]


class _Kinds:
    """What each byte of a text is; lines end by a line break, the last one too."""

    def __init__(self, found: _Bytes) -> None:
        self.upper = (found >= ord("A")) & (found <= ord("Z"))
        self.lower = (found >= ord("a")) & (found <= ord("z"))
        self.digit = (found >= ord("0")) & (found <= ord("9"))
        self.stop = found == ord(".")
        self.end = found == ord("\n")

    def misplaced(self) -> IntArray:
        """Return the places of bytes that a plain formula does not have there."""
        before = {name: np.roll(part, 1) for name, part in vars(self).items()}
        bad = ~(self.upper | self.lower | self.digit | self.stop | self.end)
        bad |= self.lower & ~before["upper"]
        bad |= (self.digit | self.end) & before["end"]  # a number or nothing begins a line
        bad |= self.stop & ~before["digit"]
        bad |= before["stop"] & ~self.digit
        return np.flatnonzero(bad)


def _join(formulas: Sequence[Any]) -> str:
    """Return texts as lines; a line break inside becomes a space, what is no text nothing."""
    try:
        text = "\n".join(formulas)
    except TypeError:
        text = None
    if (
        text is None
        or text.count("\n") != len(formulas) - 1
        or max(map(len, formulas), default=0) > LONGEST_FORMULA
    ):
        texts = (_line(formula) for formula in formulas)
        text = "\n".join(texts)
    return text + "\n"


def _line(formula: object) -> str:
    if not isinstance(formula, str) or len(formula) > LONGEST_FORMULA:
        return ""
    return formula.replace("\n", " ")


def _in_doubt(numbers: IntArray, amounts: FloatArray, rows: IntArray) -> BoolArray:
    """Tell which amounts may be mistyped, or have a full stop that parts compounds."""
    doubt = (amounts > 200) | (_MONOVALENT[numbers] & (amounts == 20))
    inside = np.zeros(len(rows), dtype=bool)  # two elements follow: the second compound
    inside[:-2] = rows[2:] == rows[:-2]
    aluminium = np.zeros(len(rows), dtype=bool)  # Ti6Al4V may be in per cent by weight
    aluminium[:-1] = (rows[1:] == rows[:-1]) & (numbers[1:] == 13) & (numbers[:-1] == 22)
    doubt |= aluminium & np.isin(amounts, (3.0, 5.0, 6.0))
    doubt[_mistyped(numbers, amounts, rows)] = True
    doubt[_grades(numbers, amounts, rows)] = True
    return doubt | (inside & (amounts >= 2) & (amounts % 1 > 0) & _NONMETAL[numbers])


def _grades(numbers: IntArray, amounts: FloatArray, rows: IntArray) -> IntArray:
    """Return the places of amounts of formulas that may be names of alloys, as CuZn37."""
    (many,) = np.nonzero((amounts >= FEWEST) & (amounts < MOST) & ~_NONMETAL[numbers])
    base = np.searchsorted(rows, rows[many])
    return many[(amounts[base] == 1) & _BASE[numbers[base]]]


def _mistyped(numbers: IntArray, amounts: FloatArray, rows: IntArray) -> IntArray:
    """Return the places of amounts that may have a digit for a letter, or have lost a dot."""
    iodine, carbon, lead, hydrogen = (np.flatnonzero(numbers == z) for z in (53, 6, 82, 1))

    def behind(places: IntArray) -> IntArray:
        """Return the element behind each, 0 where there is none in the formula."""
        after = np.minimum(places + 1, len(rows) - 1)
        return np.where((rows[after] == rows[places]) & (after > places), numbers[after], 0)

    roman = iodine[np.isin(behind(iodine), (53, 23))]  # FeIII2O3, SnIVO2
    many = (amounts[carbon] >= 12) & (amounts[carbon] <= 14)  # CaC12
    chloride = carbon[many | (behind(carbon) == 53)]
    iodide = lead[(amounts[lead] >= 12) & (amounts[lead] <= 13)]  # CsPb13
    wet = hydrogen[(amounts[hydrogen] == 2) & (behind(hydrogen) == 8) & (hydrogen > 0)]
    lost = wet[(rows[wet - 1] == rows[wet]) & (amounts[wet - 1] > 10)]  # CuSO45H2O
    return np.concatenate([roman, chloride, iodide, lost])


def _read_amounts(found: _Bytes, starts: IntArray, ends: IntArray) -> tuple[FloatArray, BoolArray]:
    """Return the numbers between two places each, 1 where there is none, and whether they count."""
    lengths = ends - starts
    fine = lengths <= _LONGEST_NUMBER
    digits, decimals = np.zeros(len(starts)), np.zeros(len(starts))
    stops = np.zeros(len(starts), dtype=np.int64)
    for k in range(min(int(lengths.max(initial=0)), _LONGEST_NUMBER)):
        (some,) = np.nonzero(lengths > k)
        byte = found[starts[some] + k].astype(np.float64)
        is_stop = byte == ord(".")
        digits[some] = np.where(is_stop, digits[some], 10 * digits[some] + byte - ord("0"))
        decimals[some] += (stops[some] > 0) & ~is_stop
        stops[some] += is_stop
    amounts = np.where(lengths > 0, digits / 10.0**decimals, 1.0)
    first, second = found[starts], found[np.minimum(starts + 1, len(found) - 1)]
    one = (lengths == 1) & (first == ord("1")) & (found[starts - 1] == ord("C"))  # NaC1
    leading_zero = (lengths > 1) & (first == ord("0")) & (second != ord("."))
    tens = digits // 10
    doubt = (decimals >= 3) & ((tens % 100 == 1) | ((tens % 10 == 0) & (digits % 10 >= 2)))
    fine &= ~doubt  # 0.502 may be 0.5O2
    return amounts, fine & (stops <= 1) & (amounts >= 1e-8) & ~leading_zero & ~one


def _capitals(found: _Bytes, kinds: _Kinds, rows: IntArray, n_rows: int) -> BoolArray:
    """Tell which rows are all capitals with two in a row that are also one symbol, as SI."""
    pairs = np.flatnonzero(kinds.upper[:-1] & kinds.upper[1:])
    second = found[pairs + 1].astype(np.int64) + ord("a") - ord("A")
    is_symbol = _TABLE[_code(found[pairs].astype(np.int64), second)] > 0
    doubt = np.zeros(n_rows, dtype=bool)
    doubt[rows[pairs[is_symbol]]] = True
    doubt[rows[kinds.lower]] = False
    return doubt


def _hydrates(found: _Bytes, kinds: _Kinds, n_rows: int) -> BoolArray:
    """Tell which rows hold water and a full stop, which may separate the two."""
    if not kinds.stop.any():
        return np.zeros(n_rows, dtype=bool)
    (first,) = np.nonzero(
        ((found[:-3] == ord("H")) | (found[:-3] == ord("D")))
        & (found[1:-2] == ord("2"))
        & (found[2:-1] == ord("O"))
    )
    rows = np.cumsum(kinds.end) - kinds.end
    wet, stopped = np.zeros((2, n_rows), dtype=bool)
    wet[rows[first]] = True
    stopped[rows[kinds.stop]] = True
    return wet & stopped
