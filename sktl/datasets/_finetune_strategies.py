"""Structures and trials of the paper on strategies of pretraining and fine-tuning."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from sktl._store import MIRROR_VARIABLE, cache_dir, verify_sha256
from sktl._types import BoolArray, FloatArray, IntArray, ObjectArray, PathLike
from sktl.datasets._table import as_links, find_entry
from sktl.exceptions import DataIntegrityError, DataNotFoundError, InputError, SktlError

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core import Structure

FOLDER = "finetune_strategies"
SHA256 = {
    "structures.parquet": "bf9cc690466b4233b343945a05b0aee2aebe9df53ca059ff97e2c030465db765",
    "splits.json": "6d7204897ee22ac2a7dfc07d931193dacb3c8df3e8ace5ef8431c53b3f2cf880",
}
DOI = "10.1038/s41524-024-01486-1"
ORIGIN = "https://github.com/sai-mat-group/transfer-learning-material-properties"

_NO_STRUCTURES = (
    "Of the published test set ({rows} rows) there are ids and labels but no structures: the test "
    "rows given here are a substitute."
)
_SETS = {
    "bg": {
        "property": "band gap, PBE",
        "note": _NO_STRUCTURES.format(rows="10,611")
        + " Trial 2 of 800 was published twice; this is bg_trial2_800_new.json.",
    },
    "fe": {
        "property": "formation energy per atom",
        "note": _NO_STRUCTURES.format(rows="13,275"),
    },
    "gv": {"property": "shear modulus, base-10 logarithm", "note": ""},
    "ph": {"property": "last peak of the phonon density of states", "note": ""},
    "dc": {"property": "static dielectric constant", "note": ""},
    "pz": {
        "property": "piezoelectric modulus",
        "note": "One structure (NaHO) stands twice outside the test set, with one value.",
    },
    "ebg": {
        "property": "band gap, measured",
        "note": "One structure (Cu9S5) stands twice outside the test set, with 2.3 and 0 eV.",
    },
    "jarvis2d": {
        "property": "band gap of two-dimensional materials",
        "note": "36 structures stand twice, each with one value; 4 of the 110 test rows are such "
        "copies of a row outside the test set. Which 100 of the 993 other rows are for validation "
        "is not published: the last ones in file order are assumed.",
    },
}
_COLUMNS = ["id", "formula", "lattice", "species", "frac_coords", "y", "unit", "in_test"]
_COLUMNS += ["struct_hash"]
_Rows: TypeAlias = dict[tuple[int, int], tuple[IntArray, IntArray]]
"""By number of rows and trial: positions to train on, positions to validate on."""
_TRIAL = re.compile(r"T(\d+)_(\d+)")


class TrialRows(NamedTuple):
    """Row positions of one trial: ``train``, ``val`` and ``test``, int64 arrays."""

    train: IntArray
    val: IntArray
    test: IntArray


@dataclass(frozen=True, eq=False, repr=False)
class FinetuneStrategiesSet:
    """Hold one property of Devi et al. 2024: structures, values, and the publisher's trials.

    `fetch_finetune_strategies` makes it. Rows are in the order of ``ids``, and every row position
    counts from 0 in that order.

    Attributes
    ----------
    name, property, unit : str
        The short name, what it is, and the unit of ``y``.
    ids : int64 array of shape (n_rows,)
        The publisher's numbers; each once.
    formulas : list of str, length n_rows
        Reduced formulas.
    y : float64 array of shape (n_rows,)
        The property, in ``unit``.
    struct_hash : list of str, length n_rows
        Equal for duplicates of one unit cell, also in the sets of other properties; see Notes.
    structures : list of pymatgen.core.Structure, length n_rows
        Built when first asked for: about 0.4 ms each on one core.
    in_test : bool array of shape (n_rows,)
        Rows of the published test set; none where ``test_is_substitute``.
    in_no_trial : bool array of shape (n_rows,)
        Rows to train and validate on in no trial; the same as ``in_test`` where that is whole.
    test_is_substitute : bool
        Whether the published test set has no structures, so that other rows replace it.
    trials : tuple of (int, int)
        Each n_train and trial that `trial` knows.
    doi, licence, note, sha256, DESCR : list of str, str, str, dict, str
        Of the paper; of the publisher's files; known faults; hash of each file read; all in words.

    See Also
    --------
    fetch_finetune_strategies : Get one, and its traps.
    """

    name: str
    property: str
    unit: str
    ids: IntArray
    formulas: list[str]
    y: FloatArray
    struct_hash: list[str]
    in_test: BoolArray
    in_no_trial: BoolArray
    test_is_substitute: bool
    trials: tuple[tuple[int, int], ...]
    doi: list[str]
    licence: str
    note: str
    sha256: dict[str, str]
    DESCR: str
    _cells: tuple[tuple[FloatArray, ObjectArray, FloatArray], ...] = field(default=())
    _rows: _Rows = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.property}, {len(self.ids):,} structures, {self.unit}>"

    @cached_property
    def structures(self) -> list[Structure]:
        """Crystals as pymatgen Structure, list of length n_rows."""
        from pymatgen.core import Lattice, Structure

        return [
            Structure(Lattice(lattice.reshape(3, 3)), list(species), places.reshape(-1, 3))
            for lattice, species, places in self._cells
        ]

    def trial(self, n_train: int, trial: int) -> TrialRows:
        """Return the rows to train, validate and test on in one of the publisher's trials.

        Parameters
        ----------
        n_train : int
            How many rows to train and validate on together: 10, 100, 200, 500 or 800, a tenth of
            them for validation; of "jarvis2d" 993, 893 of them to train on.
        trial : int
            1 to 5; of "jarvis2d" 1.

        Returns
        -------
        TrialRows
            With ``train``, ``val`` and ``test``, int64 arrays of row positions that share none.
            ``test`` is the published test set; where ``test_is_substitute``, all other rows.

        Raises
        ------
        InputError
            If there is no such trial.
        """
        for key, given, column in (("n_train", n_train, 0), ("trial", trial, 1)):
            known = sorted({each[column] for each in self.trials})
            if given not in known:
                raise InputError(f"Got {key}={given!r} for {self.name!r}, expected one of {known}.")
        train, val = self._rows[int(n_train), int(trial)]
        if self.test_is_substitute:
            other = np.ones(len(self.ids), dtype=bool)
            other[np.concatenate([train, val])] = False
            return TrialRows(train.copy(), val.copy(), np.flatnonzero(other))
        return TrialRows(train.copy(), val.copy(), np.flatnonzero(self.in_test))


def fetch_finetune_strategies(
    name: str, *, folder: PathLike | None = None
) -> FinetuneStrategiesSet:
    """Read one property of Devi et al. 2024: crystals, values, and the publisher's five trials.

    Two files are read, ``structures.parquet`` and ``splits.json``, each checked against its
    SHA-256. They were put together from the publisher's JSON files, which are not read here.
    Nobody publishes the two, so nothing is downloaded.

    Parameters
    ----------
    name : str
        "bg" (PBE band gap, eV), "fe" (formation energy, eV/atom), "gv" (shear modulus,
        log10(GPa)), "ph" (last phonon peak, cm^-1), "dc" (static dielectric constant), "pz"
        (piezoelectric modulus, C/m^2), "ebg" (measured band gap, eV) or "jarvis2d" (band gap of
        two-dimensional materials, eV).
    folder : str, path-like or None, default=None
        Folder of the two files. None is ``finetune_strategies`` below ``SKTL_DATA_MIRROR``, or,
        where that is not set, below ``SKTL_CACHE`` or the platform's user cache.

    Returns
    -------
    FinetuneStrategiesSet
        With ``structures``, ``formulas``, ``ids``, ``y`` in ``unit``, ``in_test`` and `trial`.

    Raises
    ------
    DataNotFoundError
        If there is no such property, or the folder lacks a file.
    DataIntegrityError
        If a file is not the expected one.
    SktlError
        If pyarrow is not installed.

    Notes
    -----
    *No whole test set of bg and fe.* Its rows (10,611 and 13,275) have ids and labels, but no
    structures. `FinetuneStrategiesSet.trial` gives the rows outside a trial's train and val
    instead (at 800 rows 8,595 and 7,941), ``in_no_trial`` those outside every trial (1,643 and
    929). Errors on them are not errors on the published test set. The ids of bg and fe are row
    numbers, from 0, of Matbench's mp_gap and mp_e_form: the compositions of the published test
    rows can be found there.

    *Trials are not independent.* All share one test set, and of two trials of 800 rows up to 762
    are the same (pz; dc 681, ph 571, ebg 317, gv 81, fe 10, bg 13). So the spread over
    trials says little about another choice of data.

    *Leakage.* 112 of the 1,100 test structures of gv are also in bg, 36 of the 127 of ph in gv,
    33 of the 94 of pz in ph: keep every property's test structures out of pretraining.
    ``struct_hash`` finds equal unit cells only. By pymatgen's StructureMatcher (test rows of up to
    40 atoms, same formula) 46 instead of 16 of the 106 of dc are in gv, and 19 instead of 0 of the
    248 of ebg in bg; and outside their own test set 24 instead of 4 of the 110 test rows of
    jarvis2d have a match, 9 instead of 0 of gv, 3 of ph, 3 of dc and 2 of pz. To leave out equal
    ``formulas`` is safe. In ebg and pz two rows have one structure, in jarvis2d 36 pairs do: see
    ``note``.

    *Zeros.* Of bg 43 %, of ebg 58 % and of jarvis2d 36 % of the gaps are exactly 0.

    References
    ----------
    R. Devi, K. T. Butler, G. S. Gautam, doi:10.1038/s41524-024-01486-1; files under the MIT
    licence at https://github.com/sai-mat-group/transfer-learning-material-properties.

    Examples
    --------
    >>> from sktl.datasets import fetch_finetune_strategies
    >>> fetch_finetune_strategies("hardness")
    Traceback (most recent call last):
        ...
    sktl.exceptions.DataNotFoundError: Got name='hardness', expected the name of a property of
    Devi et al. 2024: bg, fe, gv, ph, dc, pz, ebg, jarvis2d.
    """
    facts = find_entry(_SETS, name, "a property of Devi et al. 2024")
    paths = _find_files(folder)
    splits = json.loads(paths["splits.json"].read_text(encoding="utf-8"))[name]
    table = _read_table(paths["structures.parquet"], name)
    ids = table["id"].to_numpy()
    rows = _trial_rows(name, splits, ids)
    in_no_trial = np.ones(len(ids), dtype=bool)
    for parts in rows.values():
        in_no_trial[np.concatenate(parts)] = False
    in_test = table["in_test"].to_numpy()
    unit = table["unit"].iloc[0]
    return FinetuneStrategiesSet(
        name=name,
        unit=unit,
        ids=ids,
        formulas=table["formula"].tolist(),
        y=table["y"].to_numpy(),
        struct_hash=table["struct_hash"].tolist(),
        in_test=in_test,
        in_no_trial=in_no_trial,
        test_is_substitute=not bool(in_test.any()),
        trials=tuple(sorted(rows)),
        doi=[DOI],
        licence="MIT",
        sha256=dict(SHA256),
        DESCR=_describe(name, facts, unit, in_test),
        _cells=tuple(zip(table["lattice"], table["species"], table["frac_coords"], strict=True)),
        _rows=rows,
        **facts,
    )


def _find_files(folder: PathLike | None) -> dict[str, Path]:
    """Return the path of each file, checked; look in the mirror or the cache without a folder."""
    if folder is None:
        mirror = os.environ.get(MIRROR_VARIABLE)
        folder = (Path(mirror) if mirror else cache_dir()) / FOLDER
    place = Path(folder).expanduser()
    paths = {file: place / file for file in SHA256}
    missing = [file for file, path in paths.items() if not path.is_file()]
    if missing:
        raise DataNotFoundError(
            f"Got folder={str(place)!r} without {' and '.join(missing)}, expected a folder with "
            f"{' and '.join(SHA256)}: give folder=, or set {MIRROR_VARIABLE} to a folder that "
            f"holds {FOLDER!r}. The two were made from the files of {ORIGIN} (doi:{DOI}); the "
            "publisher has no such tables, so they cannot be downloaded."
        )
    for file, path in paths.items():
        verify_sha256(path, SHA256[file])
    return paths


def _read_table(path: Path, name: str) -> pd.DataFrame:
    """Read the rows of one property, in the order of the file."""
    import pandas as pd

    try:
        return pd.read_parquet(
            path, engine="pyarrow", columns=_COLUMNS, filters=[("property", "==", name)]
        )
    except ImportError as error:
        raise SktlError(
            "Got no module 'pyarrow', expected the package that reads structures.parquet: "
            'pip install -c constraints.txt ".[parquet]"'
        ) from error


def _trial_rows(name: str, splits: Mapping[str, Any], ids: IntArray) -> _Rows:
    """Return a dict (n_train, trial) -> positions to train on, positions to validate on."""
    position_of = {int(number): position for position, number in enumerate(ids)}

    def find(numbers: list[int]) -> IntArray:
        unknown = [number for number in numbers if number not in position_of]
        if unknown:
            raise DataIntegrityError(
                f"Got id={unknown[0]} in the splits of {name!r}, expected one of the "
                f"{len(ids)} ids in structures.parquet."
            )
        return np.array([position_of[number] for number in numbers], dtype=np.int64)

    if "trials" not in splits:  # one sample in file order, of which the publisher took nine tenths
        order = find(splits["trainval_order"])
        n_train = len(order) * 9 // 10
        return {(len(order), 1): (order[:n_train], order[n_train:])}
    rows: _Rows = {}
    for key, trial in splits["trials"].items():
        if match := _TRIAL.fullmatch(key):  # a second sample of trial 2 has another kind of key
            number, n_rows = map(int, match.groups())
            rows[n_rows, number] = find(trial["train"]), find(trial["val"])
    return rows


def _describe(name: str, facts: Mapping[str, str], unit: str, in_test: BoolArray) -> str:
    rows = f"{len(in_test):,} structures, {in_test.sum():,} of them the published test set"
    lines = [
        f"{name}: {facts['property']} ({unit}), {rows}",
        "",
        f"Source: {as_links([DOI])}.",
        f"Made from the files of {ORIGIN}; licence of the files: MIT.",
    ]
    return "\n".join(lines + ([facts["note"]] if facts["note"] else []))
