"""The 41 small data sets, with their splits, of the cross-property transfer learning paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from sktl.datasets._table import as_links, fetch_csv, find_entry, read_catalog
from sktl.exceptions import DataIntegrityError, InputError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.utils import Bunch

    from sktl._types import IntArray, PathLike

_SUBSETS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}


def list_cross_property() -> list[str]:
    """List the names that `fetch_cross_property` knows.

    Returns
    -------
    list of str
        39 properties of JARVIS-DFT, then the two measured ones.

    See Also
    --------
    fetch_cross_property : Fetch one of them.

    Examples
    --------
    >>> from sktl.datasets import list_cross_property
    >>> len(list_cross_property())
    41
    >>> list_cross_property()[-2:]
    ['expt_deltae', 'expt_bandgap']
    """
    return list(read_catalog("cross_property")["sets"])


def fetch_cross_property(
    name: str, *, subset: Literal["all", "train", "test"] = "all", cache_dir: PathLike | None = None
) -> Bunch:
    """Fetch one of the 41 data sets of Gupta et al. 2021, in the publisher's exact split.

    The files come from the publisher's repository at a pinned commit, or from the folder named
    by ``SKTL_DATA_MIRROR``. Each is checked against its SHA-256 before it is read.

    Parameters
    ----------
    name : str
        One of `list_cross_property`.
    subset : {"all", "train", "test"}, default="all"
        Which rows; "all" is train, then test. The paper took one ninth of train for validation.
    cache_dir : str, path-like or None, default=None
        Folder for downloaded files. None is ``SKTL_CACHE``, or the platform's user cache.

    Returns
    -------
    sklearn.utils.Bunch
        With ``formulas`` (list of str), ``y`` (float64 array of shape (n_rows,), in ``unit``),
        ``index`` (int64 array, the row's number in its file), ``is_test`` (bool array),
        ``repaired`` (list of dict, see Notes), and ``name``, ``property``, ``column`` (the
        publisher's name of the target), ``unit``, ``database``, ``doi`` (list of str),
        ``licence``, ``note``, ``sha256`` (dict, path to hash of each file) and ``DESCR``.

    Raises
    ------
    DataNotFoundError
        If there is no such set, or its files cannot be had.
    DataIntegrityError
        If a file is not the expected one.
    InputError
        If `subset` is none of the three.

    Notes
    -----
    A spreadsheet turned three formulas into dates: ``3-Feb`` was FeB3, ``2-Feb`` was FeB2. They
    are given as formulas again, and ``repaired`` lists each: its ``position`` in ``formulas``,
    its ``subset`` and ``index``, what was ``published`` and what stands there as ``formula``.

    In the JARVIS sets 3 to 10 % of the test formulas are also in the training set, as polymorphs
    with another value. This is the published split, and it is left as it is.

    References
    ----------
    V. Gupta et al., doi:10.1038/s41467-021-26921-5.

    Examples
    --------
    >>> from sktl.datasets import fetch_cross_property
    >>> fetch_cross_property("expt_bandgap", subset="validation")
    Traceback (most recent call last):
        ...
    sktl.exceptions.InputError: Got subset='validation', expected 'train', 'test' or 'all'.
    """
    import numpy as np
    from sklearn.utils import Bunch

    if not isinstance(subset, str) or subset not in _SUBSETS:
        raise InputError(f"Got subset={subset!r}, expected 'train', 'test' or 'all'.")
    catalog = read_catalog("cross_property")
    entry = find_entry(catalog["sets"], name, "a cross-property set")
    formulas: list[str] = []
    indices, targets, is_test, repaired = [], [], [], []
    for part in _SUBSETS[subset]:
        table = _read_part(catalog, entry, part, cache_dir)
        texts = table["pretty_comp"].tolist()
        index = table["Unnamed: 0"].to_numpy()
        repaired += _repair(texts, index, entry[part], part, catalog["repairs"], len(formulas))
        formulas += texts
        indices.append(index)
        targets.append(table[entry["column"]].to_numpy())
        is_test.append(np.full(len(texts), part == "test"))
    facts = ("property", "column", "unit", "database", "doi", "note")
    return Bunch(
        name=name,
        formulas=formulas,
        y=np.concatenate(targets),
        index=np.concatenate(indices),
        is_test=np.concatenate(is_test),
        repaired=repaired,
        licence=catalog["licence"],
        sha256={entry[part]["path"]: entry[part]["sha256"] for part in _SUBSETS[subset]},
        DESCR=_describe(name, entry, catalog),
        **{key: entry[key] for key in facts},
    )


def _read_part(
    catalog: Mapping[str, Any], entry: Mapping[str, Any], part: str, cache_dir: PathLike | None
) -> pd.DataFrame:
    """Read the train or the test file: the row's number, the formula, the target."""
    columns = {"Unnamed: 0": "int64", "pretty_comp": str, entry["column"]: "float64"}
    return fetch_csv(catalog, entry[part], columns, cache_dir)


def _repair(
    texts: list[str],
    index: IntArray,
    file: Mapping[str, Any],
    part: str,
    repairs: Mapping[str, str],
    start: int,
) -> list[dict[str, str | int]]:
    """Put the formulas back that the catalog lists as spoilt in this file; say which."""
    done = []
    position_of = {int(number): position for position, number in enumerate(index)}
    for number, published in file["spoilt"].items():
        position = position_of[int(number)]
        if texts[position] != published:
            raise DataIntegrityError(
                f"Got formula={texts[position]!r} in row {number} of {file['path']!r}, expected "
                f"{published!r}: catalog and file do not belong together."
            )
        texts[position] = repairs[published]
        done.append(
            {
                "position": start + position,
                "subset": part,
                "index": int(number),
                "published": published,
                "formula": repairs[published],
            }
        )
    return done


def _describe(name: str, entry: Mapping[str, Any], catalog: Mapping[str, Any]) -> str:
    rows = f"{entry['train']['rows']:,} rows to train and {entry['test']['rows']:,} to test"
    lines = [
        f"{name}: {entry['property']} ({entry['unit']}), {rows}",
        "",
        f"Database: {entry['database']}. Sources: {as_links(entry['doi'])}.",
        f"Files: {catalog['url']}",
        f"Licence of the files: {catalog['licence']}.",
    ]
    if entry["note"]:
        lines.append(entry["note"])
    for part in ("train", "test"):
        lines += [
            f"Repaired: row {number} of {part} was published as {text}, and is given as "
            f"{catalog['repairs'][text]}."
            for number, text in entry[part]["spoilt"].items()
        ]
    return "\n".join(lines)
