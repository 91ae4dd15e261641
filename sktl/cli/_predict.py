"""``sktl predict``: from a model file and a table to predictions, in memory or part by part."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Literal

import click

from sktl._echo import shown
from sktl.cli._cells import weight_percent_option
from sktl.cli._paths import READABLE, check_place, say, say_json, shown_path
from sktl.cli._rows import (
    Materials,
    decimal_option,
    formula_option,
    max_bad_option,
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
@decimal_option
@weight_percent_option
@click.option(
    "--on-error",
    type=click.Choice(["skip", "stop"]),
    default="skip",
    show_default=True,
    help="What to do with rows that cannot be used: leave their predictions empty and give the "
    "reason, or list them and write nothing.",
)
@max_bad_option
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
    max_bad: float,
    engine: str,
    workers: int | None,
    scheduler: str | None,
    partition_rows: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Predict the table DATA with the model file MODEL, and write it with columns added.

    The columns are the prediction and, where the model knows it, its standard deviation and an
    interval, named by the target and its unit; then how near the training rows are. All rows, their
    order and all other columns stay as they are, and CSV is written as it was read. A row that
    cannot be used has an empty prediction, and the column "reason" says why. With the engine dask
    the output is a folder of part files; the same command continues where it was stopped.

    \b
    Example:
      sktl predict gap.sktl new.csv -o predicted.csv
      sktl predict gap.sktl big.parquet -o predicted.parquet --engine dask
    """
    check_place(output, model, data)
    asked = {"materials": Materials.of(options).within(data), "decimal": options["decimal"]}
    asked |= {"coverage": coverage, "on_error": on_error, "max_bad": max_bad}
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
    if found["skipped"]:
        where = f" and {output / '_skipped'}" if engine == "dask" else ""
        say(f"{found['skipped']} rows have no prediction: see the column 'reason'{where}", err=True)
    if as_json:
        say_json(found | {"name": name, "unit": unit, "file": str(output)})
        return
    what = " ".join(filter(None, (name, f"({unit})" if unit else ""))) or "predictions"
    columns = ", ".join(map(shown, found["columns"]))
    say(f"Wrote {shown_path(output)}: {found['rows']} rows with {what}; columns {columns}")


def _in_memory(
    model: Path,
    data: Path,
    output: Path,
    *,
    materials: Materials,
    coverage: float,
    decimal: Literal["auto", ".", ","],
    on_error: str,
    max_bad: float,
) -> dict[str, Any]:
    """Predict for a whole table at once."""
    import sktl
    from sktl.estimators import read_examples
    from sktl.tables import (
        column_kinds,
        possible_coverage,
        predict_table,
        read_fitted_conditions,
        usable_rows,
        write_table,
    )

    _check_files(data, output)
    fitted = sktl.load_model(model)
    if fitted.input_kind_ == "structures" and materials.structures is None:
        raise click.UsageError(
            "This model reads crystal structures: give their folder, --structures FOLDER, or file."
        )
    table, column, _ = materials.read_table(data)
    materials.check_output(output, table, column)
    examples, target = read_examples(fitted), _target(fitted)
    possible, reason = possible_coverage(fitted, coverage, examples)
    kinds = column_kinds(fitted, examples, possible, target)
    table.with_columns({name: [""] * len(table) for name in kinds})  # which have other names
    given: dict[str, Any] = {"coverage": possible, "target": target}
    given["materials"] = materials.read(table, column)
    given["beside"] = read_fitted_conditions(fitted, table, decimal)
    predicted, problems = predict_table(fitted, table, column, kinds, **given, progress=True)
    report_problems(table, problems, data, on_error, max_bad, None)
    write_table(output, predicted)
    usable = len(usable_rows(table, problems))
    found = {"rows": usable, "skipped": len(table) - usable, "columns": list(kinds)}
    return found | {"no_interval": reason, "target": target}


def _target(fitted: Any) -> dict[str, str | None]:
    """Return what a model file calls what is predicted, and its unit, as a line shows them."""
    return {key: text and shown(text) for key, text in fitted.file_["target"].items()}


def _check_files(*paths: Path) -> None:
    """Raise if one of the paths is a folder."""
    for path in paths:
        if path.is_dir():
            raise click.UsageError(f"{str(path)!r} is a folder, which needs --engine dask.")


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
    if any((*materials[2:], materials.file)) or asked.pop("decimal") != "auto":
        raise click.UsageError(
            "--structures, --sheet, --header-row, --encoding, --decimal and --weight-percent need "
            "--engine memory."
        )
    asked["formula"] = materials.choose_column(read_header(find_files(data)[0]))
    cluster = connect(scheduler) if scheduler else contextlib.nullcontext()
    try:
        with cluster as client:
            found = predict_partitions(model, data, output, client=client, workers=workers, **asked)
    except KeyboardInterrupt:
        say(f"Stopped. The same command continues with {output}.", err=True)
        raise
    return found
