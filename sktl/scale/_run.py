"""Share the parts of a table among workers, and resume a run that was stopped."""

from __future__ import annotations

import contextlib
import importlib
import logging
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import joblib
from filelock import FileLock, Timeout

from sktl._progress import progress
from sktl._store import sha256_of
from sktl._types import PathLike
from sktl.estimators import load_model, read_examples
from sktl.exceptions import ClusterError, InputError, TableError
from sktl.scale._manifest import COMPLETE, RUNNING, SKIPPED, Manifest, read_manifest, versions
from sktl.scale._worker import Job, PartResult, predict_part
from sktl.tables import (
    TablePart,
    column_kinds,
    find_files,
    find_fitted_columns,
    find_formulas,
    kind_of,
    possible_coverage,
    read_header,
    read_table,
    split_table,
)

if TYPE_CHECKING:
    from distributed import Client

PARTITION_ROWS = 20_000
_SUFFIXES = (".csv", ".tsv", ".parquet")


def predict_partitions(
    model: PathLike,
    data: PathLike,
    output: PathLike,
    *,
    formula: str | None = None,
    coverage: float | None = 0.9,
    on_error: Literal["stop", "skip"] = "stop",
    max_bad: float = 0.5,
    partition_rows: int = PARTITION_ROWS,
    client: Client | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Predict for a table of any length, part by part, on all workers of a cluster.

    The output is a folder of part files in the order of the rows, each written whole or not at all,
    and of a manifest, ``_manifest.json``. If a run was stopped or killed, the same call computes
    the missing parts. The parts are the same to the byte, however many workers there are and
    however often they died.

    Parameters
    ----------
    model : path-like
        Model file of an estimator fitted on formulas. Columns that it reads beside them are found
        by name, and the decimal mark of their cells of text is that of most cells of a part.
    data : path-like
        A Parquet, CSV or TSV file, or a folder of such files of one format.
    output : path-like
        Folder to write. The parts have the format that its name ends in, such as
        ``predicted.parquet``, or else that of the input.
    formula : str, optional
        Column of formulas, if it is not the one named like that.
    coverage : float, default=0.9
        Share of the measured values that the intervals should contain.
    on_error : {"stop", "skip"}, default="stop"
        What to do about rows that cannot be used: raise, or leave their predictions empty and give
        the reason in a column; they are also listed in the folder ``_skipped`` of the output.
    max_bad : float, default=0.5
        With more than this share of such rows, raise.
    partition_rows : int, default=20000
        Rows of a part. A part never spans two files.
    client : distributed.Client, optional
        Whose workers share the work. They have to reach model, data and output by the same paths.
        By default those of `local_cluster`.
    workers : int, optional
        Number of processes on this machine, without a client; by default one for each core.

    Returns
    -------
    dict
        ``rows`` predicted and ``skipped`` in all, number of ``parts`` and of those that were
        ``done_before``, names of the ``columns`` added, ``no_interval``, the reason why there is
        none, or None, and ``target``, name and unit of what is predicted.

    Raises
    ------
    TableError
        The input cannot be read, or has rows that cannot be used.
    InputError
        The output folder has other content than these predictions, another call writes to it, or
        the model reads no formulas.
    ModelIntegrityError
        The model file is damaged.
    ClusterError
        Dask is not installed, or workers died again and again.

    See Also
    --------
    local_cluster : Workers on this machine.

    Notes
    -----
    A worker is a process with one thread, since predictions of a network keep a core busy. It
    loads the model once, and holds one part in memory at a time.
    """
    _check_settings(on_error, partition_rows)
    model, data, output = (Path(path).resolve() for path in (model, data, output))
    files = find_files(data)
    table = read_header(files[0])
    made_from = {
        "model_sha256": sha256_of(model),
        "input": [[path.name, sha256_of(path)] for path in files],
        "formula": find_formulas(table, formula),
        "coverage": coverage,
        "partition_rows": partition_rows,
        **versions(),
    }
    kind = kind_of(output if output.suffix in _SUFFIXES else files[0])
    manifest = read_manifest(output, made_from, kind)
    fitted = load_model(model)
    if fitted.input_kind_ != "formulas":
        raise InputError(f"Got a model of {fitted.input_kind_}, expected one fitted on formulas.")
    find_fitted_columns(fitted, table)  # fails where one is not there
    examples, target = read_examples(fitted), fitted.file_["target"]
    coverage, reason = possible_coverage(fitted, coverage, examples)
    if manifest is None:
        columns = column_kinds(fitted, examples, coverage, target)
        table.with_columns({name: [] for name in columns})  # which have other names
        parts = _all_parts(files, table.header, partition_rows)
        manifest = Manifest(made_from, kind, list(table.header), columns, parts)
    job = _job(manifest, model, files[0].parent, coverage, on_error, target)
    with _alone(output):
        counted = _complete(manifest, job, output, client, workers, max_bad)
    return counted | {"columns": list(manifest.columns), "no_interval": reason, "target": target}


@contextlib.contextmanager
def local_cluster(workers: int | None = None) -> Iterator[Client]:
    """Start workers on this machine, each a process of one thread, and stop them at the end.

    Parameters
    ----------
    workers : int, optional
        Number of processes; by default one for each core that this process may use. They share the
        memory of the machine equally, and one that exceeds its share is restarted.

    Yields
    ------
    distributed.Client

    Notes
    -----
    A script that calls this needs ``if __name__ == "__main__":``, as the processes import it.
    """
    distributed = _distributed()
    with (
        distributed.LocalCluster(
            n_workers=workers or joblib.cpu_count(),
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            # without it every scheduler asks for the same port, and the second on a machine warns
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextlib.contextmanager
def connect(address: str) -> Iterator[Client]:
    """Connect to a cluster that runs already.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://10.0.0.1:8786``.

    Yields
    ------
    distributed.Client

    Raises
    ------
    ClusterError
        There is no scheduler at this address.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(address)
    except (OSError, ValueError) as error:
        raise ClusterError(f"Got scheduler={address!r}, and none answers: {error}.") from error
    with client:
        yield client


def _distributed() -> ModuleType:
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise ClusterError("Sharing work needs dask: pip install sktl[dask]") from error


def _check_settings(on_error: str, partition_rows: int) -> None:
    """Fail for settings that cannot be, and without Dask."""
    if on_error not in ("stop", "skip"):
        raise InputError(f"Got on_error={on_error!r}, expected 'stop' or 'skip'.")
    if partition_rows < 1:
        raise InputError(f"Got partition_rows={partition_rows!r}, expected a positive integer.")
    _distributed()


def _job(
    manifest: Manifest,
    model: Path,
    folder: Path,
    coverage: float | None,
    on_error: str,
    target: dict[str, str | None],
) -> Job:
    return Job(
        model=str(model),
        data=str(folder),
        formula=manifest.made_from["formula"],
        coverage=coverage,
        skip=on_error == "skip",
        model_sha256=manifest.made_from["model_sha256"],
        header=tuple(manifest.header),
        columns=manifest.columns,
        target=target,
    )


def _all_parts(files: Sequence[Path], header: tuple[str, ...], rows: int) -> list[TablePart]:
    """Return the parts of all files, whose columns have to be the same."""
    parts, total = [], sum(path.stat().st_size for path in files)
    with progress("Reading", total, "bytes") as work:
        for path in files:
            found = read_header(path).header
            if found != header:
                raise TableError(
                    f"{path.name} has the columns {list(found)}, expected those of "
                    f"{files[0].name}: {list(header)}."
                )
            for part in split_table(path, rows):
                parts.append(part)
                work.update(part.stop - part.start if part.delimiter else 0)
    if not parts:
        raise TableError(f"{files[0].name} has a header and no rows.")
    return parts


@contextlib.contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Keep others from a folder; it is free again when this process ends, however it ends."""
    output.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(output / ".lock", timeout=0).acquire()
    except Timeout as error:
        raise InputError(
            f"Got output={str(output)!r}, where another call is at work: wait for it, or end it."
        ) from error
    with lock:
        yield


def _complete(
    manifest: Manifest,
    job: Job,
    output: Path,
    client: Client | None,
    workers: int | None,
    max_bad: float,
) -> dict[str, int]:
    """Predict the parts that are missing, and return the numbers of rows and parts."""
    missing = manifest.open_parts(output)
    done = sorted(set(range(len(manifest.parts))) - set(missing))
    skipped = sum(_count_skipped(manifest.skipped_place(output, index)) for index in done)
    rows = sum(manifest.parts[index].rows for index in done) - skipped
    if missing:
        manifest.write(output, RUNNING)
        total = sum(part.rows for part in manifest.parts)
        with contextlib.ExitStack() as stack:
            client = client or stack.enter_context(local_cluster(workers))
            work = stack.enter_context(progress("Predicting", total, "rows", rows + skipped))
            for found in _predict(client, manifest, job, output, missing):
                rows, skipped = rows + found["rows"], skipped + found["skipped"]
                work.update(found["rows"] + found["skipped"])
    if skipped > max_bad * (rows + skipped):
        raise TableError(
            f"{skipped} of {rows + skipped} rows cannot be used: see {output / SKIPPED}. If that "
            "is as it should be, say --max-bad 1."
        )
    for left in output.glob(".*.part"):  # of a worker that was killed while it wrote
        left.unlink(missing_ok=True)
    manifest.write(output, COMPLETE)
    parts = len(manifest.parts)
    return {"rows": rows, "skipped": skipped, "parts": parts, "done_before": len(done)}


def _predict(
    client: Client, manifest: Manifest, job: Job, output: Path, missing: list[int]
) -> Iterator[PartResult]:
    """Yield what workers say of parts that they have written."""
    distributed = _distributed()
    token = secrets.token_hex(4)
    futures = [
        client.submit(
            predict_part,
            job,
            manifest.parts[index],
            str(manifest.place(output, index)),
            str(manifest.skipped_place(output, index)),
            key=f"sktl-part-{index:05d}-{token}",
        )
        for index in missing
    ]
    try:
        for future in distributed.as_completed(futures):
            found = future.result()
            if found["problems"] and not job.skip:
                raise TableError(_bad_rows_message(found))
            yield found
            future.release()
    except (distributed.KilledWorker, CancelledError) as error:
        raise ClusterError(
            f"Workers died ({error}). The finished parts stay, and the same call resumes; if "
            "it was for want of memory, take fewer workers or fewer rows a part."
        ) from error
    finally:
        with contextlib.suppress(Exception):  # a cluster that is gone cancels nothing
            client.cancel(futures)


def _bad_rows_message(found: PartResult) -> str:
    more = found["skipped"] - len(found["problems"])
    listed = [*found["problems"], *([f"and {more} more"] if more > 0 else [])]
    total = found["rows"] + found["skipped"]
    return "\n".join(
        [
            *listed,
            f"{found['skipped']} of {total} rows of this part cannot be used. --on-error skip "
            "leaves their predictions empty, and computes the missing parts.",
        ]
    )


def _count_skipped(path: Path) -> int:
    return len(read_table(path)) if path.exists() else 0
