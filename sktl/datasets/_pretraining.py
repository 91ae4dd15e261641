"""Tables of computed properties of OQMD, the Materials Project and AFLOW, for pretraining."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sktl.datasets._table import as_links, fetch_csv, find_entry, read_catalog

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from sktl._types import PathLike


def list_pretraining_tables() -> list[str]:
    """List the names that `fetch_pretraining_table` knows.

    Returns
    -------
    list of str
        Such as ``"oqmd_band_gap"``: the database, then the property.

    See Also
    --------
    fetch_pretraining_table : Fetch one of them.

    Examples
    --------
    >>> from sktl.datasets import list_pretraining_tables
    >>> len(list_pretraining_tables())
    20
    >>> list_pretraining_tables()[:2]
    ['oqmd_band_gap', 'oqmd_formation_enthalpy']
    """
    return list(read_catalog("pretraining")["tables"])


def fetch_pretraining_table(name: str, *, cache_dir: PathLike | None = None) -> Bunch:
    """Fetch one property of one database: formulas and computed values.

    The files come from the CrabNet repository at a pinned commit, or from the folder named by
    ``SKTL_DATA_MIRROR``. Each is checked against its SHA-256 before it is read.

    Parameters
    ----------
    name : str
        One of `list_pretraining_tables`.
    cache_dir : str, path-like or None, default=None
        Folder for downloaded files. None is ``SKTL_CACHE``, or the platform's user cache.

    Returns
    -------
    sklearn.utils.Bunch
        With ``formula`` (list of str), ``target`` (float64 array of shape (n_rows,), in
        ``unit``), and ``name``, ``property``, ``unit``, ``database``, ``doi`` (list of str, of
        the database and of the work that chose the rows), ``licence`` (of the database),
        ``n_rows``, ``note``, ``sha256`` (dict, path to hash of each file) and ``DESCR``.

    Raises
    ------
    DataNotFoundError
        If there is no such table, or its files cannot be had.
    DataIntegrityError
        If a file is not the expected one.

    Notes
    -----
    The publisher's train, validation and test parts are put together in this order, as far as
    they are listed; which rows to hold out is the caller's decision. One composition may be in
    several rows, and in several ways of writing: compare compositions, not texts.

    References
    ----------
    A. Y.-T. Wang et al., doi:10.1038/s41524-021-00545-1 (the collection, MIT licence).

    Examples
    --------
    >>> from sktl.datasets import fetch_pretraining_table
    >>> fetch_pretraining_table("oqmd_colour")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    sktl.exceptions.DataNotFoundError: Got name='oqmd_colour', expected ...
    """
    import numpy as np
    from sklearn.utils import Bunch

    catalog = read_catalog("pretraining")
    entry = find_entry(catalog["tables"], name, "a pretraining table")
    columns = {"formula": str, "target": np.float64}
    parts = [fetch_csv(catalog, file, columns, cache_dir) for file in entry["files"]]
    facts = ("property", "unit", "database", "doi", "licence", "note")
    return Bunch(
        name=name,
        formula=[text for part in parts for text in part["formula"]],
        target=np.concatenate([part["target"].to_numpy() for part in parts]),
        n_rows=entry["rows"],
        sha256={file["path"]: file["sha256"] for file in entry["files"]},
        DESCR=_describe(name, entry, catalog),
        **{key: entry[key] for key in facts},
    )


def _describe(name: str, entry: Mapping[str, Any], catalog: Mapping[str, Any]) -> str:
    lines = [
        f"{name}: {entry['property']} ({entry['unit']}) of {entry['rows']:,} rows",
        "",
        f"Database: {entry['database']}, {as_links(entry['doi'])}; licence: {entry['licence']}.",
        f"Files: {catalog['url']}",
        f"Collection: doi:{catalog['collection_doi']}; licence: {catalog['collection_licence']}.",
    ]
    return "\n".join(lines + ([entry["note"]] if entry["note"] else []))
