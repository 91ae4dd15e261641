"""Measured band gaps, bundled with the package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from sktl._store import verify_sha256
from sktl.datasets._table import as_links, read_catalog

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.utils import Bunch

    from sktl._types import FloatArray, ObjectArray

_DataAndTarget: TypeAlias = "tuple[pd.DataFrame | ObjectArray, pd.Series | FloatArray]"


@overload
def load_expt_gap(*, return_X_y: Literal[False] = False, as_frame: bool = True) -> Bunch: ...


@overload
def load_expt_gap(*, return_X_y: Literal[True], as_frame: bool = True) -> _DataAndTarget: ...


def load_expt_gap(*, return_X_y: bool = False, as_frame: bool = True) -> Bunch | _DataAndTarget:
    """Load measured band gaps of inorganic solids (eV): 4,916 rows, bundled, no network.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.
    as_frame : bool, default=True
        Whether ``data`` is a DataFrame of one column and ``target`` a Series, or both are arrays.

    Returns
    -------
    sklearn.utils.Bunch or tuple
        With ``data`` (formulas; DataFrame of shape (4916, 1), or object array of shape (4916,)),
        ``target`` (band gap in eV, shape (4916,)), ``frame`` (both as one DataFrame, or None),
        ``feature_names``, ``target_names``, ``unit``, ``doi`` (list of str), ``licence``,
        ``citation``, ``repeated`` (dict, formula to the gaps of its rows) and ``DESCR``.

    Raises
    ------
    DataIntegrityError
        If the bundled file is damaged.

    Notes
    -----
    2,458 of the gaps are exactly 0 eV. Seven formulas occur twice, each time with 0 eV, and 17
    more compositions occur twice in two ways of writing, 14 of them with two values
    (``CuIn3Se5`` has 0.6 eV, ``Cu0.5In1.5Se2.5`` has 1.24 eV). Nothing was removed or averaged:
    to keep equal compositions on one side of a split, split by composition.

    References
    ----------
    Y. Zhuo, A. Mansouri Tehrani, J. Brgoch, doi:10.1021/acs.jpclett.8b00124.

    Examples
    --------
    >>> from sktl.datasets import load_expt_gap
    >>> gaps = load_expt_gap()
    >>> gaps.frame.shape, gaps.unit
    ((4916, 2), 'eV')
    >>> X, y = load_expt_gap(return_X_y=True)
    >>> X["Composition"].iloc[0], float(y.iloc[0])
    ('Ag0.1Cd0.8In2.1Te4', 0.29)
    """
    import pandas as pd
    from sklearn.utils import Bunch

    card = read_catalog("expt_gap")
    formula, gap = card["columns"]
    with as_file(files("sktl.datasets") / "data" / "expt_gap.csv.gz") as path:
        verify_sha256(path, card["sha256"])
        frame = pd.read_csv(path, dtype={formula: object, gap: "float64"}, keep_default_na=False)
    data, target = frame[[formula]].copy(), frame[gap].copy()
    if not as_frame:
        data, target = frame[formula].to_numpy(dtype=object), target.to_numpy()
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame if as_frame else None,
        feature_names=[formula],
        target_names=[gap],
        unit=card["unit"],
        doi=list(card["doi"]),
        licence=card["licence"],
        citation=card["citation"],
        repeated=dict(card["repeated_formulas"]),
        DESCR=_describe(card),
    )


def _describe(card: Mapping[str, Any]) -> str:
    distinct = f"{card['distinct_formulas']:,} distinct formulas"
    return "\n".join(
        [
            f"Measured band gaps of inorganic solids: {card['rows']:,} rows, in {card['unit']}",
            "",
            f"{card['rows_zero']:,} gaps are exactly 0 eV; the largest is {card['target_max']} eV.",
            f"{distinct}, {card['distinct_compositions']:,} distinct compositions.",
            f"Formulas that stand twice: {', '.join(card['repeated_formulas'])}.",
            f"Data: {card['citation']}, {as_links(card['doi'])}.",
            f"Taken from {card['package']}, file {card['package_file']}.",
            "",
            card["licence_text"].strip(),
        ]
    )
