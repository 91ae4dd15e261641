"""What all studies share: runs that are done once, in parallel, and one tidy result file.

A run writes its row and its predictions to a folder when it is done, each file whole or not at all.
So a study can be stopped and continued, and several processes may work on one folder without a
lock. `collect` merges the folder into the result file.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from joblib import Parallel, delayed, parallel_config
from joblib.parallel import get_active_backend

from sktl._progress import progress
from sktl._store import atomic_write
from sktl.training import one_thread

if TYPE_CHECKING:
    from sktl._types import AnyArray, FloatArray, PathLike

COLUMNS = (
    *("dataset", "configuration", "variant", "seed", "n_train", "n_test", "unit"),
    *("validation_mae", "test_mae", "test_r2", "coverage_90", "interval_width"),
    *("fit_seconds", "predict_seconds"),
    *("source", "source_sha256", "train_sha256", "test_sha256", "detail", "versions", "finished"),
)


class Run(NamedTuple):
    """One fit of a study: which model is fitted to which data.

    Attributes
    ----------
    dataset, configuration, variant : str
        A configuration chooses among its variants by their validation error.
    seed : int
        Chooses the split and the random numbers of the model.
    """

    dataset: str
    configuration: str
    variant: str
    seed: int

    @property
    def key(self) -> str:
        """The name of its predictions in the file of predictions."""
        return "|".join(map(str, self))

    @property
    def std_key(self) -> str:
        """The name of its standard deviations in the file of predictions."""
        return f"{self.key}|std"

    @property
    def stem(self) -> str:
        """The name of its files in the folder of runs."""
        digest = hashlib.sha256(self.key.encode()).hexdigest()[:8]
        return f"{re.sub('[^A-Za-z0-9]+', '_', self.key)}_{digest}"


DoRun: TypeAlias = "Callable[[Run], tuple[dict[str, Any], FloatArray]]"
"""Does a run; returns its row and its predictions."""

Report: TypeAlias = Callable[[Run, dict[str, Any] | None, str | None], None]
"""Gets a run with its row, or with a message where it failed."""


def do_runs(
    runs: Sequence[Run],
    do_run: DoRun,
    folder: PathLike,
    *,
    table: PathLike | None = None,
    n_jobs: int = 1,
    report: Report | None = None,
) -> dict[Run, str]:
    """Do the runs that are not done yet.

    Parameters
    ----------
    runs : sequence of Run
        In the order in which they are begun.
    do_run : callable
        Gets a run; returns its row, a dict with the `COLUMNS` that `Run` does not know, and its
        predictions, an array (n_test,), or (2, n_test) with their standard deviations. It must be
        picklable.
    folder : path-like
        The folder of runs.
    table : path-like or None
        A result file; the runs in it are done as well.
    n_jobs : int
        Runs at a time, each on one thread; -1 is one for each core. Within
        ``joblib.parallel_config("dask")`` the cluster has its own number.
    report : callable or None
        Called as ``report(run, row, error)`` after each run; one of the latter two is None.

    Returns
    -------
    dict
        Run to message, for each run that failed; it is tried again next time.
    """
    folder = Path(folder)
    known = {run_of(row) for row in read_rows(table)}
    left = [run for run in runs if run not in known and not _is_done(folder, run)]
    failures: dict[Run, str] = {}
    with _processes(), progress("Fitting and testing", len(left), "runs") as work:
        jobs = (delayed(_do)(run, do_run, folder) for run in left)
        for run, row, error in Parallel(n_jobs, return_as="generator_unordered")(jobs):
            if error is not None:
                failures[run] = error
            if report is not None:
                report(run, row, error)
            work.update()
    return failures


def collect(folder: PathLike, table: PathLike, predictions: PathLike) -> list[dict[str, str]]:
    """Merge the folder of runs into the result file and the file of predictions.

    Of two rows for one run, the one that was finished later stays. Rows are sorted by run, and the
    same rows give the same bytes.

    Parameters
    ----------
    folder : path-like
        The folder of runs.
    table : path-like
        The tidy result file (CSV, see `COLUMNS`); made if there is none.
    predictions : path-like
        The predictions of the test rows (npz): `Run.key` to float32 array, and `Run.std_key` to
        their standard deviations where the model knows them.

    Returns
    -------
    list of dict
        The rows of the result file, all values as text.
    """
    rows = {run_of(row): row for row in read_rows(table)}
    arrays: dict[str, AnyArray | None] = {}
    if Path(predictions).is_file():
        with np.load(predictions) as file:
            arrays = {key: file[key] for key in file.files}
    for path in sorted(Path(folder).glob("*.json")):
        row = _as_text(json.loads(path.read_text(encoding="utf-8")))
        run = run_of(row)
        if run not in rows or row["finished"] >= rows[run]["finished"]:
            rows[run] = row
            found = np.atleast_2d(np.load(path.with_suffix(".npy")))
            arrays[run.key], arrays[run.std_key] = found[0], found[1] if len(found) > 1 else None
    ordered = [rows[run] for run in sorted(rows)]
    keys = [key for run in sorted(rows) for key in (run.key, run.std_key)]
    kept: dict[str, Any] = {key: array for key in keys if (array := arrays.get(key)) is not None}
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(ordered)
    atomic_write(table, text.getvalue().encode())
    atomic_write(predictions, lambda file: np.savez_compressed(file, **kept))
    return ordered


def read_rows(table: PathLike | None) -> list[dict[str, str]]:
    """Return the rows of a result file, all values as text; none if there is no such file.

    A column that the file does not have, as it was written by an older version, is empty.
    """
    if table is None or not Path(table).is_file():
        return []
    with open(table, encoding="utf-8", newline="") as file:
        return [_as_text(row) for row in csv.DictReader(file)]


def run_of(row: Mapping[str, str]) -> Run:
    """Return the run of a row."""
    return Run(row["dataset"], row["configuration"], row["variant"], int(row["seed"]))


def _is_done(folder: Path, run: Run) -> bool:
    return (folder / f"{run.stem}.json").is_file()


def _processes() -> AbstractContextManager[object]:
    """Return the context of processes of one thread; of a cluster if joblib was given one."""
    backend, _ = get_active_backend()
    if type(backend).__name__ == "DaskDistributedBackend":
        return contextlib.nullcontext()
    return parallel_config("loky", inner_max_num_threads=1)


@one_thread()
def _do(run: Run, do_run: DoRun, folder: Path) -> tuple[Run, dict[str, Any] | None, str | None]:
    """Do a run unless another process has done so; return (run, row, error)."""
    if _is_done(folder, run):
        return run, None, None
    try:
        row, predictions = do_run(run)
    except Exception as error:
        return run, None, f"{type(error).__name__}: {error}"
    row = {column: (run._asdict() | row).get(column) for column in COLUMNS}
    array = np.asarray(predictions, dtype=np.float32)
    atomic_write(folder / f"{run.stem}.npy", lambda file: np.save(file, array))
    content = json.dumps(row, indent=1) + "\n"
    atomic_write(folder / f"{run.stem}.json", content.encode())  # last: now the run is done
    return run, row, None


def _as_text(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row as `csv` would read it back, with all columns."""
    values = {column: row.get(column) for column in COLUMNS}
    return {column: "" if value is None else str(value) for column, value in values.items()}
