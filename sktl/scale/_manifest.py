"""The manifest of a folder of predictions: the model, the input, and the bounds of each part.

It is written before the first part. A run that is resumed compares it with what is wanted now, so
that no folder ever contains predictions of two models or for two inputs.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sktl._json import read_json
from sktl._store import atomic_write
from sktl._types import PathLike, TableKind
from sktl._version import __version__
from sktl.exceptions import InputError
from sktl.tables import ColumnKind, TablePart

FORMAT = "sktl predictions"
FORMAT_VERSION = 2
NAME = "_manifest.json"
SKIPPED = "_skipped"
RUNNING, COMPLETE = "running", "complete"


@dataclass
class Manifest:
    """The content of a folder of predictions, done or still missing.

    Attributes
    ----------
    made_from : dict
        What decides on the content: hash of the model file, names and hashes of the input files,
        column of formulas, coverage, rows of a part, versions.
    kind : {"parquet", "csv", "tsv"}
        Format of the parts.
    header : list of str
        Columns of the input.
    columns : dict of str to str
        Columns that are added: "float" or "text".
    parts : list of TablePart
        Parts of the input, in order; part i is predicted in file i.
    """

    made_from: dict[str, Any]
    kind: TableKind
    header: list[str]
    columns: dict[str, ColumnKind]
    parts: list[TablePart]

    def place(self, folder: PathLike, index: int) -> Path:
        """Return the path of a part's predictions."""
        return Path(folder) / f"part-{index:05d}.{self.kind}"

    def skipped_place(self, folder: PathLike, index: int) -> Path:
        """Return the path of the rows of a part that could not be used."""
        return Path(folder) / SKIPPED / f"part-{index:05d}.csv"

    def open_parts(self, folder: PathLike) -> list[int]:
        """Return the numbers of the parts that are not there: each is there whole or not at all."""
        there = {path.name for path in Path(folder).glob("part-*")}
        names = (self.place(folder, index).name for index in range(len(self.parts)))
        return [index for index, name in enumerate(names) if name not in there]

    def write(self, folder: PathLike, state: str) -> None:
        """Write the manifest into its folder, atomically, "running" or "complete"."""
        content = {"format": FORMAT, "format_version": FORMAT_VERSION, "state": state}
        content |= asdict(self)
        atomic_write(Path(folder) / NAME, json.dumps(content, indent=1).encode() + b"\n")


def read_manifest(folder: Path, made_from: dict[str, Any], kind: TableKind) -> Manifest | None:
    """Return the manifest of a folder, or None where there is no folder or an empty one.

    Parameters
    ----------
    folder : Path
        The folder of predictions.
    made_from, kind : dict, str
        What is wanted; see `Manifest`.

    Raises
    ------
    InputError
        The folder has other predictions than those that are wanted.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"Got output={str(folder)!r}, a file, expected a folder.")
    path = folder / NAME
    if not path.exists():
        there = folder.iterdir() if folder.is_dir() else ()
        if any(not path.name.startswith(".") for path in there):
            raise InputError(
                f"Got output={str(folder)!r} with files but no {NAME}, expected a new or empty "
                "folder, or one whose predictions are to be completed."
            )
        return None
    try:
        content = read_json(path.read_text(encoding="utf-8"))
        if (content.pop("format"), content.pop("format_version")) != (FORMAT, FORMAT_VERSION):
            raise ValueError("another format")
        del content["state"]
        content["parts"] = [TablePart(**part) for part in content["parts"]]
        found = Manifest(**content)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}): choose another folder.") from error
    _compare(path, found.made_from | {"format": found.kind}, made_from | {"format": kind})
    return found


def versions() -> dict[str, str]:
    """Return what a prediction depends on beside model and input."""
    import torch

    return {"sktl": __version__, "torch": torch.__version__}


def _compare(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise where a folder was made from something else than what is wanted."""
    for name in dict.fromkeys([*found, *wanted]):
        if found.get(name) != wanted.get(name):
            values = [str(each.get(name)) for each in (wanted, found)]
            shown = [f"{value[:80]}..." if len(value) > 80 else value for value in values]
            raise InputError(
                f"Got {name} = {shown[0]}, but {path.parent} holds predictions made with {name} = "
                f"{shown[1]}: choose another folder, or remove this one."
            )
