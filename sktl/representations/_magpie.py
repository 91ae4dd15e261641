"""The 145 physical attributes of a composition, computed for whole batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import cache, reduce
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from sktl._types import FloatArray, Formula, IntArray
from sktl.exceptions import InputError, MissingElementDataError
from sktl.representations._compositions import Compositions
from sktl.representations._conditions import Conditions
from sktl.representations._neutrality import neutral_possible
from sktl.representations._symbols import SYMBOLS

NORMS = (0, 2, 3, 5, 7, 10)
STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "mode")
PROPERTIES = (
    "Number",
    "MendeleevNumber",
    "AtomicWeight",
    "MeltingT",
    "Column",
    "Row",
    "CovalentRadius",
    "Electronegativity",
    "NsValence",
    "NpValence",
    "NdValence",
    "NfValence",
    "NValence",
    "NsUnfilled",
    "NpUnfilled",
    "NdUnfilled",
    "NfUnfilled",
    "NUnfilled",
    "GSvolume_pa",
    "GSbandgap",
    "GSmagmom",
    "SpaceGroupNumber",
)
ORBITALS = ("s", "p", "d", "f")

MAGPIE_FEATURE_NAMES = (
    *(f"{norm}-norm" for norm in NORMS),
    *(f"MagpieData {statistic} {name}" for name in PROPERTIES for statistic in STATISTICS),
    *(f"frac {orbital} valence electrons" for orbital in ORBITALS),
    "compound possible",
    "max ionic char",
    "avg ionic char",
)
"""Names of the 145 attributes, in order, as matminer's featurizers name them."""

MissingPolicy: TypeAlias = Literal["error", "impute", "nan"]
MISSING_POLICIES = ("error", "impute", "nan")

_BLOCK = 2048
MAX_LISTED = 5


class _ElementTable(NamedTuple):
    """Element data of matminer; the first axis is the atomic number, 0 to 118, row 0 unused."""

    properties: FloatArray  # (119, 22)
    electronegativity: FloatArray  # (119,), Pauling
    ionic: FloatArray  # (119, 119), ionic character of a pair
    states: tuple[tuple[int, ...], ...]  # 119 tuples of common oxidation states


class _Group(NamedTuple):
    """Compositions of k elements each, as dense arrays of shape (k, n)."""

    numbers: IntArray
    amounts: FloatArray
    fractions: FloatArray


