"""Read the catalogs and the public tables that they list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from sktl._store import fetch
from sktl.exceptions import DataNotFoundError

if TYPE_CHECKING:
    import pandas as pd

    from sktl._types import PathLike


Entry = TypeVar("Entry")


def read_catalog(name: str) -> dict[str, Any]:
    """Return one of the package's JSON files, ``sktl/datasets/data/<name>.json``, as a dict."""
    text = (files("sktl.datasets") / "data" / f"{name}.json").read_text(encoding="utf-8")
    catalog: dict[str, Any] = json.loads(text)
    return catalog


def find_entry(entries: Mapping[str, Entry], name: str, kind: str) -> Entry:
    """Return ``entries[name]``, or raise an error that says which names there are."""
    if not isinstance(name, str) or name not in entries:
        raise DataNotFoundError(
            f"Got name={name!r}, expected the name of {kind}: {', '.join(entries)}."
        )
    return entries[name]


def fetch_csv(
    catalog: Mapping[str, Any],
    file: Mapping[str, Any],
    columns: Mapping[str, Any],
    cache_dir: PathLike | None,
) -> pd.DataFrame:
    """Fetch one file of a catalog, and read it with texts kept as they are written.

    Parameters
    ----------
    catalog : dict
        With ``folder`` (below the mirror and the cache) and ``url`` (of the publisher).
    file : dict
        With ``path`` and ``sha256``.
    columns : dict
        Column name to dtype. A text such as ``NaN`` (sodium nitride) stays a text.
    cache_dir : str, path-like or None
        Where a downloaded file is kept; None is the default cache.

    Returns
    -------
    pandas.DataFrame
        The columns asked for, rows in the order of the file.
    """
    import pandas as pd

    path = fetch(
        f"{catalog['folder']}/{file['path']}",
        url=f"{catalog['url']}/{file['path']}",
        sha256=file["sha256"],
        cache=cache_dir,
    )
    return pd.read_csv(path, usecols=list(columns), dtype=columns, keep_default_na=False)


def as_links(dois: Iterable[str]) -> str:
    """Write DOIs as a readable list: ``doi:10.1/a, doi:10.1/b``."""
    return ", ".join(f"doi:{doi}" for doi in dois)
