"""Measured strength and hardness of multi-principal element alloys, with how they were measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sktl.datasets._table import fetch_csv

if TYPE_CHECKING:
    from sktl._types import PathLike

_CATALOG = {
    "folder": "MPEA_dataset",
    "url": "https://raw.githubusercontent.com/CitrineInformatics/MPEA_dataset/"
    "d31e2510cccc3fb9e79d43ad62652f64ef8c2c5e",
}
_FILE = {
    "path": "MPEA_dataset.csv",
    "sha256": "c5504d93fd324d1be26cf814d0694ee9ee95578d68a0b38aba6813b939fa2c5d",
}
_TEXTS = {
    "FORMULA": "formula",
    "PROPERTY: Processing method": "processing",
    "PROPERTY: Type of test": "kind of test",
    "PROPERTY: BCC/FCC/other": "phase",
    "REFERENCE: doi": "doi",
}
_NUMBERS = {
    r"PROPERTY: Test temperature ($^\circ$C)": "test temperature (C)",
    "PROPERTY: HV": "hardness (HV)",
    "PROPERTY: YS (MPa)": "yield strength (MPa)",
    "PROPERTY: UTS (MPa)": "ultimate strength (MPa)",
    "PROPERTY: Elongation (%)": "elongation (%)",
}


def fetch_alloys(*, cache_dir: PathLike | None = None) -> Any:
    """Fetch measured mechanical properties of alloys, with the conditions of each measurement.

    The file comes from its publisher at a pinned commit, or from the folder named by
    ``SKTL_DATA_MIRROR``, and is checked against its SHA-256.

    Parameters
    ----------
    cache_dir : str, path-like or None, default=None
        Folder for the downloaded file. None is ``SKTL_CACHE``, or the platform's user cache.

    Returns
    -------
    sklearn.utils.Bunch
        With ``frame`` (DataFrame of 1,545 rows: ``formula``; ``processing``, ``kind of test``
        ("C" is compression, "T" tension), ``phase`` and ``test temperature (C)``; the targets
        ``yield strength (MPa)``, ``ultimate strength (MPa)``, ``hardness (HV)`` and ``elongation
        (%)``; ``doi``), ``sha256``, ``licence`` and ``DESCR``. Cells that were not reported are
        missing.

    Raises
    ------
    DataNotFoundError
        If the file cannot be had.
    DataIntegrityError
        If it is not the expected one.

    References
    ----------
    C. K. H. Borg et al., Sci. Data 7, 430 (2020), doi:10.1038/s41597-020-00768-9.
    """
    import pandas as pd
    from sklearn.utils import Bunch

    names = _TEXTS | _NUMBERS
    frame = fetch_csv(_CATALOG, _FILE, dict.fromkeys(names, str), cache_dir).rename(columns=names)
    frame = frame[list(names.values())].replace("", None)
    for name in _NUMBERS.values():
        frame[name] = pd.to_numeric(frame[name])
    return Bunch(
        frame=frame,
        sha256=_FILE["sha256"],
        licence="Apache-2.0",
        DESCR=(
            f"Mechanical properties of {len(frame):,} measured alloys of several principal "
            f"elements.\n\nFile: {_CATALOG['url']}/{_FILE['path']}\n"
            "Reference: doi:10.1038/s41597-020-00768-9; licence: Apache-2.0."
        ),
    )