def magpie_attributes(
    compositions: Compositions,
    *,
    missing: MissingPolicy = "error",
    formulas: Sequence[Formula] | None = None,
) -> FloatArray:
    """Compute the 145 physical attributes of Ward et al. for a batch of compositions.

    They are 6 norms of the fractions; minimum, maximum, range, mean, mean absolute deviation and
    mode of 22 element properties; the fractions of s, p, d and f valence electrons; and whether a
    neutral ionic compound is possible, with the largest and the mean ionic character of its pairs.

    Parameters
    ----------
    compositions : Compositions
        A batch of n compositions.
    missing : {"error", "impute", "nan"}, default="error"
        What to do where matminer has no value for an element, such as the melting temperature of
        He: raise; take the mean over the elements, as matminer's ``impute_nan=True``; or leave NaN
        in the attributes concerned, as ``impute_nan=False``.
    formulas : sequence of str, length n, optional
        Texts for the rows in error messages; by default they are made from the composition.

    Returns
    -------
    ndarray of float64, shape (n, 145)
        Columns in the order of `MAGPIE_FEATURE_NAMES`, each in the unit of matminer's table (K for
        MeltingT, pm for CovalentRadius, A^3/atom for GSvolume_pa, eV for GSbandgap).

    Raises
    ------
    InputError
        If `missing` is none of the three policies.
    MissingElementDataError
        If ``missing="error"`` and an attribute has no value; the message lists the first five
        rows (0-based) with formula, element and property.

    See Also
    --------
    sktl.representations._matminer.MatminerTransformer : The same as a scikit-learn transformer.

    Notes
    -----
    Equal to matminer's MultipleFeaturizer of ``Stoichiometry()``,
    ``ElementProperty.from_preset("magpie")``, ``ValenceOrbital(props=["frac"])`` and
    ``IonProperty(fast=True)``: with these settings they are the attributes of the publication,
    where each element takes exactly one of its common oxidation states (Fe3O4 is not a possible
    compound). The element data is matminer's own, loaded at the first call.

    References
    ----------
    L. Ward et al., npj Comput. Mater. 2, 16028 (2016), doi:10.1038/npjcompumats.2016.28

    Examples
    --------
    >>> from sktl.representations._formula import parse_formulas
    >>> attributes = magpie_attributes(parse_formulas(["Fe2O3", "GaAs"]))
    >>> attributes.shape
    (2, 145)
    >>> column = MAGPIE_FEATURE_NAMES.index("MagpieData mean Electronegativity")
    >>> attributes[:, column].round(3).tolist()
    [2.796, 1.995]
    """
    if missing not in MISSING_POLICIES:
        raise InputError(f"Got missing={missing!r}, expected one of {MISSING_POLICIES}.")
    table = _element_table(missing == "impute")
    attributes = np.empty((len(compositions), len(MAGPIE_FEATURE_NAMES)))
    for rows, group in _groups_of_equal_size(compositions):
        attributes[rows, :142] = _statistical(group, table.properties)
        attributes[rows, 143:] = _ionic_characters(group, table.ionic)
    attributes[:, 142] = neutral_possible(compositions, table.states)
    if missing == "error":
        _require_complete(attributes, compositions, table, formulas)
    return attributes


def attribute_columns(compositions: Compositions) -> Conditions:
    """Return the physical attributes of n compositions as columns beside them, imputed."""
    attributes = magpie_attributes(compositions, missing="impute")
    return Conditions(dict(zip(MAGPIE_FEATURE_NAMES, attributes.T, strict=True)))


def _groups_of_equal_size(compositions: Compositions) -> Iterator[tuple[IntArray, _Group]]:
    """Yield rows with k elements each, at most _BLOCK at a time, as rows and dense `_Group`."""
    fractions, sizes = compositions.fractions, compositions.sizes
    for size in np.unique(sizes):
        of_size = np.flatnonzero(sizes == size)
        for start in range(0, len(of_size), _BLOCK):
            rows = of_size[start : start + _BLOCK]
            entries = compositions.offsets[rows] + np.arange(size)[:, None]
            numbers, amounts = compositions.numbers[entries], compositions.amounts[entries]
            yield rows, _Group(numbers, amounts, fractions[entries])


def _statistical(group: _Group, properties: FloatArray) -> FloatArray:
    """Return norms, statistics and valence electrons (n, 142), all that is not ionic."""
    columns = np.empty((group.numbers.shape[1], 142))
    columns[:, 0] = len(group.numbers)
    for column, p in enumerate(NORMS[1:], start=1):
        columns[:, column] = _total(group.fractions**p) ** (1.0 / p)
    values = properties[group.numbers]
    fractions = group.fractions[:, :, None]
    low, high = values.min(axis=0), values.max(axis=0)
    means = _total(values * fractions)
    frequent = np.isclose(group.amounts, group.amounts.max(axis=0))
    columns[:, 6:138:6] = low
    columns[:, 7:138:6] = high
    columns[:, 8:138:6] = high - low
    columns[:, 9:138:6] = means
    columns[:, 10:138:6] = _total(np.abs(values - means) * fractions)
    columns[:, 11:138:6] = np.where(frequent[:, :, None], values, np.inf).min(axis=0)
    valence = [PROPERTIES.index(f"N{orbital}Valence") for orbital in ORBITALS]
    columns[:, 138:] = means[:, valence] / means[:, [PROPERTIES.index("NValence")]]
    return columns


