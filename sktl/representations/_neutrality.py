"""Whether a composition can be neutral when each element takes one of its oxidation states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sktl._types import BoolArray, FloatArray, IntArray
from sktl.representations._compositions import Compositions

TOLERANCE = 1e-8
"""Largest net charge of a formula unit that counts as neutral, in elementary charges."""

_DENSE_LIMIT = 4096
_BLOCK_SIZE = 2**20
_DECIMALS = 12


def neutral_possible(compositions: Compositions, states: Sequence[tuple[int, ...]]) -> BoolArray:
    """Tell which compositions have a neutral choice of one oxidation state per element.

    Parameters
    ----------
    compositions : Compositions
        A batch of n compositions. The charge is that of the formula unit as written, so `amounts`
        count here, not `fractions`.
    states : sequence of tuple of int
        ``states[z]`` holds the oxidation states of the element with atomic number z.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where a neutral choice exists, and for single elements. False where an element has no
        oxidation state.

    Notes
    -----
    All atoms of an element share one state, so Fe3O4 is not neutral here. Elements with one state
    are a constant; rows whose other elements have equal numbers of states are enumerated together.

    Examples
    --------
    >>> from sktl.representations._formula import parse_formulas
    >>> states = [()] * 119
    >>> states[8], states[26] = (-2,), (2, 3)
    >>> neutral_possible(parse_formulas(["Fe2O3", "Fe3O4", "FeO", "Fe"]), states).tolist()
    [True, False, True, True]
    """
    counts = np.array([len(choices) for choices in states])
    widest = max(1, counts.max())
    table = np.array([tuple(choices) + (0,) * (widest - len(choices)) for choices in states], float)
    starts = compositions.offsets[:-1]
    numbers, amounts = compositions.numbers, compositions.amounts
    if len(compositions) == 0:
        return np.zeros(0, dtype=bool)
    fixed = np.add.reduceat(np.where(counts == 1, table[:, 0], 0.0)[numbers] * amounts, starts)
    possible = compositions.sizes == 1
    open_rows = ~possible & (np.minimum.reduceat(counts[numbers], starts) > 0)
    for rows, entries in _equal_patterns(compositions, counts, open_rows):
        charges = []
        for i in range(entries.shape[1]):
            elements = numbers[entries[:, i]]
            charges.append((amounts[entries[:, i]], table[elements, : counts[elements[0]]]))
        possible[rows] = _any_neutral(fixed[rows], charges)
    return possible


def _equal_patterns(
    compositions: Compositions, counts: IntArray, selected: BoolArray
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield rows with equal numbers of states, and their entries with several states.

    The entries form an array (rows, elements with several states), ordered by number of states, so
    that each column has one number of states.
    """
    numbers = compositions.numbers
    several = np.flatnonzero((counts[numbers] > 1) & np.repeat(selected, compositions.sizes))
    row_of = compositions.rows[several]
    several = several[np.lexsort((counts[numbers[several]], row_of))]
    width = np.bincount(row_of, minlength=len(compositions))
    first = np.cumsum(width) - width
    _, rank = np.unique(counts, return_inverse=True)
    weights = (1 + compositions.sizes.max()) ** rank[numbers[several]].astype(float)
    pattern = np.bincount(row_of, weights=weights, minlength=len(compositions))
    chosen = np.flatnonzero(selected)
    order = chosen[np.argsort(pattern[chosen], kind="stable")]
    for rows in np.split(order, np.flatnonzero(np.diff(pattern[order])) + 1):
        if rows.size:
            yield rows, several[first[rows][:, None] + np.arange(width[rows[0]])]


def _any_neutral(fixed: FloatArray, charges: list[tuple[FloatArray, FloatArray]]) -> BoolArray:
    """Tell which rows reach zero charge; `charges` holds amounts (n,) and states (n, count)."""
    total = int(np.prod([states.shape[1] for _, states in charges], dtype=float))
    if total > _DENSE_LIMIT:
        rows = range(len(fixed))
        per_row = ([(amounts[i], states[i]) for amounts, states in charges] for i in rows)
        return np.array([_meets(fixed[i], terms) for i, terms in zip(rows, per_row, strict=True)])
    neutral = np.empty(len(fixed), dtype=bool)
    step = max(1, _BLOCK_SIZE // total)
    for start in range(0, len(fixed), step):
        block = slice(start, start + step)
        sums = fixed[block, None]
        for amounts, states in charges:
            terms = amounts[block, None] * states[block]
            sums = (sums[:, :, None] + terms[:, None, :]).reshape(len(sums), -1)
        neutral[block] = (np.abs(sums) <= TOLERANCE).any(axis=1)
    return neutral


def _meets(fixed: float, terms: list[tuple[float, FloatArray]]) -> bool:
    """Tell if one row reaches zero charge: sums of one half of its elements meet the other's."""
    halves = []
    for half in (terms[::2], terms[1::2]):
        sums: FloatArray = np.zeros(1)
        for amount, states in half:
            sums = np.unique(np.round((sums[:, None] + amount * states).ravel(), _DECIMALS))
        halves.append(sums)
    left, right = halves
    wanted = -fixed - left
    place = np.minimum(np.searchsorted(right, wanted - TOLERANCE), len(right) - 1)
    return bool((np.abs(right[place] - wanted) <= TOLERANCE).any())
