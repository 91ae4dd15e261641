"""What every benchmark shares: cells that are run once, in parallel, and one tidy result file.

A cell writes its row and its predictions to a folder of runs when it is done, each file at once or
not at all. So a run can be stopped and goes on where it was, and several processes may work on one
folder without a lock. `collect` merges the folder into the result file.
"""

import contextlib
import csv
import hashlib
import io
import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed, parallel_config
from joblib.parallel import get_active_backend
from tqdm import tqdm

from sktl._store import atomic_write
from sktl.training import one_thread

COLUMNS = (
    *("dataset", "configuration", "variant", "seed", "n_train", "n_test", "unit"),
    *("validation_mae", "test_mae", "test_r2", "coverage_90", "interval_width"),
    *("fit_seconds", "predict_seconds"),
    *("source", "source_sha256", "train_sha256", "test_sha256", "detail", "versions", "finished"),
)


class Cell(NamedTuple):
    """One number of a benchmark: what is fitted to what.

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
    def key(self):
        """The cell's name in the file of predictions."""
        return "|".join(map(str, self))

    @property
    def std_key(self):
        """The name of its standard deviations in the file of predictions."""
        return f"{self.key}|std"

    @property
    def stem(self):
        """The name of the cell's files in the folder of runs."""
        digest = hashlib.sha256(self.key.encode()).hexdigest()[:8]
        return f"{re.sub('[^A-Za-z0-9]+', '_', self.key)}_{digest}"


def run_cells(cells, run_one, folder, *, table=None, n_jobs=1, report=None):
    """Run the cells that are not done yet.

    Parameters
    ----------
    cells : sequence of Cell
        In the order in which they are begun.
    run_one : callable
        Gets a cell; returns its row, a dict with the `COLUMNS` that `Cell` and `run_cells` do not
        know, and its predictions, an array (n_test,), or (2, n_test) with their standard
        deviations. It must be picklable.
    folder : path-like
        The folder of runs.
    table : path-like or None
        A result file whose cells are done as well.
    n_jobs : int
        Cells at a time, each on one thread; -1 is one for each core. Within
        ``joblib.parallel_config("dask")`` the cluster has its own number.
    report : callable or None
        Called as ``report(cell, row, error)`` after each cell; one of the latter two is None.

    Returns
    -------
    dict
        Cell to message, for each cell that failed; it will be run again next time.
    """
    folder = Path(folder)
    known = {cell_of(row) for row in read_rows(table)}
    open_cells = [cell for cell in cells if cell not in known and not _is_done(folder, cell)]
    failures = {}
    with (
        _processes(),
        tqdm(total=len(open_cells), disable=None, unit="cell") as bar,
    ):
        jobs = (delayed(_run)(cell, run_one, folder) for cell in open_cells)
        for cell, row, error in Parallel(n_jobs, return_as="generator_unordered")(jobs):
            if error is not None:
                failures[cell] = error
            if report is not None:
                report(cell, row, error)
            bar.update()
    return failures


def collect(folder, table, predictions):
    """Merge the folder of runs into the result file and the file of predictions.

    Of two rows for one cell the one that was finished later stays. Rows are sorted by cell, and
    the same rows give the same bytes.

    Parameters
    ----------
    folder : path-like
        The folder of runs.
    table : path-like
        The tidy result file (CSV, see `COLUMNS`); made if there is none.
    predictions : path-like
        The predictions of the test rows (npz): `Cell.key` to float32 array, and `Cell.std_key` to
        their standard deviations where the model knows them.

    Returns
    -------
    list of dict
        The rows of the result file, all values as text.
    """
    rows = {cell_of(row): row for row in read_rows(table)}
    arrays = {}
    if Path(predictions).is_file():
        with np.load(predictions) as file:
            arrays = {key: file[key] for key in file.files}
    for path in sorted(Path(folder).glob("*.json")):
        row = _as_text(json.loads(path.read_text(encoding="utf-8")))
        cell = cell_of(row)
        if cell not in rows or row["finished"] >= rows[cell]["finished"]:
            rows[cell] = row
            found = np.atleast_2d(np.load(path.with_suffix(".npy")))
            arrays[cell.key], arrays[cell.std_key] = found[0], found[1] if len(found) > 1 else None
    ordered = [rows[cell] for cell in sorted(rows)]
    keys = [key for cell in sorted(rows) for key in (cell.key, cell.std_key)]
    kept = {key: arrays[key] for key in keys if arrays.get(key) is not None}
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(ordered)
    atomic_write(table, text.getvalue().encode())
    atomic_write(predictions, lambda file: np.savez_compressed(file, **kept))
    return ordered


def read_rows(table):
    """Return the rows of a result file, all values as text; none if there is no such file.

    A column that the file does not have, as it was written by an older version, is empty.
    """
    if table is None or not Path(table).is_file():
        return []
    with open(table, encoding="utf-8", newline="") as file:
        return [_as_text(row) for row in csv.DictReader(file)]


def cell_of(row):
    """Return the cell of a row."""
    return Cell(row["dataset"], row["configuration"], row["variant"], int(row["seed"]))


def _is_done(folder, cell):
    return (folder / f"{cell.stem}.json").is_file()


def _processes():
    """Return the context of processes of one thread; of a cluster if joblib was given one."""
    backend, _ = get_active_backend()
    if type(backend).__name__ == "DaskDistributedBackend":
        return contextlib.nullcontext()
    return parallel_config("loky", inner_max_num_threads=1)


@one_thread()
def _run(cell, run_one, folder):
    """Run a cell unless another process has done so; return (cell, row, error)."""
    if _is_done(folder, cell):
        return cell, None, None
    try:
        row, predictions = run_one(cell)
    except Exception as error:
        return cell, None, f"{type(error).__name__}: {error}"
    row = {column: (cell._asdict() | row).get(column) for column in COLUMNS}
    array = np.asarray(predictions, dtype=np.float32)
    atomic_write(folder / f"{cell.stem}.npy", lambda file: np.save(file, array))
    content = json.dumps(row, indent=1) + "\n"
    atomic_write(folder / f"{cell.stem}.json", content.encode())  # last: now the cell is done
    return cell, row, None


def _as_text(row):
    """Return a row as `csv` would read it back, with all columns."""
    values = {column: row.get(column) for column in COLUMNS}
    return {column: "" if value is None else str(value) for column, value in values.items()}