def _ionic_characters(group: _Group, ionic: FloatArray) -> FloatArray:
    """Return the largest and the fraction-weighted sum (n, 2) of the ionic characters of pairs."""
    first, second = np.triu_indices(len(group.numbers), k=1)
    pairs = ionic[group.numbers[first], group.numbers[second]]
    if len(pairs) == 0:
        return np.zeros((group.numbers.shape[1], 2))
    weights = group.fractions[first] * group.fractions[second]
    return np.column_stack([pairs.max(axis=0), _total(pairs * weights)])


def _total(terms: FloatArray) -> FloatArray:
    """Add up along the first axis, in an order that does not depend on the number of rows."""
    return reduce(np.add, terms)


@cache
def _element_table(impute: bool) -> _ElementTable:
    """Read matminer's element data, with gaps as NaN or filled by the mean over the elements."""
    from matminer.utils.data import MagpieData, PymatgenData
    from pymatgen.core import Element

    elements = [Element(symbol) for symbol in SYMBOLS]
    properties = np.full((len(elements) + 1, len(PROPERTIES)), np.nan)
    electronegativity = np.full(len(elements) + 1, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both warn of the gaps that `missing` is about
        magpie, pymatgen = MagpieData(impute_nan=impute), PymatgenData(impute_nan=impute)
        for z, element in enumerate(elements, start=1):
            properties[z] = [magpie.get_elemental_property(element, name) for name in PROPERTIES]
            electronegativity[z] = pymatgen.get_elemental_property(element, "X")
        states = tuple(tuple(pymatgen.get_oxidation_states(element)) for element in elements)
    gaps = electronegativity[:, None] - electronegativity
    return _ElementTable(
        properties, electronegativity, 1.0 - np.exp(-0.25 * gaps**2), ((), *states)
    )


def _require_complete(
    attributes: FloatArray,
    compositions: Compositions,
    table: _ElementTable,
    formulas: Sequence[Formula] | None,
) -> None:
    """Raise for rows with NaN, naming row, formula, element and property."""
    rows = np.flatnonzero(np.isnan(attributes).any(axis=1))
    if rows.size == 0:
        return
    reasons = []
    for row in rows[:MAX_LISTED].tolist():
        batch = compositions.take([row])
        formula = _text(batch) if formulas is None else str(formulas[row])
        gaps = [
            f"{SYMBOLS[z - 1]} ({', '.join(names)})"
            for z in batch.numbers.tolist()
            if (names := _gaps(table, z, len(batch.numbers) > 1))
        ]
        reasons.append(f"row {row}: {formula!r}: {'; '.join(gaps)}")
    raise MissingElementDataError(
        f"Got {rows.size} of {len(compositions)} compositions with elements for which matminer has "
        "no value, expected none; missing='impute' takes the mean over the elements, "
        f"missing='nan' leaves NaN:{list_reasons(reasons, rows.size)}"
    )


def list_reasons(reasons: list[str], n: int) -> str:
    """Return the reasons on a line each, and how many of the n bad rows are left out."""
    left_out = [f"and {n - len(reasons)} more"] if n > len(reasons) else []
    return "".join(f"\n  {line}" for line in [*reasons, *left_out])


def _gaps(table: _ElementTable, z: int, paired: bool) -> list[str]:
    """Return the properties for which the element z has no value."""
    names = [
        name for name, value in zip(PROPERTIES, table.properties[z], strict=True) if np.isnan(value)
    ]
    if paired and np.isnan(table.electronegativity[z]):
        names.append("X")
    return names


def _text(batch: Compositions) -> str:
    """Return a formula for a batch of one."""
    pairs = zip(batch.numbers, batch.amounts, strict=True)
    return "".join(f"{SYMBOLS[z - 1]}{'' if a == 1 else f'{a:g}'}" for z, a in pairs)
