"""Tables of computed properties of OQMD, the Materials Project and AFLOW, for pretraining."""

from sktl.datasets._table import fetch_csv, find_entry, read_catalog


def list_pretraining_tables():
    """List the names that `fetch_pretraining_table` knows.

    Returns
    -------
    list of str
        Such as ``"oqmd_band_gap"``: the database, then the property.

    Examples
    --------
    >>> from sktl.datasets import list_pretraining_tables
    >>> list_pretraining_tables()[:2]
    ['oqmd_band_gap', 'oqmd_formation_enthalpy']
    """
    return list(read_catalog("pretraining")["tables"])


def fetch_pretraining_table(name, *, cache_dir=None):
    """Fetch one property of one database: formulas and computed values.

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
        the database and of the work that made the table), ``licence``, ``n_rows``, ``sha256``
        (of each file) and ``DESCR``.

    Raises
    ------
    DataNotFoundError
        If there is no such table, or its files cannot be had.
    DataIntegrityError
        If a file is not the expected one.
    """
    import numpy as np
    from sklearn.utils import Bunch

    catalog = read_catalog("pretraining")
    entry = find_entry(catalog["tables"], name, "a pretraining table")
    columns = {"formula": str, "target": np.float64}
    parts = [fetch_csv(catalog, file, columns, cache_dir) for file in entry["files"]]
    facts = {key: entry[key] for key in ("property", "unit", "database", "doi", "licence")}
    return Bunch(
        name=name,
        formula=[text for part in parts for text in part["formula"]],
        target=np.concatenate([part["target"].to_numpy() for part in parts]),
        n_rows=entry["rows"],
        sha256={file["path"]: file["sha256"] for file in entry["files"]},
        DESCR="",
        **facts,
    )
