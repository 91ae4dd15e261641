"""What a worker does with a part: read, predict, write. Its model is loaded once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

import torch

from sktl._store import verify_sha256
from sktl.estimators import load_model
from sktl.tables import (
    ColumnKind,
    ScreeningModel,
    TablePart,
    predict_table,
    read_fitted_conditions,
    read_part,
    skipped_rows,
    write_table,
)

MOST_LISTED = 20
_loading = threading.Lock()


@dataclass(frozen=True)
class Job:
    """What is the same for all parts.

    Attributes
    ----------
    model, data : str
        Paths of the model file and of the folder of the input files.
    formula : str
        Name of the column of formulas.
    coverage : float or None
        Of the intervals.
    skip : bool
        Leave the predictions of rows empty that cannot be used.
    model_sha256 : str
        Hash that the model file must have.
    header : tuple of str
        Columns of the input.
    columns : dict of str to str
        Columns that are added: "float" or "text".
    target : dict
        ``name`` and ``unit`` of what is predicted.
    """

    model: str
    data: str
    formula: str
    coverage: float | None
    skip: bool
    model_sha256: str
    header: tuple[str, ...]
    columns: dict[str, ColumnKind]
    target: dict[str, str | None]


class PartResult(TypedDict):
    """What became of a part: numbers of rows, and the first problems as text."""

    rows: int
    skipped: int
    problems: list[str]


def predict_part(job: Job, part: TablePart, place: str, skipped_place: str) -> PartResult:
    """Predict a part and write it, and before it a list of the rows that cannot be used.

    Parameters
    ----------
    job : Job
        What is the same for all parts.
    part : TablePart
        Which rows.
    place, skipped_place : str
        Where predictions and rows that cannot be used are written.

    Returns
    -------
    dict
        Numbers of ``rows`` and ``skipped`` rows, and ``problems``, the first of them as text. With
        problems and without ``job.skip`` nothing is written.
    """
    table = read_part(Path(job.data) / part.name, part, job.header)
    with _loading:
        model = load_once(job.model, job.model_sha256)
    predicted, problems = predict_table(
        model,
        table,
        job.formula,
        job.columns,
        beside=read_fitted_conditions(model, table),
        coverage=job.coverage,
        target=job.target,
    )
    bad = len({problem.row for problem in problems})
    listed = [f"{part.name}, {problem}" for problem in problems[:MOST_LISTED]]
    found: PartResult = {"rows": len(table) - bad, "skipped": bad, "problems": listed}
    if bad and not job.skip:
        return found
    if bad:
        write_table(skipped_place, skipped_rows(table, problems))
    write_table(place, predicted)
    return found


@lru_cache(maxsize=1)
def load_once(path: str, sha256: str) -> ScreeningModel:
    """Return the model of a file with this hash; the last one stays in memory."""
    torch.set_num_threads(1)
    verify_sha256(path, sha256)
    return load_model(path)
