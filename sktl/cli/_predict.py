"""``sktl predict``: from a model file and a table to predictions, in memory or part by part."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import click

from sktl.cli._paths import READABLE, check_place, say
from sktl.cli._rows import (
    Materials,
    formula_option,
    on_error_option,
    place_options,
    report_problems,
    structure_options,
)


@click.command("predict")
@click.argument("model", type=READABLE)
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Table to write."
)
@formula_option
@structure_options
@place_options
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="Nominal coverage of the interval: the share of measurements that it contains.",
)
@on_error_option
@click.option(
    "--engine",
    type=click.Choice(["memory", "dask"]),
    default="memory",
    show_default=True,
    help="dask: part by part on all cores, for tables of any length; OUTPUT is a folder then, and "
    "DATA may be one.",
)
@click.option(
    "--workers", type=click.IntRange(1), help="With dask: processes [default: one a core]."
)
@click.option("--scheduler", metavar="ADDRESS", help="With dask: a cluster that runs already.")
@click.option(
    "--partition-rows", type=click.IntRange(1), help="With dask: rows of a part [default: 20000]."
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def predict_command(
    model: Path,
    data: Path,
    output: Path,
    coverage: float,
    on_error: str,
    engine: str,
    workers: int | None,
    scheduler: str | None,
    partition_rows: int | None,
    as_json: bool,
    **materials: Any,
) -> None:
    """Predict the table DATA with the model file MODEL, and write it with columns added.

    The columns are the prediction and, where the model knows it, its standard deviation and an
    interval. All other columns and the order of the rows stay as they are. With the engine dask the
    output is a folder of part files; the same command continues where it was stopped.

    \b
    Example:
      sktl predict gap.sktl new.csv -o predicted.csv
      sktl predict gap.sktl big.parquet -o predicted.parquet --engine dask
    """
    check_place(output, model, data)
    place = Materials(**materials).within(data)
    asked: dict[str, Any] = {"materials": place, "coverage": coverage, "on_error": on_error}
    if engine == "dask":
        size = {} if partition_rows is None else {"partition_rows": partition_rows}
        found = _in_parts(model, data, output, workers, scheduler, asked | size)
    elif workers or scheduler or partition_rows:
        raise click.UsageError("--workers, --scheduler and --partition-rows need --engine dask.")
    else:
        found = _in_memory(model, data, output, **asked)
    name, unit = found.pop("target").values()
    reason = found.pop("no_interval")
    if reason:
        say(f"No interval: {reason}", err=True)
    if as_json:
        say(json.dumps(found | {"name": name, "unit": unit, "file": str(output)}))
        return
    what = " ".join(filter(None, (name, f"({unit})" if unit else ""))) or "predictions"
    columns = ", ".join(found["columns"])
    say(f"Wrote {output}: {found['rows']} rows, {what} in {columns}")


def _in_memory(
    model: Path, data: Path, output: Path, *, materials: Materials, coverage: float, on_error: str
) -> dict[str, Any]:
    """Predict for a whole table at once."""
    import sktl
    from sktl.estimators import read_examples
    from sktl.tables import possible_coverage, predict_table, write_table

    for path in (data, output):
        if path.is_dir():
            raise click.UsageError(f"{str(path)!r} is a folder, which needs --engine dask.")
    fitted = sktl.load_model(model)
    if fitted.input_kind_ == "structures" and materials.structures is None:
        raise click.UsageError(
            "This model reads crystal structures: give their folder, --structures FOLDER, or file."
        )
    table, column, _ = materials.read_table(data)
    possible, reason = possible_coverage(fitted, coverage, read_examples(fitted))
    skip = on_error == "skip"
    found = materials.read(table, column)
    predicted, problems = predict_table(
        fitted, table, column, materials=found, coverage=possible, skip=skip, progress=True
    )
    report_problems(table, problems, data, on_error, output)
    assert predicted is not None  # without a usable row, the problems have raised an error
    write_table(output, predicted)
    columns = list(predicted.header[len(table.header) :])
    target = fitted.file_["target"]
    return {"rows": len(predicted), "columns": columns, "no_interval": reason, "target": target}


def _in_parts(
    model: Path,
    data: Path,
    output: Path,
    workers: int | None,
    scheduler: str | None,
    asked: dict[str, Any],
) -> dict[str, Any]:
    """Predict part by part, on this machine or on a cluster."""
    from sktl.scale import connect, predict_partitions
    from sktl.tables import find_files, read_header

    if workers and scheduler:
        raise click.UsageError("--workers is for this machine; a cluster has its own.")
    materials = asked.pop("materials")
    if materials.structures or materials.sheet or materials.header_row:
        raise click.UsageError("--structures, --sheet and --header-row need --engine memory.")
    asked["formula"] = materials.choose_column(read_header(find_files(data)[0]))
    cluster = connect(scheduler) if scheduler else contextlib.nullcontext()
    try:
        with cluster as client:
            found = predict_partitions(model, data, output, client=client, workers=workers, **asked)
    except KeyboardInterrupt:
        say(f"Stopped. The same command continues with {output}.", err=True)
        raise
    if found["skipped"]:
        say(f"Skipped {found['skipped']} rows: see {output / '_skipped'}", err=True)
    return found
