"""Read chemical formulas: one exact parser, and a fast path for the plain ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from sktl._containers import read_rows
from sktl._echo import echo
from sktl._types import FloatArray, Formula, FormulasLike, IntArray
from sktl.exceptions import FormulaError
from sktl.representations._compositions import Compositions, offsets_from_sizes
from sktl.representations._faults import Fault
from sktl.representations._formula_doubts import check_core_and_shell, check_doubts
from sktl.representations._formula_grammar import Unreadable, add, plain_text, read_text
from sktl.representations._formula_hints import check_date, looks_like
from sktl.representations._plain_formulas import read_plain
from sktl.representations._symbols import ATOMIC_NUMBER, SYMBOLS

__all__ = ["ATOMIC_NUMBER", "SYMBOLS", "judge_formula", "parse_formula", "parse_formulas"]

SMALLEST_AMOUNT = 1e-8
"""Amounts below this count as zero: the element is left out, as pymatgen does."""

_BLOCK = 2**16
_MAX_LISTED = 5


_Entries: TypeAlias = tuple[IntArray, IntArray, FloatArray]
"""Rows, atomic numbers and amounts, one of each for every element of a formula."""


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
        raise FormulaError(f"Got formulas={echo(formulas)}, expected a sequence of formulas.")
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
      sodium makes no sense.
    - Where a full stop separates, every other full stop must belong to a number ``0.x``; else
      the formula (``Al2O3.2SiO2.2H2O``) is ambiguous and refused.
    - Elements with amount zero, as at the end of a doping series, are left out: ``La2Sr0CuO4``.
      D and T are hydrogen. ``NaN`` is sodium nitride. Charges are refused.
    - What has two readings in the field is refused, and the message spells out both: ``Si02``,
      ``C0Sb3``, ``CaC12``, ``Li2O.2SiO2``, ``SiO2@TiO2``, ``(CuMnNi)75Zn25``, ``(MgNiZn)O``, and
      what stands behind a compound, as ``SiC 6H`` and ``ZnO(Al)``. An atom in a cage, ``Y3N@C80``,
      is read.
    - A formula has at most 10,000 characters, and 100 brackets inside each other.

    Examples
    --------
    >>> parse_formula("CuSO4.5H2O")
    {'Cu': 1.0, 'S': 1.0, 'O': 9.0, 'H': 10.0}
    >>> parse_formula("K4[Fe(CN)6]")
    {'K': 4.0, 'Fe': 1.0, 'C': 6.0, 'N': 6.0}
    """
    try:
        return _read(formula)
    except Unreadable as error:
        raise FormulaError(
            f"Got formula={echo(formula)}, expected a chemical formula such as 'Fe2O3': {error}."
        ) from None


def judge_formula(formula: Formula) -> Fault | None:
    """Return what is wrong with a formula, None if `parse_formula` reads it.

    Parameters
    ----------
    formula : str
        The text of a cell.

    Returns
    -------
    Fault or None
        Its kind, what it looks like, what to write, and a repair where only one can be meant.

    Examples
    --------
    >>> from sktl.representations import judge_formula
    >>> judge_formula("Fe203").repair
    'Fe2O3'
    """
    try:
        _read(formula)
    except Unreadable as error:
        return error.fault
    return None


def _read_exactly(formulas: Sequence[Formula], rows: Sequence[int]) -> _Entries:
    """Return rows, numbers and amounts of the formulas in `rows`, or raise for all bad ones."""
    entries, problems = [], {}
    for row in rows:
        try:
            amounts = _read(formulas[row])
        except Unreadable as error:
            problems[row] = f"row {row}: Got {echo(formulas[row])}: {error}"
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
        return _read_formula(item)
    if hasattr(item, "get_el_amt_dict"):
        total: dict[str, float] = {}
        for symbol, amount in item.get_el_amt_dict().items():
            add(total, symbol, float(amount))
        return _checked(total)
    if isinstance(item, float) and math.isnan(item):
        raise Unreadable(
            "it is a missing value; if it was the formula 'NaN' (sodium nitride), read the file "
            "with keep_default_na=False"
        )
    kind = type(item).__name__
    raise Unreadable(f"it is of type {kind}, neither a string nor a pymatgen Composition")


def _read_formula(formula: str) -> dict[str, float]:
    """Read a text; say what it looks like where it is no formula, or has a second reading."""
    text = plain_text(formula)
    try:
        text = check_core_and_shell(text)
        amounts = _checked(read_text(text))
    except Unreadable as error:
        check_date(text)
        hint = looks_like(text)
        raise (Unreadable(str(error), hint) if hint else error) from None
    check_doubts(text)
    return amounts


def _checked(amounts: dict[str, float]) -> dict[str, float]:
    """Leave out zero amounts; refuse negative or infinite ones, and a formula of nothing."""
    if not math.isfinite(sum(amounts.values())):
        raise Unreadable("an amount is not finite")
    if min(amounts.values(), default=0) <= -SMALLEST_AMOUNT:
        raise Unreadable("an amount is negative")
    kept = {symbol: amount for symbol, amount in amounts.items() if amount >= SMALLEST_AMOUNT}
    if not kept:
        raise Unreadable("all amounts are zero" if amounts else "it is empty")
    return kept
